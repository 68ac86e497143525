"""States of a run come back on any mesh, and damage is noticed."""

import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from hueshift_jax import checkpoint, sharding
from hueshift_jax.errors import CheckpointError, MismatchedWeightsError


def model_state():
    return nnx.state(nnx.List([nnx.Linear(3, 4, rngs=nnx.Rngs(0))]))


def training_state(key):
    params = model_state()
    return {
        "params": params,
        "optimizer": optax.adam(1e-3).init(params),
        "key": key,
        "half": jnp.linspace(0, 1, 5, dtype=jnp.bfloat16),
        "host": np.arange(3, dtype=np.int32),
        "step": jnp.int32(7),
    }


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert left.dtype == right.dtype
        assert bool(np.all(_values(left) == _values(right)))


def _values(leaf):
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def spoil_values(folder, step):
    """Flips one bit in the middle of the largest file of a checkpoint."""
    files = [path for path in (folder / str(step)).rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    spoiled = bytearray(largest.read_bytes())
    spoiled[len(spoiled) // 2] ^= 0x40
    largest.write_bytes(spoiled)


def spoil_structure(folder, step):
    (folder / str(step) / "state" / "_METADATA").write_text("{")


def spoil_record(folder, step):
    (folder / str(step) / "record" / "metadata").write_text("")


def test_nothing_saved(tmp_path, key):
    assert checkpoint.Checkpoints(tmp_path / "new").restore(training_state(key)) is None


@pytest.mark.parametrize("template", [lambda state: state, lambda s: jax.eval_shape(lambda: s)])
def test_training_state_comes_back(tmp_path, key, template):
    state = training_state(key)
    checkpoint.Checkpoints(tmp_path).save(5, state, "{}", {"position": [1, 2]})
    restored = checkpoint.Checkpoints(tmp_path).restore(template(state))
    assert (restored.step, restored.extra, restored.config) == (5, {"position": [1, 2]}, "{}")
    assert_same(restored.state, state)


def test_the_newest_few_are_kept(tmp_path):
    saved = checkpoint.Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 10):
        saved.save(step, {"x": jnp.full(2, step)})
    assert saved.steps() == [2, 10]
    assert checkpoint.Checkpoints(tmp_path).restore({"x": jnp.zeros(2, int)}).step == 10


def test_a_saved_step_stays_as_it_is(tmp_path):
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, {"x": jnp.zeros(2)})
    saved.save(1, {"x": jnp.ones(2)})
    assert float(saved.restore({"x": jnp.ones(2)}).state["x"].sum()) == 0


def test_shardings_of_the_template_are_used(tmp_path):
    state = {"x": jnp.arange(16.0)}
    checkpoint.Checkpoints(tmp_path).save(1, state)
    split = sharding.batch_sharding(sharding.make_mesh())
    restored = checkpoint.Checkpoints(tmp_path).restore(jax.device_put(state, split))
    assert restored.state["x"].sharding == split
    assert_same(restored.state, state)


def test_a_split_state_is_restored_on_one_device(tmp_path):
    split = sharding.batch_sharding(sharding.make_mesh())
    state = jax.device_put({"x": jnp.arange(16.0)}, split)
    checkpoint.Checkpoints(tmp_path).save(1, state)
    restored = checkpoint.Checkpoints(tmp_path).restore({"x": jnp.zeros(16)})
    assert len(restored.state["x"].devices()) == 1
    assert_same(restored.state, state)


@pytest.mark.parametrize("spoil", [spoil_values, spoil_structure, spoil_record])
def test_a_damaged_newest_is_skipped_and_said(tmp_path, spoil):
    messages = []
    state = {"x": jnp.asarray(np.random.default_rng(0).standard_normal((64, 64)), jnp.float32)}
    saved = checkpoint.Checkpoints(tmp_path, report=messages.append)
    saved.save(1, state)
    saved.save(2, state)
    spoil(tmp_path, 2)
    assert saved.restore(state).step == 1
    assert len(messages) == 1
    assert "step 2 is damaged and skipped" in messages[0]
    saved.save(2, state)
    assert saved.restore(state).step == 2


def test_after_damage_the_run_goes_on_with_smaller_steps(tmp_path):
    saved = checkpoint.Checkpoints(tmp_path, report=lambda message: None)
    for step in (1, 5):
        saved.save(step, {"x": jnp.full(3, step)})
    spoil_structure(tmp_path, 5)
    assert saved.restore({"x": jnp.zeros(3, int)}).step == 1
    saved.save(3, {"x": jnp.full(3, 3)})
    assert checkpoint.Checkpoints(tmp_path).steps() == [1, 3]


def test_damage_is_said_on_stderr(tmp_path, capsys):
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, {"x": jnp.ones(3)})
    spoil_structure(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"every checkpoint in .* is damaged"):
        saved.restore({"x": jnp.ones(3)})
    assert "step 1 is damaged" in capsys.readouterr().err


