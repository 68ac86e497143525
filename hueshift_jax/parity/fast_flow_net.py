"""References of FastFlowNet."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop.fast_flow_net import FAST_FLOW_NET
from hueshift_jax.models import fast_flow_net
from hueshift_jax.ops import warp
from hueshift_jax.parity.case import Case, nchw, nhwc
from hueshift_jax.parity.frame_pairs import frame_pair

_THIRD = fast_flow_net.LEVELS.index(3)


def _run(network: fast_flow_net.FastFlowNet, pair, decoder_input):
    """All flows, and the parts that the reference looks at."""
    flows = network(pair)
    both = network.features(jnp.concatenate([pair[..., :3], pair[..., 3:]]))[_THIRD]
    first, second = jnp.split(both, 2)
    pixels = flows[_THIRD] * fast_flow_net.pixels_per_unit(3)
    parts = {
        "corr3": warp.correlation(first, second, kept=fast_flow_net.KEPT_CHANNELS),
        "warp3": warp.warp(second, pixels),
        "dec6": network.decoders[-1](decoder_input),
    }
    return {f"flow{n}": flow for n, flow in zip(fast_flow_net.LEVELS, flows, strict=True)} | parts


def compare(case: Case) -> None:
    """Flows of all levels, one correlation, one warp, one decoder."""
    first, second = frame_pair(case)
    mean = np.mean([first.mean((2, 3)), second.mean((2, 3))], 0)[..., None, None]
    pair = jnp.asarray(nhwc(np.concatenate([first - mean, second - mean], 1)))
    network = case.network(FAST_FLOW_NET)
    found = nnx.jit(_run)(network, pair, jnp.asarray(nhwc(case.draw("dec"))))
    for name, value in found.items():
        case.compare(name, nchw(value))


RUNNERS = {"fastflownet": compare}
