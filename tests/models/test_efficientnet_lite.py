"""EfficientNet-Lite: its published shape, and folded weights against the unfolded network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from hueshift_jax import checkpoint
from hueshift_jax.errors import ConversionError
from hueshift_jax.interop.efficientnet_lite import convert
from hueshift_jax.models import efficientnet_lite as lite
from hueshift_jax.models.efficientnet_lite import LITE0, LITE1, LITE2, Classifier, Variant
from tests.models.weights import filled, quick_compilation

TINY = Variant(0.35, 0.3, 64)
"""The same seven stages, one block each."""

PUBLISHED_PARAMETERS = {LITE0: 4_652_008, LITE1: 5_416_680, LITE2: 6_092_072}
DEPTHS = {LITE0: (1, 2, 2, 3, 3, 4, 1), LITE1: (1, 3, 3, 4, 4, 5, 1), LITE2: (1, 3, 3, 4, 4, 5, 1)}
WIDTHS = {
    LITE0: (16, 24, 40, 80, 112, 192, 320),
    LITE1: (16, 24, 40, 80, 112, 192, 320),
    LITE2: (16, 24, 48, 88, 120, 208, 352),
}
NAMES = {LITE0: "Lite0", LITE1: "Lite1", LITE2: "Lite2"}
every_variant = pytest.mark.parametrize("variant", NAMES, ids=NAMES.get)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with quick_compilation():
        yield


def shapes(variant, channels=3):
    """Shapes of the classifier's weights by name."""
    network = nnx.eval_shape(lambda: Classifier(variant, channels, rngs=nnx.Rngs(0)))
    return {k: v.shape for k, v in checkpoint.flatten(nnx.state(network, nnx.Param)).items()}


def published(variant, rng=None, classes=1000):
    """A state dict with the published names, random or zero."""
    tensors = {}

    def conv(name, outputs, inputs, size):
        shape = (outputs, inputs, size, size)
        if rng is None:
            tensors[f"{name}.weight"] = np.zeros(shape, np.float32)
        else:
            scale = np.sqrt(2.0 / np.prod(shape[1:]))
            tensors[f"{name}.weight"] = (scale * rng.standard_normal(shape)).astype(np.float32)

    def norm(name, width):
        values = np.zeros((4, width)) if rng is None else rng.standard_normal((4, width))
        tensors[f"{name}.weight"] = (1.0 + 0.2 * values[0]).astype(np.float32)
        tensors[f"{name}.bias"] = (0.2 * values[1]).astype(np.float32)
        tensors[f"{name}.running_mean"] = (0.2 * values[2]).astype(np.float32)
        tensors[f"{name}.running_var"] = np.exp(0.3 * values[3]).astype(np.float32)
        tensors[f"{name}.num_batches_tracked"] = np.array(9)

    conv("_conv_stem", 32, 3, 3)
    norm("_bn0", 32)
    for n, spec in enumerate(lite.block_specs(variant)):
        width = spec.inputs * spec.expansion
        if spec.expansion > 1:
            conv(f"_blocks.{n}._expand_conv", width, spec.inputs, 1)
            norm(f"_blocks.{n}._bn0", width)
        conv(f"_blocks.{n}._depthwise_conv", width, 1, spec.kernel)
        norm(f"_blocks.{n}._bn1", width)
        conv(f"_blocks.{n}._project_conv", spec.outputs, width, 1)
        norm(f"_blocks.{n}._bn2", spec.outputs)
    conv("_conv_head", 1280, lite.block_specs(variant)[-1].outputs, 1)
    norm("_bn1", 1280)
    tensors["_fc.weight"] = np.zeros((classes, 1280), np.float32)
    tensors["_fc.bias"] = np.zeros(classes, np.float32)
    if rng is not None:
        tensors["_fc.weight"] += 0.03 * rng.standard_normal((classes, 1280)).astype(np.float32)
        tensors["_fc.bias"] += rng.standard_normal(classes).astype(np.float32)
    return tensors


