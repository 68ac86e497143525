"""The saliency system learns from masks, and its weights come back from a file."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import checkpoint
from hueshift_jax.contracts import MaskedBatch, SaliencySystem
from hueshift_jax.errors import ConfigError, MismatchedWeightsError, MissingWeightsError
from hueshift_jax.models import efficientnet_lite
from hueshift_jax.models.efficientnet_lite import LITE0
from hueshift_jax.systems import catalog, pfan
from hueshift_jax.systems.encoder import pretrained_encoder
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.systems.pfan import PfanConfig, PfanOptimConfig, State
from tests.data.masked import pair
from tests.models.weights import quick_compilation, random_weights
from tests.systems.tiny import STAGES

CONFIG = PfanConfig(
    reach_width=4,
    width=8,
    frozen_blocks=1,
    pretrained=False,
    short_side=32,
    optim=PfanOptimConfig(lr=1e-2, encoder_lr=2e-3, steps=40),
)


def test_the_pretrained_encoder_is_cut_to_size():
    # Before any test puts a shorter encoder in its place.
    system = PfanConfig(width=8, reach_width=4).build()
    found = pretrained_encoder(system.network.params)
    assert set(found) == {n for n in system.network.params if n.startswith("encoder.")}


def test_the_bundled_network_finds_a_lone_thing():
    y, x = np.mgrid[:160, :160]
    thing = ((y - 70) ** 2 + (x - 90) ** 2 < 30**2).astype(np.float32)
    luma = 0.75 + 0.05 * np.sin(y / 40) - 0.55 * thing
    found = np.asarray(pfan.load_detector()(jnp.asarray(luma[None], jnp.float32)))[0]
    small = thing[::2, ::2] > 0.5
    assert found[small].mean() > 0.5 > found[~small].mean() + 0.2


@pytest.fixture(scope="module")
def system():
    with quick_compilation(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(efficientnet_lite, "STAGES", STAGES)
        patch.setattr(pfan, "LITE2", LITE0)
        yield CONFIG.build()


def initial(system):
    """What `system.init` returns, with random weights made by NumPy."""
    params = random_weights(system.network.params)
    stats = random_weights(system.network.stats)
    ema = {name: jnp.array(value) for name, value in (params | stats).items()}
    optimizer = jax.jit(system._optimizer.init)(params)
    return State(params, stats, ema, optimizer, jnp.zeros((), jnp.int32))


def batch(count=4, side=32):
    rgb, mask = zip(*(pair(n, side + 8, side + 8) for n in range(count)))
    luma = np.stack(rgb).astype(np.float32).mean(-1)[:, :side, :side] / 255.0
    return MaskedBatch(luma, np.stack(mask).astype(np.float32)[:, :side, :side] / 255.0)


@pytest.fixture(scope="module")
def trained(system):
    state, logs = initial(system), []
    before = {name: np.array(value) for name, value in state.params.items()}
    for n in range(20):
        state, figures = system.step(state, batch(), jax.random.key(n))
        logs.append({name: float(value) for name, value in figures.items()})
    return before, state, logs


def test_twenty_steps_lower_the_loss_by_a_tenth(system, trained):
    _, _, logs = trained
    assert isinstance(system, SaliencySystem)
    assert logs[-1]["loss"] < 0.9 * logs[0]["loss"]
    assert logs[-1]["mae"] < 0.9 * logs[0]["mae"]
    parts = 0.7 * logs[3]["map"] + 0.3 * logs[3]["edges"] + 0.1 * logs[3]["regularizer"]
    assert logs[3]["loss"] == pytest.approx(parts, rel=1e-4)


def test_what_is_frozen_stays(trained):
    before, state, _ = trained
    for name, value in before.items():
        frozen = name.startswith(("encoder.stem", "encoder.blocks.0.")) or ".filter.kernel" in name
        assert np.array_equal(value, state.params[name]) == frozen, name


def test_weights_make_the_same_detector(system, trained, tmp_path):
    detector = system.detector(trained[1])
    size = detector.working_size(50, 70)
    luma = np.random.default_rng(0).uniform(0, 1, (2, *size)).astype(np.float32)
    found = detector(luma)
    assert found.shape == (2, size[0] // 2, size[1] // 2)
    assert 0.0 <= float(found.min()) <= float(found.max()) <= 1.0
    path = tmp_path / "pfan.safetensors"
    catalog.save_system(path, "pfan", CONFIG, system.weights(trained[1]))
    again = pfan.load_detector(path)
    np.testing.assert_allclose(again(luma), found, atol=5e-3)
    assert pfan.load_detector(path, short_side=64).working_size(50, 70)[0] == 64
    with pytest.raises(MismatchedWeightsError):
        system.detector_from({"other": np.zeros(2)})


def test_wrong_files_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(MissingWeightsError):
        pfan.load_detector(path)
    checkpoint.save_weights(path, {"a": np.zeros((2, 2))}, {})
    with pytest.raises(MismatchedWeightsError, match="no configuration"):
        pfan.load_detector(path)
    catalog.save_system(path, "other", HueShiftGanConfig(), {"a": np.zeros((2, 2))})
    with pytest.raises(MismatchedWeightsError, match="HueShiftGanConfig"):
        pfan.load_detector(path)


def test_configurations_say_what_is_wrong():
    with pytest.raises(ConfigError, match="short_side"):
        PfanConfig(short_side=100)
    with pytest.raises(ConfigError, match="blocks"):
        PfanConfig(blocks=3)


# -- The bundled weights ----------------------------------------------------------------------


def test_the_bundled_file_is_small():
    assert pfan.BUNDLED.stat().st_size <= 8e6
    assert pfan.BUNDLED.with_suffix(".md").is_file()
