"""Layers beside PyTorch's: the same numbers, and how long each takes.

The bars are ratios of time (ours to PyTorch's 2.13) that the formulations of `ops` and `nn`
reached on two AVX-512 cores with nothing else running.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.models.atlas import make_mapping
from hueshift_jax.nn.norm import BatchNorm, GroupNorm, InstanceNorm
from hueshift_jax.nn.recurrent import ConvLSTM
from hueshift_jax.ops import convolution
from hueshift_jax.ops.attention import attention
from hueshift_jax.ops.warp import correlation, positions, warp
from hueshift_jax.parity import speed

_ROUNDS = 9
_LEAST_S = 0.02


@dataclass(frozen=True)
class Layer:
    """One layer in both libraries.

    what: its name and the size of its input.
    bar: how long ours may take, as a ratio, within ten percent.
    arrays: the inputs of ours.
    ours: gives one array.
    their_arrays: the same in PyTorch's layouts.
    theirs: the layer of PyTorch; its first argument is the module `torch`.
    channels_last: whether PyTorch's pictures lie in memory as ours do.
    """

    what: str
    bar: float
    arrays: tuple[np.ndarray, ...]
    ours: Callable[..., Any]
    their_arrays: tuple[np.ndarray, ...]
    theirs: Callable[..., Any]
    channels_last: bool = True


@dataclass(frozen=True)
class Timing:
    """A layer's time; `their_ms`, `ratio` and `error` only where PyTorch is.

    ratio: median of the rounds' ratios.
    error: largest difference of the outputs by the largest of theirs.
    """

    what: str
    bar: float
    our_ms: float
    their_ms: float | None = None
    ratio: float | None = None
    error: float | None = None


def measure(threads: int, *, with_torch: bool) -> Iterator[Timing]:
    """The timing of every layer, one after another; PyTorch takes so many threads."""
    rng = np.random.default_rng(0)
    for make in _LAYERS:
        yield _measured(make(rng), threads, with_torch)


def _measured(layer: Layer, threads: int, with_torch: bool) -> Timing:
    arrays = [jnp.asarray(x) for x in layer.arrays]
    compiled = jax.jit(layer.ours)
    ours = speed.called(compiled, *arrays)
    if not with_torch:
        times = speed.interleaved(ours, rounds=_ROUNDS, least_s=_LEAST_S)
        return Timing(layer.what, layer.bar, 1e3 * float(np.median(times)))
    import torch

    torch.set_num_threads(threads)
    tensors = [torch.from_numpy(x.copy()) for x in layer.their_arrays]
    if layer.channels_last:
        kind = torch.channels_last
        tensors = [x.contiguous(memory_format=kind) if x.ndim == 4 else x for x in tensors]

    def theirs() -> Any:
        with torch.inference_mode():
            return layer.theirs(torch, *tensors)

    times = speed.interleaved(ours, theirs, rounds=_ROUNDS, least_s=_LEAST_S)
    ratio = float(np.median(times[:, 0] / times[:, 1]))
    our_ms, their_ms = (1e3 * np.median(times, 0)).tolist()
    error = _error(np.asarray(compiled(*arrays)), theirs().numpy())
    return Timing(layer.what, layer.bar, our_ms, their_ms, ratio, error)


def _error(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.ndim == 4:
        theirs = theirs.transpose(0, 2, 3, 1)
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def _nchw(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 3, 1, 2)


def _swapped(kernel: np.ndarray) -> np.ndarray:
    """Our (height, width, i, o) as (o, i, height, width)."""
    return kernel.transpose(3, 2, 0, 1)


def _applied(module: nnx.Module) -> Callable[..., Any]:
    graph, state = nnx.split(module)
    return lambda *inputs: nnx.merge(graph, state)(*inputs)


def _convolution(
    what: str, bar: float, shape: tuple[int, ...], kernel: tuple[int, ...], groups: int = 1
) -> Callable[[np.random.Generator], Layer]:
    """Of stride 1, the size of the picture kept."""
    padding = kernel[0] // 2

    def make(rng: np.random.Generator) -> Layer:
        x, weights = _normal(rng, *shape), _normal(rng, *kernel)
        return Layer(
            what,
            bar,
            (x, weights),
            lambda x, k: convolution.conv(x, k, padding=padding, groups=groups),
            (_nchw(x), _swapped(weights)),
            lambda torch, x, k: torch.conv2d(x, k, None, 1, padding, 1, groups),
        )

    return make


def _transposed(rng: np.random.Generator) -> Layer:
    x, weights = _normal(rng, 1, 60, 108, 128), _normal(rng, 4, 4, 64, 128)
    return Layer(
        "transposed 4x4 stride 2, 60x108, 128 to 64 channels",
        1.27,
        (x, weights),
        lambda x, k: convolution.conv_transpose(x, k, 2, padding=1),
        (_nchw(x), _swapped(weights)),
        lambda torch, x, k: torch.conv_transpose2d(x, k, None, 2, 1),
    )


def _depthwise(rng: np.random.Generator) -> Layer:
    x, weights = _normal(rng, 1, 120, 216, 64), _normal(rng, 3, 3, 64)
    return Layer(
        "depthwise 3x3, 120x216, 64 channels",
        4.7,
        (x, weights),
        convolution.depthwise,
        (_nchw(x), weights.transpose(2, 0, 1)[:, None]),
        lambda torch, x, k: torch.conv2d(x, k, None, 1, 1, 1, 64),
    )


def _group_norm(rng: np.random.Generator) -> Layer:
    x = _normal(rng, 1, 120, 216, 64)
    return Layer(
        "group norm of 32 groups, 120x216, 64 channels",
        1.5,
        (x,),
        _applied(GroupNorm(32, 64)),
        (_nchw(x),),
        lambda torch, x: torch.nn.functional.group_norm(x, 32),
        channels_last=False,
    )


def _instance_norm(rng: np.random.Generator) -> Layer:
    x = _normal(rng, 1, 120, 216, 64)
    return Layer(
        "instance norm, 120x216, 64 channels",
        0.37,
        (x,),
        _applied(InstanceNorm(64)),
        (_nchw(x),),
        lambda torch, x: torch.nn.functional.instance_norm(x),
        channels_last=False,
    )


def _batch_norm(rng: np.random.Generator) -> Layer:
    x, norm = _normal(rng, 1, 120, 216, 64), BatchNorm(64)
    norm.eval()
    normed = _applied(norm)

    def theirs(torch, x):
        zeros, ones = torch.zeros(64), torch.ones(64)
        return torch.relu(torch.nn.functional.batch_norm(x, zeros, ones, ones, zeros))

    return Layer(
        "batch norm in evaluation and rectifier, 120x216, 64 channels",
        0.43,
        (x,),
        lambda x: jax.nn.relu(normed(x)),
        (_nchw(x),),
        theirs,
    )


def _attention(rng: np.random.Generator) -> Layer:
    parts = tuple(_normal(rng, 1, 1024, 256) for _ in range(3))

    def theirs(torch, *parts):
        heads = [part.reshape(1, 1024, 4, 64).transpose(1, 2) for part in parts]
        joined = torch.nn.functional.scaled_dot_product_attention(*heads)
        return joined.transpose(1, 2).reshape(1, 1024, 256)

    return Layer(
        "attention, 1024 tokens, 4 heads of 64",
        1.3,
        parts,
        lambda queries, keys, values: attention(queries, keys, values, 4),
        parts,
        theirs,
    )


def _correlation(rng: np.random.Generator) -> Layer:
    target, source = _normal(rng, 1, 56, 96, 32), _normal(rng, 1, 56, 96, 32)

    def theirs(torch, target, source):
        h, w = target.shape[2:]
        wide = torch.nn.functional.pad(source, (4, 4, 4, 4))
        shifts = [wide[:, :, i : i + h, j : j + w] for i in range(9) for j in range(9)]
        return torch.stack([(target * shifted).mean(1) for shifted in shifts], 1)

    return Layer(
        "correlation 9x9, 56x96, 32 channels",
        0.63,
        (target, source),
        correlation,
        (_nchw(target), _nchw(source)),
        theirs,
        channels_last=False,
    )


def _warp(rng: np.random.Generator) -> Layer:
    x, flow = _normal(rng, 4, 112, 64, 32), 3 * _normal(rng, 4, 112, 64, 2)
    grid = np.asarray(positions(jnp.asarray(flow))) / np.float32([63 / 2, 111 / 2]) - 1

    def theirs(torch, x, grid):
        return torch.nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=True)

    return Layer(
        "warp, 4 of 112x64, 32 channels",
        0.4,
        (x, flow),
        lambda x, flow: warp(x, flow, edge="border"),
        (_nchw(x), grid),
        theirs,
        channels_last=False,
    )


def _conv_lstm(rng: np.random.Generator) -> Layer:
    frames, cell = _normal(rng, 6, 60, 108, 64), ConvLSTM(64, 64, rngs=nnx.Rngs(0))
    step = _applied(cell)

    def ours(frames):
        memory = cell.start(1, *frames.shape[1:3])
        for frame in frames:
            memory = step(frame[None], memory)
        return memory.output

    def theirs(torch, frames, kernel, bias):
        output = state = torch.zeros_like(frames[:1])
        for frame in frames:
            both = torch.cat([frame[None], output], 1)
            taken, kept, shown, proposed = torch.conv2d(both, kernel, bias, 1, 1).chunk(4, 1)
            state = kept.sigmoid() * state + taken.sigmoid() * proposed.tanh()
            output = shown.sigmoid() * state.tanh()
        return output

    kernel, bias = np.asarray(cell.gates.kernel[...]), np.asarray(cell.gates.bias[...])
    return Layer(
        "ConvLSTM, 6 frames of 60x108, 64 channels",
        0.95,
        (frames,),
        ours,
        (_nchw(frames), _swapped(kernel), bias),
        theirs,
    )


def _coordinates(rng: np.random.Generator) -> Layer:
    points = rng.uniform(-1, 1, (10_000, 3)).astype(np.float32)
    network = make_mapping(rngs=nnx.Rngs(0))
    weights = [np.asarray(v) for layer in network.layers for v in (layer.kernel.T, layer.bias[...])]

    def theirs(torch, x, *weights):
        for place in range(0, len(weights), 2):
            x = torch.relu(x) if place else x
            x = torch.nn.functional.linear(x, weights[place], weights[place + 1])
        return torch.tanh(x)

    return Layer(
        "coordinate network, 10000 points, 6 layers of 256",
        0.93,
        (points,),
        _applied(network),
        (points, *weights),
        theirs,
    )


_LAYERS = (
    _convolution("convolution 3x3, 120x216, 64 channels", 1.4, (1, 120, 216, 64), (3, 3, 64, 64)),
    _convolution(
        "convolution 3x3, 60x108, 128 channels", 0.83, (1, 60, 108, 128), (3, 3, 128, 128)
    ),
    _convolution("convolution 3x3, 30x54, 256 channels", 0.59, (1, 30, 54, 256), (3, 3, 256, 256)),
    _convolution(
        "convolution 1x1, 60x108, 128 to 256 channels", 1.13, (1, 60, 108, 128), (1, 1, 128, 256)
    ),
    _convolution(
        "convolution 3x3 of 3 groups, 112x64, 96 channels",
        2.2,
        (1, 112, 64, 96),
        (3, 3, 32, 96),
        groups=3,
    ),
    _transposed,
    _depthwise,
    _group_norm,
    _instance_norm,
    _batch_norm,
    _attention,
    _correlation,
    _warp,
    _conv_lstm,
    _coordinates,
)
