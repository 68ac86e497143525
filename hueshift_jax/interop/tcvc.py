"""The published names of TCVC."""

import jax

from hueshift_jax.interop.published import Published, call_nchw, pictures
from hueshift_jax.models import tcvc

_SOURCE = "Harry-Thasarathan/TCVC"


def _generate(network, joined: jax.Array) -> tuple[jax.Array, ...]:
    """Gray and previous color arrive joined, as published."""
    return call_nchw(lambda x: network(x[..., :1], x[..., 1:]), joined)


def _probability(network, frames: jax.Array) -> tuple[jax.Array, ...]:
    return call_nchw(network, frames)[:1]


def _frames(args, size, rng):
    return pictures(args.get("in_channels", 7))(args, size, rng)


GENERATOR = Published(
    name="tcvc_generator",
    source=f"{_SOURCE}: src/models.py, InpaintGenerator",
    build=lambda args, rngs: tcvc.TcvcGenerator(
        args.get("residual_blocks", tcvc.BLOCKS), rngs=rngs
    ),
    rules=(
        *((rf"^encoder\.{place}\.", f"encoder.{3 * place + 1}.") for place in reversed(range(3))),
        (r"^(middle\.\d+)\.wide\.", r"\1.conv_block.1."),
        (r"^(middle\.\d+)\.narrow\.", r"\1.conv_block.5."),
        (r"^decoder\.1\.", "decoder.3."),
        (r"^color\.", "decoder.7."),
    ),
    inputs=pictures(4),
    call=_generate,
)
DISCRIMINATOR = Published(
    name="tcvc_discriminator",
    source=f"{_SOURCE}: src/models.py, Discriminator",
    build=lambda args, rngs: tcvc.TcvcDiscriminator(args.get("in_channels", 7), rngs=rngs),
    rules=(
        *((rf"^layers\.{place}\.", f"conv{place + 1}.0.") for place in range(5)),
        (r"\.weight$", ".weight_orig"),
    ),
    aliases=((r"^features\.", "conv1."),),
    repeats=((r"^conv1\.", "features."),),
    inputs=_frames,
    call=_probability,
)

NETWORKS = (GENERATOR, DISCRIMINATOR)
