"""The published names of FastFlowNet."""

from hueshift_jax.interop.published import Published, call_nchw, pictures
from hueshift_jax.models.fast_flow_net import FastFlowNet


def _level_rules(place: int) -> tuple[tuple[str, str], ...]:
    """Names at place `place` of the lists that begin with level 2."""
    level = place + 2
    return (
        (rf"^reduce\.{place}\.", f"rconv{level}.0."),
        (rf"^decoders\.{place}\.predict\.", f"decoder{level}.conv7."),
        *(
            (rf"^decoders\.{place}\.layers\.{n}\.", f"decoder{level}.conv{n + 1}.0.")
            for n in range(6)
        ),
        (rf"^up\.{place}\.", f"up{level + 1}."),
    )


FAST_FLOW_NET = Published(
    name="fast_flow_net",
    source="ltkong218/FastFlowNet: models/FastFlowNet_v2.py, FastFlowNet",
    build=lambda args, rngs: FastFlowNet(args.get("groups", 3), rngs=rngs),
    rules=(
        *(
            (rf"^pyramid\.{level}\.{layer}\.", f"pconv{level + 1}_{layer + 1}.0.")
            for level in range(3)
            for layer in range(3)
        ),
        *(rule for place in range(5) for rule in _level_rules(place)),
    ),
    size=(128, 192),
    inputs=pictures(6),
    call=lambda network, pair: call_nchw(network, pair)[:1],
)

NETWORKS = (FAST_FLOW_NET,)
