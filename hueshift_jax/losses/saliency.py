"""Losses of saliency maps, and of colors where they are salient. Maps are 0..1 unless said."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_LAPLACIAN = np.full((3, 3), -1.0, np.float32)
_LAPLACIAN[1, 1] = 8.0


def attention_l1(
    color: Float[Array, "b h w c"],
    saliency: Float[Array, "b h w 1"],
    truth: Float[Array, "b h w c"],
    true_saliency: Float[Array, "b h w 1"],
) -> Float[Array, ""]:
    """Mean absolute difference of the two pictures, each times its saliency.

    Source: zhaoyuzhi/Semantic-Colorization-GAN, train/trainer.py, commit e7e012b.
    """
    return jnp.mean(jnp.abs(color * saliency - truth * true_saliency))


def edges(saliency: Float[Array, "b h w 1"]) -> Float[Array, "b h w 1"]:
    """Where a map is brighter than its eight neighbors, 0..1; zeros lie around it."""
    h, w = saliency.shape[1:3]
    padded = jnp.pad(saliency, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = (
        float(_LAPLACIAN[i, j]) * padded[:, i : i + h, j : j + w]
        for i in range(3)
        for j in range(3)
    )
    return jax.nn.relu(jnp.tanh(sum(taps)))


def weighted_cross_entropy(
    saliency: Float[Array, "b h w 1"], truth: Float[Array, "b h w 1"], salient: float = 1.12
) -> Float[Array, ""]:
    """Mean cross entropy in which what is salient weighs `salient` times."""
    tiny = 1e-15  # Keeps log(0) finite; any larger value of float32 swallows it.
    yes = -salient * truth * jnp.log(saliency + tiny)
    # A sigmoid may exceed 1 by a rounding error, and then the rest to 1 is negative.
    rest = jnp.maximum(1.0 - saliency, 0.0)
    return jnp.mean(yes - (1.0 - truth) * jnp.log(rest + tiny))


def edge_cross_entropy(
    saliency: Float[Array, "b h w 1"],
    truth: Float[Array, "b h w 1"],
    *,
    held: float = 1e-7,
    as_published: bool = False,
) -> Float[Array, ""]:
    """Mean cross entropy of the edges of two maps.

    Edges are often exactly 0 or 1, so the logarithms must end somewhere: probabilities are held
    `held` away from both. As published it is the logarithms that are held above -100, and one wrong
    pixel costs up to a hundred.
    """
    found, wanted = edges(saliency), edges(truth)
    if not as_published:
        found = jnp.clip(found, held, 1.0 - held)
    yes = jnp.maximum(jnp.log(found), -100.0)
    no = jnp.maximum(jnp.log1p(-found), -100.0)
    return -jnp.mean(wanted * yes + (1.0 - wanted) * no)


def edge_saliency(
    saliency: Float[Array, "b h w 1"],
    truth: Float[Array, "b h w 1"],
    *,
    share: float = 0.7,
    salient: float = 1.12,
    as_published: bool = False,
) -> Float[Array, ""]:
    """What the saliency network minimizes: `share` of the map's entropy, the rest of its edges'.

    Source: Zhao and Wu 2019, equation 8; sairajk/PyTorch-Pyramid-Feature-Attention-Network-for-
    Saliency-Detection, src/loss.py (`EdgeSaliencyLoss`), commit 074722e.
    """
    maps = weighted_cross_entropy(saliency, truth, salient)
    outlines = edge_cross_entropy(saliency, truth, as_published=as_published)
    return share * maps + (1.0 - share) * outlines
