"""The published names of the three-frame GAN."""

import jax
import jax.numpy as jnp

from hueshift_jax.interop.published import Published, Rules, call_nchw, pictures
from hueshift_jax.models import three_frame

_SOURCE = "cs282-video-colorization-team/Video-Colorization-with-GANs"


def _levels(count: int) -> Rules:
    """Levels downwards: convolution and norm, counted from 1."""
    return tuple(
        (rf"^down\.{place}\.{ours}\.", f"{theirs}{place + 1}.")
        for place in range(count)
        for ours, theirs in (("conv", "conv"), ("norm", "bn"))
    )


_ATTENTIONS: Rules = (
    *((rf"^attentions\.{place}\.", f"attn{place + 1}.") for place in range(2)),
    (r"\.query\.", ".query_conv."),
    (r"\.keys\.", ".key_conv."),
    (r"\.values\.", ".value_conv."),
)
_GENERATOR: Rules = (
    *_levels(5),
    *(
        (rf"^up\.{place}\.{ours}\.", f"{theirs}{place + 6}.")
        for place in range(4)
        for ours, theirs in (("conv", "deconv"), ("norm", "bn"))
    ),
    (r"^join\.norm\.", "bn1x1."),
    (r"^join\.before\.", "conv1x1prev."),
    (r"^join\.now\.", "conv1x1now."),
    (r"^join\.after\.", "conv1x1next."),
)
_OLDER: Rules = (*_GENERATOR, (r"^color\.", "deconv10."), (r"^color_norm\.", "bn10."))


def _width(args, name: str) -> int:
    return args.get(name, three_frame.WIDTH)


def _attending(args) -> bool:
    return bool(args.get("use_self_attn", False))


GENERATOR = Published(
    name="three_frame_generator",
    source=f"{_SOURCE}: gan_model_time.py, ConvGenTime",
    build=lambda args, rngs: three_frame.ThreeFrameGenerator(
        _width(args, "ngf"), attention=_attending(args), rngs=rngs
    ),
    rules=(
        *_GENERATOR,
        *_ATTENTIONS,
        (r"^color\.", "deconvRGB."),
        (r"^spare_color\.", "deconvLAB."),
    ),
    inputs=pictures(1, 1, 1),
)
OLDER_GENERATOR = Published(
    name="three_frame_generator_older",
    source=f"{_SOURCE}: gan_model.py, ConvGenTime",
    build=lambda args, rngs: three_frame.OlderThreeFrameGenerator(_width(args, "ngf"), rngs=rngs),
    rules=_OLDER,
    inputs=pictures(1, 1, 1),
)
PER_FRAME_GENERATOR = Published(
    name="per_frame_generator",
    source=f"{_SOURCE}: gan_model.py, ConvGen",
    build=lambda args, rngs: three_frame.PerFrameGenerator(_width(args, "ngf"), rngs=rngs),
    rules=_OLDER,
)


def _squeezed(network, *inputs: jax.Array) -> tuple[jax.Array, ...]:
    """Scores without the axes of length 1, the batch's included, as published."""
    return tuple(jnp.squeeze(y) for y in call_nchw(network, *inputs))


def _probability(network, *inputs: jax.Array) -> tuple[jax.Array, ...]:
    return call_nchw(network, *inputs)[:1]


PATCH_DISCRIMINATOR = Published(
    name="three_frame_patch_discriminator",
    source=f"{_SOURCE}: gan_model_time.py, PatchDis",
    build=lambda args, rngs: three_frame.PatchDiscriminator(
        _width(args, "ndf"), attention=_attending(args), as_published=True, rngs=rngs
    ),
    rules=(
        *((rf"^layers\.{place}\.", f"conv{place + 1}.module.") for place in range(4)),
        (r"^scores\.", "conv5.module."),
        (r"\.module\.weight$", ".module.weight_bar"),
        *_ATTENTIONS,
    ),
    inputs=pictures(3),
    call=_squeezed,
)


def _whole_size(args, size, rng):
    """Pictures of the one size that the network takes."""
    side = 480 if args.get("large") else 224
    return pictures(3)(args, (side, side), rng)


WHOLE_DISCRIMINATOR = Published(
    name="three_frame_whole_discriminator",
    source=f"{_SOURCE}: gan_model.py, ConvDis",
    build=lambda args, rngs: three_frame.WholeDiscriminator(
        _width(args, "ndf"),
        large=bool(args.get("large", False)),
        attention=_attending(args),
        rngs=rngs,
    ),
    rules=(
        *_levels(5),
        (r"^whole\.", "conv6."),
        (r"^norm\.", "bn6."),
        (r"^score\.", "conv7."),
        *_ATTENTIONS,
    ),
    size=(224, 224),
    inputs=_whole_size,
    call=_probability,
)

NETWORKS = (
    GENERATOR,
    OLDER_GENERATOR,
    PER_FRAME_GENERATOR,
    PATCH_DISCRIMINATOR,
    WHOLE_DISCRIMINATOR,
)
