"""The published names of PWC-Net in both of its code bases."""

import jax.numpy as jnp

from hueshift_jax.interop.published import Published, Rules, call_nchw, pictures
from hueshift_jax.models.pwc_net import FLOW_UNIT, OLD_NEW_FIRST, PWCNet

_OFFICIAL = "NVlabs/PWC-Net: PyTorch/models/PWCNet.py"
_NUMBERS = ("One", "Two", "Thr", "Fou", "Fiv", "Six")


def _official_rules(layers: tuple[str, ...], last: tuple[str, ...]) -> Rules:
    """layers: of a pyramid level, as they follow one another; last: those of level 6."""
    pyramid = (
        (rf"^pyramid\.{level}\.{n}\.", f"conv{level + 1}{letter}.0.")
        for level in range(6)
        for n, letter in enumerate(last if level == 5 else layers)
    )
    estimators = (
        rule
        for place in range(5)
        for rule in (
            (rf"^estimators\.{place}\.layers\.(\d)\.", rf"conv{place + 2}_\1.0."),
            (rf"^estimators\.{place}\.predict\.", f"predict_flow{place + 2}."),
            (rf"^estimators\.{place}\.upflow\.", f"deconv{place + 2}."),
            (rf"^estimators\.{place}\.upfeat\.", f"upfeat{place + 2}."),
        )
    )
    context = ((rf"^context\.{n}\.", f"dc_conv{n + 1}.0.") for n in range(6))
    return (*pyramid, *estimators, *context, (r"^refine\.", "dc_conv7."))


def _second_rules() -> Rules:
    pyramid = (
        (rf"^pyramid\.{level}\.{n}\.", f"netExtractor.net{number}.{2 * n}.")
        for level, number in enumerate(_NUMBERS)
        for n in range(3)
    )
    estimators = (
        rule
        for place, number in enumerate(_NUMBERS[1:])
        for rule in (
            *(
                (rf"^estimators\.{place}\.layers\.{n}\.", f"net{number}.net{_NUMBERS[n]}.0.")
                for n in range(5)
            ),
            (rf"^estimators\.{place}\.predict\.", f"net{number}.netSix.0."),
            # With these names the finer level owns what enlarges the coarser one's flow.
            (rf"^estimators\.{place}\.upflow\.", f"net{_NUMBERS[place]}.netUpflow."),
            (rf"^estimators\.{place}\.upfeat\.", f"net{_NUMBERS[place]}.netUpfeat."),
        )
    )
    context = ((rf"^context\.{n}\.", f"netRefiner.netMain.{2 * n}.") for n in range(6))
    return (*pyramid, *estimators, *context, (r"^refine\.", "netRefiner.netMain.12."))


def _finest(network: PWCNet, pair) -> tuple:
    return call_nchw(network, pair)[:1]


def _finest_in_pixels(network: PWCNet, first, second) -> tuple:
    (flow,) = _finest(network, jnp.concatenate([first, second], 1))
    return (FLOW_UNIT * flow,)


PWC_NET = Published(
    name="pwc_net",
    source=f"{_OFFICIAL}, PWCDCNet",
    build=lambda args, rngs: PWCNet(args.get("md", 4), threshold=0.9999, rngs=rngs),
    rules=_official_rules(("a", "aa", "b"), ("aa", "a", "b")),
    size=(128, 192),
    inputs=pictures(6),
    call=_finest,
)

PWC_NET_OLD = Published(
    name="pwc_net_old",
    source=f"{_OFFICIAL}, PWCDCNet_old",
    build=lambda args, rngs: PWCNet(
        args.get("md", 4), pyramid_layers=2, new_first=OLD_NEW_FIRST, rngs=rngs
    ),
    rules=_official_rules(("a", "b"), ("a", "b")),
    size=(128, 192),
    inputs=pictures(6),
    call=_finest,
)

PWC_NET_SECOND = Published(
    name="pwc_net_second",
    source="sniklaus/pytorch-pwc: run.py, Network",
    build=lambda args, rngs: PWCNet(spare_upflow=False, rngs=rngs),
    rules=_second_rules(),
    former=((r"\bmodule", "net"),),
    size=(128, 192),
    inputs=pictures(3, 3),
    call=_finest_in_pixels,
)

NETWORKS = (PWC_NET, PWC_NET_OLD, PWC_NET_SECOND)