def unfolded(tensors, variant, rgb):
    """The published network as it is written: convolution, batch norm, ReLU6; NCHW."""

    def conv(x, name, stride=1, groups=1):
        kernel = jnp.asarray(tensors[f"{name}.weight"])
        layout = ("NCHW", "OIHW", "NCHW")
        return lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            "SAME",
            dimension_numbers=layout,
            feature_group_count=groups,
        )

    def norm(x, name):
        weight, bias, mean, var = (
            jnp.asarray(tensors[f"{name}.{part}"])[None, :, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / jnp.sqrt(var + 1e-3) * weight + bias

    x = (rgb.transpose(0, 3, 1, 2) * 255.0 - 127.0) / 128.0
    x = jnp.clip(norm(conv(x, "_conv_stem", 2), "_bn0"), 0, 6)
    for n, spec in enumerate(lite.block_specs(variant)):
        y = x
        if spec.expansion > 1:
            y = jnp.clip(norm(conv(y, f"_blocks.{n}._expand_conv"), f"_blocks.{n}._bn0"), 0, 6)
        y = conv(y, f"_blocks.{n}._depthwise_conv", spec.stride, y.shape[1])
        y = jnp.clip(norm(y, f"_blocks.{n}._bn1"), 0, 6)
        y = norm(conv(y, f"_blocks.{n}._project_conv"), f"_blocks.{n}._bn2")
        x = x + y if spec.stride == 1 and spec.inputs == spec.outputs else y
    x = jnp.clip(norm(conv(x, "_conv_head"), "_bn1"), 0, 6).mean((2, 3))
    return x @ jnp.asarray(tensors["_fc.weight"]).T + jnp.asarray(tensors["_fc.bias"])[None]


@every_variant
def test_blocks(variant):
    specs = lite.block_specs(variant)
    stages = list(zip(lite.STAGES, DEPTHS[variant], WIDTHS[variant]))
    expected, inputs = [], 32
    for (kernel, stride, expansion, _, _), depth, width in stages:
        for k in range(depth):
            here = lite.BlockSpec(kernel, stride if k == 0 else 1, expansion, inputs, width)
            expected.append(here)
            inputs = width
    assert specs == expected


@every_variant
def test_published_parameter_count(variant):
    """Folding leaves one bias where a norm had a scale and a shift."""
    state = published(variant)
    named = ("weight", "bias")
    count = sum(v.size for k, v in state.items() if k.rpartition(".")[2] in named)
    assert count == PUBLISHED_PARAMETERS[variant]
    folded = shapes(variant)
    biases = sum(s[0] for k, s in folded.items() if k.endswith("bias") and k != "classes.bias")
    assert sum(int(np.prod(s)) for s in folded.values()) + biases == count


@every_variant
@pytest.mark.parametrize("channels", [1, 3])
def test_converted_weights_fit(variant, channels):
    checkpoint.match(shapes(variant, channels), convert(published(variant), channels=channels))


@every_variant
@pytest.mark.parametrize("size", [(64, 96), (32, 32)])
def test_features(variant, size):
    network = nnx.eval_shape(lambda: lite.EfficientNetLite(variant, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(network)
    luma = jax.ShapeDtypeStruct((2, *size, 1), jnp.float32)
    found = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, luma)
    widths = [WIDTHS[variant][n] for n in (1, 2, 4, 6)]
    assert network.tap_widths == tuple(widths)
    strides = zip((4, 8, 16, 32), widths)
    assert [f.shape for f in found] == [(2, size[0] // s, size[1] // s, w) for s, w in strides]


def test_widths_of_the_default_encoder():
    network = nnx.eval_shape(lambda: lite.EfficientNetLite(rngs=nnx.Rngs(0)))
    assert network.tap_widths == (24, 48, 120, 352)


def classify(weights, channels):
    """The jitted classifier with these weights."""
    arrays = {name: jnp.asarray(value) for name, value in weights.items()}
    network = filled(lambda: Classifier(TINY, channels, 10, rngs=nnx.Rngs(0)), arrays)
    return jax.jit(lambda x: network(x))


@pytest.fixture(scope="module")
def converted():
    """A published state dict, and both classifiers made from it."""
    tensors = published(TINY, np.random.default_rng(0), classes=10)
    networks = {c: classify(convert(tensors, channels=c), c) for c in (1, 3)}
    return tensors, networks


def test_folded_weights_equal_the_published_network(converted):
    tensors, networks = converted
    rgb = jnp.asarray(np.random.default_rng(1).random((2, 35, 32, 3)), jnp.float32)
    expected = jax.jit(lambda x: unfolded(tensors, TINY, x))(rgb)
    found = networks[3](rgb)
    assert float(jnp.abs(expected).max()) > 0.1
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_the_gray_stem_equals_the_rgb_stem_on_gray(converted):
    _, networks = converted
    gray = jnp.asarray(np.random.default_rng(2).random((2, 32, 32, 1)), jnp.float32)
    rgb = jnp.concatenate([gray] * 3, -1)
    np.testing.assert_allclose(networks[1](gray), networks[3](rgb), atol=2e-4)


@pytest.mark.parametrize(
    "missing", ["_conv_stem.weight", "_bn0.running_var", "_blocks.2._bn1.bias", "_fc.bias"]
)
def test_a_missing_tensor_is_named(missing):
    state = published(TINY)
    del state[missing]
    with pytest.raises(ConversionError, match=f"no tensor {missing}"):
        convert(state)


def test_foreign_state_dicts():
    with pytest.raises(ConversionError, match="is it EfficientNet-Lite"):
        convert({"weight": np.zeros(3)})


def test_frozen_blocks_receive_no_gradient():
    frozen = {"frozen_blocks": 2, "frozen_depthwise": True}
    network = filled(lambda: lite.EfficientNetLite(TINY, **frozen, rngs=nnx.Rngs(0)))
    graph, params = nnx.split(network)
    luma = jnp.asarray(np.random.default_rng(3).random((1, 32, 32, 1)), jnp.float32)

    def loss(params):
        return sum(jnp.abs(f).sum() for f in nnx.merge(graph, params)(luma))

    gradients = checkpoint.flatten(jax.jit(jax.grad(loss))(params))
    moved = {name: bool(np.any(np.asarray(value) != 0)) for name, value in gradients.items()}
    frozen = ("stem.", "blocks.0.", "blocks.1.")
    for name, moves in moved.items():
        if name.startswith(frozen) or name.endswith("filter.kernel"):
            assert not moves, name
        elif name.endswith("project.kernel"):
            assert moves, name


def test_relu6():
    x = jnp.array([-1.0, 0.0, 3.0, 6.0, 7.0])
    np.testing.assert_array_equal(lite.relu6(x), [0, 0, 3, 6, 6])