def test_an_interrupted_save_is_not_seen(tmp_path):
    state = {"x": jnp.ones(3)}
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, state)
    saved.save(2, state)
    (tmp_path / "2").rename(tmp_path / "2.orbax-checkpoint-tmp")
    assert checkpoint.Checkpoints(tmp_path).restore(state).step == 1


def test_another_network_is_refused(tmp_path):
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, {"x": jnp.ones(3)})
    with pytest.raises(MismatchedWeightsError, match=r"states of step 1.*x is \(3,\), not \(4,\)"):
        saved.restore({"x": jnp.ones(4)})


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("RESOURCE_EXHAUSTED: No space left on device [os_error_code='28']", "no space left$"),
        ("PERMISSION_DENIED: no\nmore", "PERMISSION_DENIED: no$"),
    ],
)
def test_a_failed_save_keeps_what_there_was(tmp_path, monkeypatch, reason, told):
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, {"x": jnp.ones(3)})

    def fail(*_, **__):
        raise ValueError(reason)

    monkeypatch.setattr(saved._manager, "save", fail)
    with pytest.raises(CheckpointError, match=rf"state of step 2 cannot be written .*{told}"):
        saved.save(2, {"x": jnp.ones(3)})
    assert checkpoint.Checkpoints(tmp_path).steps() == [1]


def test_leftovers_of_an_interrupted_save_are_swept(tmp_path):
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, {"x": jnp.ones(3)})
    saved.save(2, {"x": jnp.ones(3)})
    (tmp_path / "2").rename(tmp_path / "2.orbax-checkpoint-tmp")
    opened = checkpoint.Checkpoints(tmp_path)
    opened.restore({"x": jnp.ones(3)})
    assert len(list(tmp_path.iterdir())) == 2, "a reader deletes nothing"
    opened.save(3, {"x": jnp.ones(3)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


# -- In the background, the best, other meshes, a full disk ----------------------------------


def test_a_save_in_the_background_keeps_what_the_next_step_overwrites(tmp_path):
    step = jax.jit(lambda state: jax.tree.map(lambda x: x + 1, state), donate_argnums=0)
    state = {"x": jnp.zeros((512, 512)), "key": jax.random.key(3)}
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, state, wait=False)
    for _ in range(20):
        state["x"] = step(state["x"])
    assert saved.steps() == []
    saved.close()
    restored = checkpoint.Checkpoints(tmp_path).restore(state).state
    assert float(jnp.abs(restored["x"]).max()) == 0
    assert float(state["x"].min()) == 20
    assert_same(restored["key"], jax.random.key(3))


@pytest.mark.parametrize(("highest", "kept"), [(False, [2, 4]), (True, [3, 4])])
def test_the_best_stays_beside_the_newest(tmp_path, highest, kept):
    saved = checkpoint.Checkpoints(tmp_path, keep=1, best="error", highest=highest)
    for step, error in ((1, 5.0), (2, 1.0), (3, 9.0), (4, float("nan"))):
        saved.save(step, {"x": jnp.full(2, step)}, figures={"error": error})
    assert saved.steps() == kept
    assert saved.best_step() == kept[0]
    assert saved.restore({"x": jnp.zeros(2, int)}, saved.best_step()).state["x"][0] == kept[0]
    assert saved.restore({"x": jnp.zeros(2, int)}).step == 4


def test_without_figures_there_is_no_best(tmp_path):
    saved = checkpoint.Checkpoints(tmp_path, best="error")
    saved.save(1, {"x": jnp.ones(2)})
    assert saved.best_step() is None


def split_over(shape, state):
    return jax.device_put(state, sharding.state_sharding(sharding.make_mesh(*shape), state))


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 2), (2, 4)])
def test_what_four_devices_saved_is_restored_on_others(tmp_path, shape):
    values = np.random.default_rng(0).standard_normal((256, 128)).astype(np.float32)
    state = {"large": jnp.asarray(values), "small": jnp.arange(5)}
    checkpoint.Checkpoints(tmp_path).save(1, split_over((2, 2), state))
    template = split_over(shape, jax.tree.map(jnp.zeros_like, state))
    restored = checkpoint.Checkpoints(tmp_path).restore(template).state
    assert_same(restored, state)
    assert restored["large"].sharding == template["large"].sharding


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one mebibyte; only root may make one."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=False)
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("wait", [True, False])
def test_a_full_disk_keeps_what_there_was_and_a_later_save_succeeds(small_disk, wait):
    noise = np.random.default_rng(0).standard_normal(1 << 19).astype(np.float32)
    saved = checkpoint.Checkpoints(small_disk, keep=9)
    saved.save(1, {"x": jnp.ones(3)})

    def fill():
        saved.save(2, {"x": jnp.asarray(noise)}, wait=wait)
        saved.wait()

    with pytest.raises(CheckpointError, match=r"step 2 cannot be written .*no space left"):
        fill()
    assert saved.steps() == [1]
    saved.save(3, {"x": jnp.full(3, 3.0)})
    assert checkpoint.Checkpoints(small_disk).steps() == [1, 3]
