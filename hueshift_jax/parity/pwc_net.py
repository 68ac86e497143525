"""References of PWC-Net."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import pwc_net
from hueshift_jax.interop.published import Published
from hueshift_jax.models.pwc_net import FLOW_UNIT, LEVELS
from hueshift_jax.ops import warp
from hueshift_jax.parity.case import Case, nchw, nhwc
from hueshift_jax.parity.frame_pairs import frame_pair, shifted


def _flows(case: Case, published: Published) -> tuple:
    """Flows of all levels, (b, h, w, 2)."""
    pair = nhwc(np.concatenate(frame_pair(case), 1))
    return nnx.jit(lambda net, x: net(x))(case.network(published), jnp.asarray(pair))


def compare_official(case: Case) -> None:
    """Flows of all levels."""
    _compare_levels(case, pwc_net.PWC_NET)


def compare_old(case: Case) -> None:
    """Flows of all levels of the older variant."""
    _compare_levels(case, pwc_net.PWC_NET_OLD)


def _compare_levels(case: Case, published: Published) -> None:
    for level, flow in zip(LEVELS, _flows(case, published), strict=True):
        case.compare(f"flow{level}", nchw(flow))


def compare_second(case: Case) -> None:
    """The flow in pixels, and the masked warp alone."""
    case.compare("flow", FLOW_UNIT * nchw(_flows(case, pwc_net.PWC_NET_SECOND)[0]))
    flow = jnp.asarray(nhwc(shifted(case, "flow")))
    source = jnp.asarray(nhwc(case.draw("src")))
    threshold = case.find(r"threshold\s+([\d.]*\d)", 0.999)
    moved = jnp.where(warp.is_inside(flow, threshold), warp.warp(source, flow), 0.0)
    case.compare("warped", nchw(moved))


RUNNERS = {
    "pwcnet": compare_official,
    "pwcnet_old": compare_old,
    "pwcnet_sniklaus": compare_second,
}
