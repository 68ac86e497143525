"""References of DLVC: U-Net, noise schedule, sampler, autoencoder and tokens."""

import re

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.diffusion import ancestral, schedule
from hueshift_jax.interop import dlvc
from hueshift_jax.models.kl_autoencoder import LATENT_SCALE
from hueshift_jax.ops.embedding import sinusoidal
from hueshift_jax.parity import recipes
from hueshift_jax.parity.case import Case, nchw, nhwc

_TRANSFORMER = {
    "image_size": (r"image (\d+)", 224),
    "patch_size": (r"patch (\d+)", 32),
    "hidden_dim": (r"hidden (\d+)", 768),
    "num_layers": (r"(\d+) layers", 12),
    "num_heads": (r"(\d+) heads", 12),
    "mlp_dim": (r"mlp (\d+)", 3072),
}
"""How a sentence states the published arguments, and what counts if it does not."""


def _schedule(case: Case, steps: int) -> schedule.NoiseSchedule:
    first = float(case.args.get("beta_start", 1e-4))
    return schedule.linear(steps, first, float(case.args.get("beta_end", 0.02)))


def compare_unet(case: Case) -> None:
    """Predicted noise and the embedded steps."""
    network = case.network(dlvc.UNET)
    latent, tokens = nhwc(case.draw("latent")), case.draw("tokens")
    steps = jnp.asarray(case.input("t"))
    found = nnx.jit(lambda network, *x: network(*x))(network, latent, steps, tokens)
    case.compare("y", nchw(found))
    case.compare("pos_encoding", sinusoidal(steps, case.arrays["pos_encoding"].shape[1]))


def compare_schedule(case: Case) -> None:
    """Every stored length of the schedule."""
    for name, reference in case.arrays.items():
        known = _schedule(case, len(reference))
        case.compare(name, known.added if name.startswith("beta") else known.kept)


def compare_sampler(case: Case) -> None:
    """All states on the way back, with a formula in place of the network."""
    reference = case.arrays["trajectory"]
    steps, shape = len(reference), reference.shape[1:]
    stream = re.search(r"generator\(key, *[\"'](\w+)[\"']\)", " ".join(case.lines.values()))
    rng = recipes.generator(case.key, stream[1] if stream else "noise")
    states = [jnp.asarray(rng.standard_normal(shape), jnp.float32)]
    noises = jnp.asarray(rng.standard_normal((steps, *shape)), jnp.float32)
    of_state = case.find(r"eps ?= ?([\d.]+) ?\* ?x", 0.3)
    of_step = case.find(r"\+ ?([\d.]+) ?\* ?i", 0.1)
    known = _schedule(case, steps)
    for step in range(steps - 1, 0, -1):
        predicted = of_state * states[-1] + of_step * step / steps
        fresh = noises[step] if step > 1 else 0.0
        states.append(ancestral.step_back(known, states[-1], predicted, step, fresh))
    case.compare("trajectory", jnp.stack(states))


def compare_autoencoder(case: Case) -> None:
    """Moments of a picture, and the picture of a latent."""
    network = case.network(dlvc.AUTOENCODER)
    picture, latent = nhwc(case.draw("image")), nhwc(case.draw("latent"))
    latent = latent / case.find(r"scaling_factor[ =]([\d.]+)", LATENT_SCALE)
    moments = nnx.jit(lambda network, x: network.moments(x))(network, picture)
    case.compare("moments", nchw(moments))
    decoded = nnx.jit(lambda network, z: network.decode(z))(network, latent)
    case.compare("decoded", nchw(decoded))


def compare_transformer(case: Case) -> None:
    """Tokens, and the patches before the transformer."""
    network = case.network(dlvc.TRANSFORMER, _transformer_args(case))
    gray = np.repeat(nhwc(case.draw("gray")), 3, -1)
    tokens, patches = nnx.jit(lambda network, x: (network(x), network.patches(x)))(network, gray)
    case.compare("y", tokens)
    case.compare("patches", patches)


def _transformer_args(case: Case) -> dict:
    """From the sentence of the arguments; the number of classes from the head's shape."""
    stated = {name: int(case.find(*sought)) for name, sought in _TRANSFORMER.items()}
    return {**stated, "num_classes": len(case.tensors["heads.head.bias"]), **case.args}


RUNNERS = {
    "dlvc_unet": compare_unet,
    "dlvc_schedule": compare_schedule,
    "dlvc_sampler": compare_sampler,
    "dlvc_vae": compare_autoencoder,
    "dlvc_vae_small": compare_autoencoder,
    "dlvc_vit_b_32": compare_transformer,
}
