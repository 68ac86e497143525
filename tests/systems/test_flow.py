"""The flow system learns made motion, begins with finished weights, and estimates."""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.contracts import Batch, FlowSystem, System
from hueshift_jax.errors import ConfigError, MismatchedWeightsError, MissingWeightsError
from hueshift_jax.models.fast_flow_net import FastFlowNet
from hueshift_jax.ops import motion
from hueshift_jax.ops.motion import MotionSpan
from hueshift_jax.systems import catalog, flow
from hueshift_jax.systems.flow import FlowConfig, FlowOptimConfig
from hueshift_jax.systems.flow_networks import FastFlowNetConfig, PWCNetConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from tests.models.weights import quick_compilation


@dataclass(frozen=True)
class NarrowConfig(FastFlowNetConfig):
    """FastFlowNet with as few channels as it can have."""

    def build(self, rngs):
        return FastFlowNet(1, widths=(4, 8, 8), reduced=4, decoder_widths=(8, 8, 8), rngs=rngs)


CONFIG = FlowConfig(
    network=NarrowConfig(),
    frame=(64, 64),
    span=MotionSpan(foregrounds=1),
    finest=3,
    optim=FlowOptimConfig(lr=3e-3, steps=40),
)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with quick_compilation():
        yield


def batch(count=4, side=80):
    rng = np.random.default_rng(0)
    knots = jnp.asarray(rng.uniform(0, 1, (count, 10, 10, 1)), jnp.float32)
    luma = jax.image.resize(knots, (count, side, side, 1), "cubic")[..., 0]
    return Batch(np.clip(np.asarray(luma), 0, 1), np.zeros((count, 20, 20, 3), np.uint8))


@pytest.fixture(scope="module")
def system():
    return CONFIG.build()


@pytest.fixture(scope="module")
def trained(system):
    """The state before and after steps on the same pairs, and the logs."""
    state = system.init(jax.random.key(0))
    before, logs = jax.tree.map(np.array, state), []
    for _ in range(12):
        state, figures = system.step(state, batch(), jax.random.key(7))
        logs.append({name: float(value) for name, value in figures.items()})
    return before, jax.tree.map(np.array, state), logs


def test_it_is_a_system_that_sees_motion_and_does_not_color(system):
    assert isinstance(system, FlowSystem)
    assert not hasattr(system, "colorizer")
    assert not isinstance(HueShiftGanConfig(pretrained=False).build(), FlowSystem)
    assert hasattr(System, "colorizer")


def test_some_steps_lower_the_losses(trained):
    _, state, logs = trained
    assert logs[-1]["loss"] < logs[0]["loss"]
    assert logs[-1]["matching"] < logs[0]["matching"]
    assert logs[0]["zero_epe"] == pytest.approx(logs[-1]["zero_epe"])
    assert int(state.steps) == len(logs)


def test_the_first_flows_are_small_and_enlarged_smoothly(trained):
    before, _, logs = trained
    assert logs[0]["epe"] < 1.5 * logs[0]["zero_epe"]
    for n in range(4):
        kernel = before.params[f"up.{n}.kernel"]
        assert kernel[..., 0, 1].max() == kernel[..., 1, 0].max() == 0.0
        np.testing.assert_allclose(kernel[1::2, 1::2, 0, 0].sum(), 1.0)


def test_the_average_keeps_up_with_a_short_run(trained):
    before, after, _ = trained
    moved = [np.abs(after.ema[n] - before.params[n]).max() for n in before.params]
    assert np.median(moved) > 1e-3


def test_without_truth():
    config = dataclasses.replace(CONFIG, guided=0.0, truth_weight=0.0, census_weight=1.0)
    system = config.build()
    params, _ = system.network.init(jax.random.key(0))
    luma = jnp.asarray(batch(count=2, side=64).luma)
    flow = jnp.ones((2, 64, 64, 2))
    pair = motion.Pair(luma, jnp.roll(luma, 1, 2), flow, jnp.ones((2, 64, 64), bool))
    loss, (logs, _) = jax.jit(system._loss)(jnp.zeros(()), params, {}, (pair, None))
    expected = logs["census"] + config.smooth_weight * logs["smoothness"]
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert 0.0 < float(logs["seen"]) <= 1.0
    assert "matching" not in logs
    assert float(logs["zero_epe"]) == pytest.approx(2**0.5, rel=1e-5)


