"""The published names of SCGAN."""

from collections.abc import Mapping
from typing import Any

from flax import nnx

from hueshift_jax.errors import ConversionError
from hueshift_jax.interop.published import Published, Rules, call_nchw, pictures
from hueshift_jax.models.scgan import ScganDiscriminator, ScganGenerator

_SOURCE = "zhaoyuzhi/Semantic-Colorization-GAN: train/network.py"
_EDGES = {"reflect": "reflect", "replicate": "edge", "zero": "constant"}


def _edge(args: Mapping[str, Any], network: str) -> str:
    """What is added around maps; the other options of the published layers are checked.

    Raises:
      ConversionError: a padding, rectifier or norm that we do not have.
    """
    found = args.get("pad", "reflect"), args.get(f"activ_{network}"), args.get(f"norm_{network}")
    if found[0] not in _EDGES or found[1] not in (None, "lrelu") or found[2] not in (None, "bn"):
        raise ConversionError(
            f"SCGAN with pad, activation, norm {found} is not known; expected one of "
            f"{', '.join(_EDGES)}, then lrelu, bn"
        )
    return _EDGES[found[0]]


def _layer(ours: str, theirs: str, enlarges: bool = False) -> Rules:
    outer = f"{theirs}.conv2d" if enlarges else theirs
    ours = ours.replace(".", r"\.")
    return (
        (rf"^{ours}\.conv\.weight$", f"{outer}.conv2d.module.weight_bar"),
        (rf"^{ours}\.conv\.", f"{outer}.conv2d.module."),
        (rf"^{ours}\.norm\.", f"{outer}.norm."),
    )


_FEATURES = [
    f"{block}_{n + 1}" for block, count in enumerate((2, 2, 3, 3, 3), 1) for n in range(count)
]
_LAYERS = (
    *((f"features.layers.{n}", f"global_feature_network.conv{c}") for n, c in enumerate(_FEATURES)),
    (f"features.layers.{len(_FEATURES)}", "global_feature_network.pool5"),
    *((f"down.{n}", f"down{n + 1}") for n in range(9)),
    ("up.8", "up9"),
    ("saliency.from_half", "attention_prediction_network.conv3"),
    ("saliency.final", "attention_prediction_network.final"),
)
_ENLARGING = (
    *((f"up.{n}", f"up{n + 1}") for n in range(8)),
    ("saliency.from_eighth.0", "attention_prediction_network.conv11"),
    ("saliency.from_eighth.1", "attention_prediction_network.conv12"),
    ("saliency.from_quarter", "attention_prediction_network.conv2"),
    ("saliency.joined", "attention_prediction_network.conv4"),
)


def _build_generator(args: Mapping[str, Any], rngs: nnx.Rngs) -> ScganGenerator:
    return ScganGenerator(
        args.get("in_channels", 1),
        args.get("out_channels", 3),
        args.get("start_channels", 64),
        saliency_width=args.get("latent_channels", 128),
        edge=_edge(args, "g"),
        as_published=True,
        rngs=rngs,
    )


def _build_discriminator(args: Mapping[str, Any], rngs: nnx.Rngs) -> ScganDiscriminator:
    return ScganDiscriminator(
        args.get("in_channels", 1),
        args.get("out_channels", 3),
        args.get("start_channels", 64),
        edge=_edge(args, "d"),
        as_published=True,
        rngs=rngs,
    )


def _call_generator(network: ScganGenerator, gray):
    """Color and saliency, (b, c, h, w)."""

    def both(x):
        prediction = network(x)
        return prediction.color, prediction.saliency

    return call_nchw(both, gray)


def _gray(args, size, rng):
    return pictures(args.get("in_channels", 1))(args, size, rng)


def _gray_and_color(args, size, rng):
    channels = args.get("in_channels", 1), args.get("out_channels", 3)
    return pictures(*channels)(args, size, rng)


GENERATOR = Published(
    name="scgan_generator",
    source=f"{_SOURCE}, SCGAN",
    build=_build_generator,
    rules=(
        *(rule for names in _LAYERS for rule in _layer(*names)),
        *(rule for names in _ENLARGING for rule in _layer(*names, enlarges=True)),
    ),
    size=(256, 256),
    inputs=_gray,
    call=_call_generator,
)

DISCRIMINATOR = Published(
    name="scgan_discriminator70",
    source=f"{_SOURCE}, PatchDiscriminator70",
    build=_build_discriminator,
    rules=(
        *(rule for n in range(4) for rule in _layer(f"blocks.{n}", f"block{n + 1}")),
        *(rule for n in range(2) for rule in _layer(f"final.{n}", f"final{n + 1}")),
    ),
    size=(256, 256),
    inputs=_gray_and_color,
)

NETWORKS = (GENERATOR, DISCRIMINATOR)
