"""The default system learns, leaves alone what is frozen, and colors."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import checkpoint
from hueshift_jax.contracts import Batch
from hueshift_jax.errors import ConfigError, MismatchedWeightsError, MissingWeightsError
from hueshift_jax.systems import chroma_colorizer, hueshift_gan
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig, OptimConfig
from tests.systems import tiny

STEPS = 15


@pytest.fixture(scope="module", autouse=True)
def small_encoder():
    with tiny.small_and_quick():
        yield


@pytest.fixture(scope="module")
def system(small_encoder):
    return tiny.CONFIG.build()


@pytest.fixture(scope="module")
def trained(system):
    """The state before and after some steps on one batch, and the logs."""
    state = tiny.initial(system)
    before = jax.tree.map(np.array, state)
    logs = []
    for n in range(STEPS):
        state, figures = system.step(state, tiny.batch(), jax.random.key(n))
        logs.append({name: float(value) for name, value in figures.items()})
    return before, jax.tree.map(np.array, state), logs


@pytest.fixture(scope="module")
def colorizer(system, trained):
    return system.colorizer(trained[1])


def test_the_tests_begin_as_a_run_does(system):
    expected = jax.eval_shape(system.init, jax.random.key(0))
    found = tiny.initial(system)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, expected)


def test_some_steps_on_one_batch_lower_the_reconstruction_losses(trained):
    _, _, logs = trained
    assert logs[-1]["huber"] <= 0.9 * logs[0]["huber"]
    assert logs[-1]["log_mse"] <= logs[0]["log_mse"] + np.log(0.9)
    assert logs[-1]["loss"] < logs[0]["loss"]


def test_the_loss_is_the_weighted_sum_of_its_parts(trained):
    for figures in trained[2]:
        parts = 0.3 * figures["huber"] + 0.5 * figures["log_mse"] + 0.05 * figures["bins"]
        assert figures["loss"] == pytest.approx(parts, rel=1e-4)


def test_everything_stays_finite(trained):
    _, after, logs = trained
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
    assert np.isfinite([list(figures.values()) for figures in logs]).all()


def test_what_is_frozen_stays_and_the_rest_moves(trained):
    before, after, _ = trained
    for name, value in after.params.items():
        first = name.startswith(("encoder.stem.", "encoder.blocks.0.", "encoder.blocks.1."))
        unasked = name == "saliency.bias"  # Nothing is asked of the head; only decay moves it.
        kept = first or unasked or name.endswith("filter.kernel")
        assert np.array_equal(value, before.params[name]) == kept, name


def test_averages_follow_slowly(trained):
    before, after, _ = trained
    current = after.params | after.stats
    for name, average in after.ema.items():
        moved, gone = average - before.ema[name], current[name] - before.ema[name]
        if np.abs(gone).max() > 1e-3:
            assert 0 < np.abs(moved).max() < 0.1 * np.abs(gone).max(), name


def test_statistics_and_the_prior_move(trained):
    before, after, _ = trained
    for name, value in after.stats.items():
        assert not np.array_equal(value, before.stats[name]), name
    assert after.bin_prior.sum() == pytest.approx(1.0, abs=1e-4)
    assert after.bin_prior.max() > before.bin_prior.max()


def test_a_step_is_a_function_of_its_arguments(system, trained):
    first, second = (
        system.step(jax.tree.map(jnp.array, trained[1]), tiny.batch(1), jax.random.key(0))
        for _ in range(2)
    )
    assert jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(a, b), first, second))


def test_gray_pictures_do_not_break_a_step(system, trained):
    gray = Batch(np.full((4, 64, 64), 0.5, np.float32), np.full((4, 16, 16, 3), 128, np.uint8))
    state, logs = system.step(jax.tree.map(jnp.array, trained[1]), gray, jax.random.key(0))
    assert np.isfinite(logs["loss"])
    assert np.isfinite(logs["gradient_norm"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


def test_a_colorizer_outlives_the_state_it_came_from(system, trained):
    state = jax.tree.map(jnp.array, trained[1])
    colorizer = system.colorizer(state)
    luma = tiny.batch().luma
    _, before, _ = colorizer((), luma, jax.random.key(0))
    before = np.array(before)
    system.step(state, tiny.batch(), jax.random.key(0))
    np.testing.assert_array_equal(colorizer((), luma, jax.random.key(0))[1], before)


def test_colorizers_of_one_system_share_their_program(system, trained, colorizer):
    luma = tiny.batch().luma
    colorizer((), luma, jax.random.key(0))
    count = chroma_colorizer._colorize._cache_size()
    system.colorizer(trained[1])((), luma, jax.random.key(0))
    assert chroma_colorizer._colorize._cache_size() == count


def test_colorizing(system, trained, colorizer):
    luma = tiny.batch().luma
    memory = colorizer.start(480, 640)
    assert jax.tree.leaves(memory) == []
    after, ab, confidence = colorizer(memory, luma, jax.random.key(0))
    assert after == memory
    assert ab.shape == (4, 16, 16, 2)
    assert confidence.shape == (4, 16, 16)
    assert np.isfinite(ab).all()
    assert confidence.min() >= -1e-6
    assert confidence.max() <= 1.0
    _, other, _ = colorizer(memory, luma, jax.random.key(1))
    np.testing.assert_array_equal(ab, other)


def test_features_are_unit_vectors_that_know_their_place(colorizer):
    luma = tiny.batch().luma
    seen = np.asarray(colorizer.features(luma))
    assert seen.shape[:3] == (4, 8, 8)
    np.testing.assert_allclose(np.linalg.norm(seen, axis=-1), 1, atol=1e-3)
    rows = seen[0].reshape(64, -1)
    alike = rows @ rows.T
    assert np.all(alike.argmax(1) == np.arange(64))
    assert np.mean(alike) < 0.1


def test_colorizing_uses_the_averaged_weights(system, trained):
    weights = system.weights(trained[1])
    assert weights.keys() == trained[1].ema.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(value, trained[1].ema[name])


def test_strength_multiplies_and_temperature_mixes(system, trained):
    luma = tiny.batch().luma
    weights = system.weights(trained[1])

    def colored(**changes):
        config = dataclasses.replace(tiny.CONFIG, equalize=0.0, **changes)
        made = config.build().colorizer_from(weights)
        return np.asarray(made((), luma, jax.random.key(0))[1])

    plain = colored()
    np.testing.assert_allclose(colored(strength=1.5), 1.5 * plain, rtol=1e-4, atol=1e-4)
    bins = hueshift_gan.ab_bins()
    rest = (colored(temperature=0.05) - 0.05 * plain) / 0.95
    np.testing.assert_allclose(rest[:, ::2, ::2], rest[:, 1::2, 1::2], atol=1e-3)
    assert (np.abs(rest) <= np.abs(bins).max() + 1e-3).all()


def test_views_are_averaged_and_every_second_is_mirrored(system, trained):
    weights = system.weights(trained[1])
    luma = np.random.default_rng(5).random((2, 64, 96), np.float32)

    def colored(shown, *views):
        config = dataclasses.replace(tiny.CONFIG, equalize=0.0, strength=1.0, views=views)
        made = config.build().colorizer_from(weights)
        return [np.asarray(part) for part in made((), shown, jax.random.key(0))[1:]]

    (plain, _), (mirrored, _) = colored(luma, 1.0), colored(luma[:, :, ::-1], 1.0)
    both, sure = colored(luma, 1.0, 1.0)
    assert both.shape == (2, 16, 24, 2)
    assert sure.shape == (2, 16, 24)
    np.testing.assert_allclose(both, 0.5 * (plain + mirrored[:, :, ::-1]), atol=1e-3)
    # Half the size of 64 x 96 is 32 x 64, the nearest multiples of 32.
    small = jax.image.resize(luma, (2, 32, 64), "linear")
    (half, _), (found, _) = colored(small, 1.0), colored(luma, 0.5)
    expected = jax.image.resize(half, found.shape, "linear")
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 854), (192, 352)),
        ((854, 480), (352, 192)),
        ((576, 768), (192, 256)),
        ((100, 100), (192, 192)),
        ((1, 1), (192, 192)),
        ((16, 4000), (192, 768)),
        ((4000, 16), (768, 192)),
        ((2160, 3840), (192, 352)),
        ((77, 101), (192, 256)),
    ],
)
def test_working_size(colorizer, size, expected):
    assert colorizer.working_size(*size) == expected


@pytest.mark.parametrize("short_side", [32, 128, 256])
def test_working_sizes_are_bounded_multiples_of_32(system, trained, short_side):
    config = dataclasses.replace(tiny.CONFIG, short_side=short_side)
    colorizer = config.build().colorizer_from(system.weights(trained[1]))
    for height, width in [(480, 640), (33, 97), (97, 33), (5, 5000), (1080, 1920)]:
        found = colorizer.working_size(height, width)
        assert all(n % 32 == 0 for n in found)
        assert min(found) == short_side
        assert max(found) <= 4 * short_side
        assert (found[0] <= found[1]) == (height <= width)


def test_missing_weights_are_named(system, trained):
    weights = system.weights(trained[1])
    del weights["stage4.norm.mean"]
    with pytest.raises(MismatchedWeightsError, match=r"stage4\.norm\.mean is missing"):
        system.colorizer_from(weights)


def test_misshapen_weights_are_named(system, trained):
    weights = system.weights(trained[1]) | {"bins.bias": np.zeros(3)}
    with pytest.raises(MismatchedWeightsError, match=r"bins\.bias is \(3,\), not \(226,\)"):
        system.colorizer_from(weights)


def test_unknown_weights_are_named(system, trained):
    weights = system.weights(trained[1]) | {"extra": np.zeros(3)}
    with pytest.raises(MismatchedWeightsError, match="extra is not known"):
        system.colorizer_from(weights)


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.0},
        {"temperature": 1.1},
        {"temperature": float("nan")},
        {"short_side": 0},
        {"short_side": 100},
        {"views": ()},
        {"views": (1.0, 0.0)},
        {"views": (9.0,)},
    ],
    ids=str,
)
def test_impossible_settings(changes):
    (name,) = changes
    with pytest.raises(ConfigError, match=f"{name} (is|are)"):
        HueShiftGanConfig(**changes)


def test_the_rate_rises_holds_and_falls():
    schedule = hueshift_gan._schedule(OptimConfig(steps=100, warmup=10, descent=0.5), 1.0)
    found = [float(schedule(step)) for step in (0, 5, 10, 30, 50, 75, 100)]
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0], atol=1e-6)


@pytest.mark.parametrize("steps", [4, 20, 199, 400, 8000])
def test_every_run_reaches_the_peak_and_ends_at_zero(steps):
    schedule = hueshift_gan._schedule(OptimConfig(steps=steps), 1.0)
    rates = np.array([float(schedule(step)) for step in (steps // 4, 200, steps)])
    assert rates[:2].max() == 1.0
    assert rates[2] == 0.0


@pytest.mark.parametrize("optim", [OptimConfig(steps=1), OptimConfig(steps=5, descent=0.0)])
def test_the_rate_of_short_runs_is_finite(optim):
    schedule = hueshift_gan._schedule(optim, 1.0)
    assert all(0.0 <= float(schedule(step)) <= 1.0 for step in range(8))


def test_a_run_may_begin_with_finished_weights(system, tmp_path):
    """Parameters, statistics and their averages are those of the file, all else is new."""
    path = tmp_path / "finished.safetensors"
    weights = system.weights(tiny.initial(system))
    checkpoint.save_weights(path, weights, {}, dtype=np.float32)
    config = dataclasses.replace(system.config, begin_with=str(path))
    beginning = config.build()
    state = jax.jit(beginning.init)(jax.random.key(0))
    for name, value in (state.params | state.stats).items():
        np.testing.assert_array_equal(value, weights[name])
        np.testing.assert_array_equal(state.ema[name], weights[name])
    fresh = jax.eval_shape(system.init, jax.random.key(0))
    assert jax.tree.map(jnp.shape, state) == jax.tree.map(jnp.shape, fresh)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(state.optimizer))


def test_weights_to_begin_with_have_to_fit(system, tmp_path):
    path = tmp_path / "other.safetensors"
    checkpoint.save_weights(path, {"a": np.zeros((2, 2), np.float32)}, {})
    for name, error in ((path, MismatchedWeightsError), ("nothing", MissingWeightsError)):
        with pytest.raises(error):
            dataclasses.replace(system.config, begin_with=str(name)).build().init(jax.random.key(0))
    bundled = dataclasses.replace(system.config, begin_with="hueshift_gan").build()
    with pytest.raises(MismatchedWeightsError, match="do not fit"):
        bundled.init(jax.random.key(0))