def test_it_begins_with_finished_weights(system, trained, tmp_path):
    weights = system.weights(jax.tree.map(jnp.asarray, trained[1]))
    path = tmp_path / "flow.safetensors"
    catalog.save_system(path, "narrow", FlowConfig(finest=3), weights)
    again = dataclasses.replace(CONFIG, begin_with=str(path)).build().init(jax.random.key(1))
    np.testing.assert_allclose(again.params["up.0.bias"], weights["up.0.bias"])
    finer = dataclasses.replace(CONFIG, begin_with=str(path), finest=2).build()
    params = finer.init(jax.random.key(1)).params
    kernels = [params[f"decoders.{n}.layers.1.kernel"] for n in (0, 1)]
    np.testing.assert_array_equal(*kernels)
    first = params["decoders.0.layers.0.kernel"]
    assert not first[:, :, 53:-2].any()
    assert first[:, :, :53].any()
    missing = dataclasses.replace(CONFIG, begin_with=str(tmp_path / "none.safetensors")).build()
    with pytest.raises(MissingWeightsError):
        missing.init(jax.random.key(0))
    with pytest.raises(MismatchedWeightsError):
        system.estimator_from({"other": np.zeros(2)})


def test_the_estimator_takes_any_size_and_knows_where_it_fails(system, trained):
    state = jax.tree.map(jnp.asarray, trained[1])
    rng = np.random.default_rng(1)
    target, source = rng.uniform(0, 1, (2, 1, 50, 70)).astype(np.float32)
    found, confidence = system.estimator(state)(target, source)
    assert found.shape == (1, 50, 70, 2)
    np.testing.assert_array_equal(confidence, np.ones((1, 50, 70)))
    again, doubt = flow.NetworkFlow(system, state.ema, confident=True)(target, source)
    np.testing.assert_allclose(again, found, atol=1e-4)
    assert 0.0 <= float(doubt.min()) <= float(doubt.max()) <= 1.0


def test_configurations_say_what_is_wrong():
    with pytest.raises(ConfigError, match="finest"):
        FlowConfig(finest=1)
    with pytest.raises(ConfigError, match="frame"):
        FlowConfig(frame=(100, 128))


def test_pwc_net_has_the_same_levels():
    config = PWCNetConfig()
    pair = jax.ShapeDtypeStruct((1, 64, 64), jnp.float32)

    def run(target, source):
        network = config.build(nnx.Rngs(0))
        return config.levels(network, config.paired(target, source), 3)

    shapes = [found.shape for found in jax.eval_shape(run, pair, pair)]
    assert shapes == [(1, 64 // n, 64 // n, 2) for n in (8, 16, 32, 64)]


# -- The bundled weights ----------------------------------------------------------------------


def test_the_bundled_file_is_small():
    assert flow.BUNDLED.stat().st_size <= 3e6
    assert flow.BUNDLED.with_suffix(".md").is_file()


def test_the_bundled_network_sees_motion():
    span = MotionSpan(gain=0.0, gamma=0.0, grain=0.0)
    make = jax.jit(lambda luma, key: motion.make_pair(luma, (128, 128), key, span=span))
    pair = make(batch(count=2, side=160).luma, jax.random.key(2))
    found, _ = flow.load_estimator()(pair.target, pair.source)
    error, zero = (
        float(jnp.linalg.norm(x, axis=-1).mean()) for x in (found - pair.flow, pair.flow)
    )
    assert error < 0.5 * zero


def test_a_file_without_a_flow_network_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(MissingWeightsError):
        flow.load_estimator(path)
    checkpoint.save_weights(path, {"a": np.zeros((2, 2))}, {})
    with pytest.raises(MismatchedWeightsError, match="no configuration"):
        flow.load_estimator(path)
    catalog.save_system(path, "other", HueShiftGanConfig(), {"a": np.zeros((2, 2))})
    with pytest.raises(MismatchedWeightsError, match="HueShiftGanConfig"):
        flow.load_estimator(path)
