"""The published names of RAFT."""

from hueshift_jax.interop.published import Published, Rules, call_nchw
from hueshift_jax.models.raft import BASIC, ITERATIONS, RAFT, SMALL

_SOURCE = "princeton-vl/RAFT: core/raft.py, RAFT"


def _encoder_rules() -> Rules:
    blocks = (
        rule
        for stage in range(3)
        for place in range(2)
        for rule in (
            (rf"\.blocks\.{2 * stage + place}\.", f".layer{stage + 1}.{place}."),
            *((rf"\.(conv|norm)s\.{n}\.", rf".\g<1>{n + 1}.") for n in range(3)),
        )
    )
    return (
        (r"^features\.", "fnet."),
        (r"^context\.", "cnet."),
        (r"net\.stem\.", "net.conv1."),
        (r"net\.norm\.", "net.norm1."),
        (r"net\.project\.", "net.conv2."),
        *blocks,
        (r"\.shortcut\.", ".downsample.0."),
        (r"\.shortcut_norm\.", ".downsample.1."),
    )


def _update_rules(separable: bool) -> Rules:
    cells = (
        (rf"\.cells\.{n}\.{part}\.", f".gru.conv{letter}{n + 1 if separable else ''}.")
        for n in range(2)
        for part, letter in (("update", "z"), ("reset", "r"), ("candidate", "q"))
    )
    return (
        (r"^update\.", "update_block."),
        *((rf"\.motion\.correlation\.{n}\.", f".encoder.convc{n + 1}.") for n in range(2)),
        *((rf"\.motion\.flow\.{n}\.", f".encoder.convf{n + 1}.") for n in range(2)),
        (r"\.motion\.joined\.", ".encoder.conv."),
        *cells,
        *((rf"\.flow_head\.layers\.{n}\.", f".flow_head.conv{n + 1}.") for n in range(2)),
        (r"\.mask\.layers\.0\.", ".mask.0."),
        (r"\.mask\.layers\.1\.", ".mask.2."),
    )


_ALIASES = ((r"\.0\.norm[34]\.", ".0.downsample.1."),)
"""The shortcut's norm is listed twice; the second name is the one whose values count."""
_FORMER = ((r"^module\.", ""),)
"""Published files were written from a network on several devices."""


def _frames(args, size, rng):
    del args
    return tuple(rng.uniform(0.0, 255.0, (1, 3, *size)).astype("float32") for _ in range(2))


def _last_flow(network: RAFT, first, second, iterations: int = ITERATIONS) -> tuple:
    """Flow at an eighth of the size and at the full one; pictures are 0..255."""

    def run(first, second):
        motion = network(first / 255.0, second / 255.0, iterations)
        return motion.coarse, motion.flows[-1]

    return call_nchw(run, first, second)


RAFT_BASIC = Published(
    name="raft",
    source=_SOURCE,
    build=lambda args, rngs: RAFT(BASIC, rngs=rngs),
    rules=(*_encoder_rules(), *_update_rules(separable=True)),
    aliases=_ALIASES,
    repeats=((r"\.0\.downsample\.1\.", ".0.norm3."),),
    former=_FORMER,
    size=(128, 160),
    inputs=_frames,
    call=_last_flow,
)

RAFT_SMALL = Published(
    name="raft_small",
    source=f"{_SOURCE}(small=True)",
    build=lambda args, rngs: RAFT(SMALL, rngs=rngs),
    rules=(*_encoder_rules(), *_update_rules(separable=False)),
    aliases=_ALIASES,
    repeats=((r"\.0\.downsample\.1\.", ".0.norm4."),),
    former=_FORMER,
    size=(128, 160),
    inputs=_frames,
    call=_last_flow,
)

NETWORKS = (RAFT_BASIC, RAFT_SMALL)
