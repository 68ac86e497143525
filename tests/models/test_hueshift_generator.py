"""The published generator and encoder: published numbers, sizes, and the variance of the norm."""

import json
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.models.hueshift_generator import (
    FeatureEncoder,
    HueShiftGenerator,
    SelfGuided,
)

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTHS = (12, 8, 6, 4)
FEATURES = (2, 4, 4, 6, 8)
NAMES = {"weight": "kernel", "bias": "bias"}
NORM_NAMES = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}


# -- What the golden files are made of: every tensor is a function of its file, name and shape ----


def stream(file, name):
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"{file}:{name}".encode())))


def filled(file, name, shape):
    """The published tensor `name`: variances in 0.5..1.5, scales near 1, kernels as He's."""
    rng, last = stream(file, name), name.rpartition(".")[2]
    if last == "running_var":
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if last != "running_mean" and np.prod(shape) == 1:
        return np.full(shape, 0.5, np.float32)
    value = rng.standard_normal(shape)
    if len(shape) > 1:
        value = value * np.sqrt(2.0 / float(np.prod(shape[1:])))
    else:
        value = 1.0 + 0.1 * value if last == "weight" else 0.1 * value
    return value.astype(np.float32)


def smooth_noise(file, name, shape, low, high):
    """Six random plane waves per picture and a little noise, stretched to low..high; NCHW."""
    rng = stream(file, name)
    height, width = shape[-2:]
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    value = np.zeros(shape)
    for _ in range(6):
        across = rng.uniform(0.5, 6.0, (2, *shape[:-2], 1, 1))
        phase = rng.uniform(0, 2 * np.pi, (*shape[:-2], 1, 1))
        wave = np.sin(2 * np.pi * (across[0] * y + across[1] * x) + phase)
        value += rng.uniform(0.2, 1.0) * wave
    value += 0.05 * rng.standard_normal(shape)
    value = (value - value.min()) / (value.max() - value.min())
    return (low + (high - low) * value).astype(np.float32)


def channels_last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


# -- Published names to ours ------------------------------------------------------------------


def norm_position(module, position, is_norm):
    """(layer, part) of a position in a published sequence."""
    if module == "block1":  # its first convolution has no norm
        return {0: (0, "conv"), 2: (1, "conv"), 3: (1, "norm")}[position]
    return position // 3, "norm" if is_norm else "conv"


def our_name(published, is_norm):
    """The name of a published tensor in these networks."""
    *path, last = published.split(".")
    kind = NORM_NAMES[last] if is_norm else NAMES[last]
    module, position = path[0], int(path[1]) if len(path) > 1 else None
    if module.startswith("block"):
        layer, part = norm_position(module, position, is_norm)
        return f"blocks.{int(module[5:]) - 1}.{layer}.{part}.{kind}"
    if position is None or module == "final_layer":
        return f"{module}.{kind}"
    layer, part = norm_position(module, position, is_norm)
    return f"enc3.{layer}.{part}.{kind}" if module == "enc3" else f"{module}.{part}.{kind}"


def ours(meta):
    """Parameters and statistics by our names."""
    shapes = {name: tuple(shape) for name, shape, _ in meta["state_dict"]}
    norms = {name.rpartition(".")[0] for name in shapes if name.endswith("running_var")}
    found = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            continue
        value = filled(meta["key"], name, shape)
        value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
        found[our_name(name, name.rpartition(".")[0] in norms)] = jnp.asarray(value)
    return found


