"""References of the networks of blind deflickering and of their loop."""

import re

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import deflicker
from hueshift_jax.parity.case import Case, nchw, nhwc
from hueshift_jax.pipeline import deflicker as loop


def compare_filter(case: Case) -> None:
    """The filter on one pair."""
    network = case.network(deflicker.FILTER)
    run = nnx.jit(lambda net, x: net(x))
    case.compare("y", nchw(run(network, jnp.asarray(nhwc(case.draw("input"))))))


def compare_conv_lstm(case: Case) -> None:
    """Outputs and cells of all steps."""
    network = case.network(deflicker.CONV_LSTM)
    run = nnx.jit(lambda net, x, memory: net(x, memory))
    inputs = [nhwc(case.draw("x%d", t)) for t in range(len(case.arrays["h"]))]
    memory = network.start(*inputs[0].shape[:3])
    found = []
    for x in inputs:
        memory = run(network, jnp.asarray(x), memory)
        found.append(memory)
    case.compare("h", np.stack([nchw(m.output) for m in found]))
    case.compare("c", np.stack([nchw(m.cell) for m in found]))


def compare_transform_net(case: Case) -> None:
    """Changes with the memory carried from frame to frame, and without."""
    network = case.network(deflicker.REFINEMENT)
    run = nnx.jit(lambda net, x, memory: net(x, memory))
    last = int(case.find(r"t\s*=\s*0\.\.(\d+)", 2))
    frames = [jnp.asarray(nhwc(case.draw("frame%d", t))) for t in range(last + 1)]
    b, h, w, _ = frames[0].shape
    empty = memory = network.memory.start(b, h // 4, w // 4)
    carried, alone, memories = [], [], []
    for frame in frames:
        alone.append(run(network, frame, empty)[0])
        change, memory = run(network, frame, memory)
        carried.append(change)
        memories.append(memory)
    case.compare("y_carried", _stacked(carried, case.arrays["y_carried"].ndim))
    case.compare("y_none", _stacked(alone, case.arrays["y_none"].ndim))
    for name in case.arrays:
        if match := re.fullmatch(r"([hc])(\d+)", name):
            after = memories[int(match[2])]
            case.compare(name, nchw(after.output if match[1] == "h" else after.cell))


def _stacked(pictures: list, ndim: int) -> np.ndarray:
    """Of all steps: (t, b, c, h, w), or (t * b, c, h, w), as the file has it."""
    stack = np.stack([nchw(picture) for picture in pictures])
    return stack.reshape(-1, *stack.shape[2:]) if ndim == 4 else stack


def compare_loop(case: Case) -> None:
    """Filter and refinement of a few frames: the padded results, and the finished bytes."""
    filter_network = case.network(deflicker.FILTER, _filter_args(case), "filter.")
    refine_network = case.network(deflicker.REFINEMENT, _refine_args(case), "local.")
    case.exact("parameters", _parameters(filter_network, refine_network), case.meta["params"])
    run_filter = nnx.jit(lambda net, x: net(x))
    run_refine = nnx.jit(lambda net, x, memory: net(x, memory))
    steps = loop.refine(
        _frames(case),
        lambda pair: run_filter(filter_network, pair),
        lambda frames, memory: run_refine(refine_network, frames, memory),
    )
    steps = list(steps)
    case.compare("filter", nchw(np.stack([step.filtered for step in steps])))
    case.compare("final", nchw(np.stack([step.final for step in steps])))
    pictures = [loop.displayable(step.final, step.size, as_published=True) for step in steps]
    case.compare("final_u8", np.stack(pictures), tolerance=1.0, absolute=True)


def _frames(case: Case):
    """Pairs of a frame and its reconstruction, (h, w, 3) each; the latter may be smaller."""
    for t in range(len(case.arrays["final"])):
        content, atlas = (case.draw(name, t) for name in ("content%d", "atlas%d"))
        yield tuple(np.moveaxis(x.astype(np.float64), 0, -1) for x in (content, atlas))


def _filter_args(case: Case) -> dict[str, int]:
    """The sizes of the filter, from its tensors."""
    first = case.tensors["filter.encoder1.enc1conv1.weight"].shape
    outputs = len(case.tensors["filter.conv.weight"])
    return {"in_channels": first[1], "out_channels": outputs, "init_features": first[0]}


def _refine_args(case: Case) -> dict[str, int]:
    """The sizes of the refinement, from its tensors."""
    stems = [case.tensors[f"local.conv1{stem}.conv2d.weight"].shape for stem in "ab"]
    found = (re.match(r"local\.ResBlocks\.(\d+)", name) for name in case.tensors)
    return {
        "nc_in": stems[0][1] + stems[1][1],
        "nc_out": len(case.tensors["local.deconv3.conv2d.bias"]),
        "nf": stems[0][0],
        "blocks": 1 + max(int(match[1]) for match in found if match),
    }


def _parameters(*networks: nnx.Module) -> int:
    states = (nnx.to_flat_state(nnx.state(network, nnx.Param)) for network in networks)
    return int(sum(np.size(variable.get_value()) for state in states for _, variable in state))


RUNNERS = {
    "convlstm": compare_conv_lstm,
    "deflicker_filter_unet": compare_filter,
    "deflicker_transformnet": compare_transform_net,
    "deflicker_stage2_loop": compare_loop,
}
