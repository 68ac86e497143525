"""References of RAFT."""

import re

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import raft
from hueshift_jax.interop.published import Published
from hueshift_jax.losses import flow as losses
from hueshift_jax.metrics.flow import flow_errors
from hueshift_jax.models.raft import RAFT
from hueshift_jax.ops import warp
from hueshift_jax.parity.case import Case, nchw, nhwc
from hueshift_jax.parity.frame_pairs import frame_pair, shifted

_NUMBER = r"\d+(?:\.\d+)?"
_SPOILED = re.compile(r"gt\[(\d+),(\d+),:(\d+),:(\d+)\]\s*=\s*([\d.]+)")


def _frames(case: Case) -> list[jax.Array]:
    """The two frames as our network takes them."""
    scale = np.float32(case.find(r"times (\d+)", 1.0) / 255.0)
    return [jnp.asarray(nhwc(frame) * scale) for frame in frame_pair(case)]


def _outputs(network: RAFT, first, second, at, iterations: int):
    motion = network(first, second, iterations, every=True)
    first, second = 2.0 * first - 1.0, 2.0 * second - 1.0
    seen = warp.look_up(network.correlations(first, second), at, network.sizes.radius)
    return motion, network.features(first), seen


def _compare(case: Case, published: Published) -> tuple[RAFT, jax.Array]:
    """Flows of all iterations, the features, one lookup; gives the network and the flows."""
    network = case.network(published)
    iterations = sum(bool(re.fullmatch(r"flow_up\d+", name)) for name in case.arrays)
    offsets = jnp.asarray(nhwc(shifted(case, "co")))
    at = warp.coordinates(*offsets.shape[1:3])[None] + offsets
    run = nnx.jit(_outputs, static_argnums=4)
    motion, features, seen = run(network, *_frames(case), at, iterations)
    case.compare("flow_low", nchw(motion.coarse))
    for n, flow in enumerate(motion.flows):
        case.compare(f"flow_up{n}", nchw(flow))
    case.compare("fmap1", nchw(features))
    case.compare("corr_lookup", nchw(seen))
    return network, motion.flows


def compare_basic(case: Case) -> None:
    """Also the context's norm on batch statistics, the loss and the end point errors."""
    network, flows = _compare(case, raft.RAFT_BASIC)
    network.train()
    iterations = int(case.find(r"train mode with (\d+) iterations", 2))
    run = nnx.jit(lambda net, *frames: net(*frames, iterations).flows[-1])
    case.compare(f"flow_up{iterations - 1}_train", nchw(run(network, *_frames(case))))
    _compare_loss(case, flows)


def _compare_loss(case: Case, flows: jax.Array) -> None:
    truth = _truth(case)
    threshold = case.find(rf"'valid',.*?>\s*({_NUMBER})", 0.3)
    valid = jnp.asarray(case.draw("valid")[:, 0] > threshold, jnp.float32)
    known = losses.usable(truth, valid, case.find(rf"max flow ({_NUMBER})", 400.0))
    gamma = case.find(rf"gamma ({_NUMBER})", 0.8)
    loss = losses.sequence_loss(flows, truth, known, gamma=gamma, as_published=True)
    case.compare("sequence_loss", loss)
    case.compare("metrics", jnp.stack(flow_errors(flows[-1], truth, known)))


def _truth(case: Case) -> jax.Array:
    """The true flow with the far too long vectors that its sentence puts into a corner."""
    truth = shifted(case, "gt")
    for line in case.lines.values():
        for *where, value in _SPOILED.findall(line):
            picture, channel, rows, columns = map(int, where)
            truth[picture, channel, :rows, :columns] = float(value)
    return jnp.asarray(nhwc(truth))


def compare_small(case: Case) -> None:
    """The small variant."""
    _compare(case, raft.RAFT_SMALL)


RUNNERS = {"raft": compare_basic, "raft_small": compare_small}