class Published:
    """A network with the golden weights, compiled for one mode at a time."""

    def __init__(self, file, make):
        self.arrays = dict(np.load(GOLDEN / f"{file}.npz", allow_pickle=False))
        self.meta = json.loads(str(self.arrays.pop("meta")))
        self.graph, params, stats = nnx.split(nnx.eval_shape(make), nnx.Param, ...)
        names = checkpoint.flatten(params).keys(), checkpoint.flatten(stats).keys()
        weights = ours(self.meta)
        checkpoint.match(checkpoint.flatten(params) | checkpoint.flatten(stats), weights)
        self.count = sum(int(weights[name].size) for name in names[0])
        self.buffers = sum(int(weights[name].size) for name in names[1])
        self.params, self.stats = (
            checkpoint.fill(template, {name: weights[name] for name in chosen})
            for template, chosen in zip((params, stats), names)
        )

    def __call__(self, *inputs, train=False):
        """The outputs, and the statistics afterwards by name."""

        @jax.jit
        def run(params, stats, inputs):
            network = nnx.merge(self.graph, params, stats, copy=True)
            network.train() if train else network.eval()
            outputs = network(*inputs)
            return outputs, checkpoint.flatten(nnx.split(network, nnx.Param, ...)[2])

        with jax.default_matmul_precision("highest"):
            return run(self.params, self.stats, [jnp.asarray(x) for x in inputs])

    def check(self, name, found):
        """Compares with one array of the file by the file's own rule."""
        expected = self.arrays[name]
        expected = channels_last(expected) if expected.ndim == 4 else expected
        assert found.shape == expected.shape
        error = np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()
        assert error <= self.meta["tolerance"], f"{name}: {error:.1e}"


@pytest.fixture(scope="module")
def generator():
    return Published("hueshift_gan_generator", lambda: HueShiftGenerator(rngs=nnx.Rngs(0)))


@pytest.fixture(scope="module")
def inputs(generator):
    file = generator.meta["key"]
    x = smooth_noise(file, "x", (2, 1, 48, 40), -2.0, 2.4)
    features = [stream(file, f"feat_{n}").standard_normal((512, 4, 4)) for n in "ab"]
    features = np.maximum(np.stack(features), 0).astype(np.float32)
    return channels_last(x), channels_last(features)


def test_the_generator_has_the_published_size(generator):
    assert generator.count == generator.meta["params_trainable"] == 9_989_959
    counters = sum(name.endswith("tracked") for name, *_ in generator.meta["state_dict"])
    assert generator.buffers + counters == generator.meta["buffers"] == 6_029


def test_the_generator_agrees_with_the_published_one(generator, inputs):
    prediction, after = generator(*inputs)
    generator.check("color", prediction.color)
    generator.check("saliency", prediction.saliency)
    np.testing.assert_array_equal(after["enc1.norm.mean"], generator.stats["enc1"]["norm"]["mean"])


def test_the_generator_trains_as_the_published_one(generator, inputs):
    prediction, after = generator(*inputs, train=True)
    generator.check("color_train", prediction.color)
    generator.check("saliency_train", prediction.saliency)
    generator.check("enc1_running_mean", after["enc1.norm.mean"])
    generator.check("middle_running_var", after["middle.norm.var"])


def test_the_encoder_agrees_with_the_published_one():
    encoder = Published("hueshift_vgg_encoder", lambda: FeatureEncoder(rngs=nnx.Rngs(0)))
    assert encoder.count == encoder.meta["params_trainable"] == 17_082_688
    x = smooth_noise(encoder.meta["key"], "x", (2, 1, 128, 96), -2.0, 2.4)
    features, _ = encoder(channels_last(x))
    encoder.check("y", features)


# -- Parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 64), (20, 33)])
def test_any_size(size):
    made = nnx.eval_shape(lambda: SelfGuided(WIDTHS, FEATURES, rngs=nnx.Rngs(0)))
    made.eval()
    graph, state = nnx.split(made)
    gray = jax.ShapeDtypeStruct((2, *size, 1), jnp.float32)
    found = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, gray)
    assert found.color.shape == (2, *size, 3)
    assert found.saliency.shape == (2, *size, 1)


def test_other_widths():
    made = nnx.eval_shape(lambda: SelfGuided(WIDTHS, FEATURES, rngs=nnx.Rngs(0)))
    params = checkpoint.flatten(nnx.state(made, nnx.Param))
    assert params["generator.middle.conv.kernel"].shape == (3, 3, 12 + 8, 4)
    assert params["encoder.blocks.4.3.conv.kernel"].shape == (3, 3, 8, 8)
    assert "encoder.blocks.0.0.norm.scale" not in params
