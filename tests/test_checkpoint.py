"""What is saved comes back, and damage is noticed."""

import os

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest
from flax import nnx

from hueshift_jax import checkpoint, sharding
from hueshift_jax.errors import CheckpointError, MismatchedWeightsError, MissingWeightsError

WEIGHTS = {
    "encoder.0.kernel": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "encoder.0.bias": np.array([1e-9, 7e4], np.float32),
    "count": np.int32(3),
}


def model_state():
    return nnx.state(nnx.List([nnx.Linear(3, 4, rngs=nnx.Rngs(0))]))


# -- Trees and names -------------------------------------------------------------------------


def test_flatten_names_the_leaves():
    tree = {"a": {"b": 1, "c": (2, 3)}, "d": 4}
    assert checkpoint.flatten(tree) == {"a.b": 1, "a.c.0": 2, "a.c.1": 3, "d": 4}


def test_nnx_states_have_the_names_of_their_attributes():
    assert list(checkpoint.flatten(model_state())) == ["0.bias", "0.kernel"]


def test_unflatten_undoes_flatten():
    tree = {"a": {0: {"kernel": 1}, 1: {"kernel": 2}}, "b": 3}
    assert checkpoint.unflatten(checkpoint.flatten(tree)) == tree


def test_fill_keeps_the_structure():
    template = {"state": model_state(), "more": (jnp.ones(2), jnp.ones(3))}
    doubled = {name: 2 * leaf for name, leaf in checkpoint.flatten(template).items()}
    filled = checkpoint.fill(template, doubled)
    assert jax.tree.structure(filled) == jax.tree.structure(template)
    np.testing.assert_array_equal(filled["more"][0], 2 * np.ones(2))


def test_match_accepts_equals():
    checkpoint.match({"a": (1, 2)}, {"a": np.ones((1, 2))})


@pytest.mark.parametrize(
    ("expected", "found", "message"),
    [
        ({"a": (1,), "b": (2,)}, {"a": (1,)}, "b is missing"),
        ({"a": (1,)}, {"a": (1,), "c": (2,)}, "c is not known"),
        ({"a": (1,)}, {"a": (2, 1)}, r"a is \(2, 1\), not \(1,\)"),
        ({str(i): (1,) for i in range(9)}, {}, "0 is missing, 1 is missing, 2 is.* and 6 more"),
    ],
)
def test_match_names_the_first_differences(expected, found, message):
    with pytest.raises(MismatchedWeightsError, match=message):
        checkpoint.match(expected, found)


# -- Weights ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "error"), [(np.float16, 5e-4), (ml_dtypes.bfloat16, 4e-3), (np.float32, 0)]
)
def test_weights_come_back(tmp_path, dtype, error):
    path = tmp_path / "w.safetensors"
    checkpoint.save_weights(path, WEIGHTS, {"config": "{}"}, dtype)
    flat, metadata = checkpoint.load_weights(path)
    assert metadata == {"config": "{}"}
    assert flat.keys() == WEIGHTS.keys()
    assert flat["encoder.0.kernel"].dtype == np.float32
    np.testing.assert_allclose(flat["encoder.0.kernel"], WEIGHTS["encoder.0.kernel"], atol=error)
    np.testing.assert_array_equal(flat["encoder.0.bias"], WEIGHTS["encoder.0.bias"])
    assert flat["count"] == 3
    assert flat["count"].shape == ()


def test_half_precision_halves_the_file(tmp_path):
    large = {"kernel": np.ones((100, 100), np.float32)}
    for name, dtype in (("half", np.float16), ("full", np.float32)):
        checkpoint.save_weights(tmp_path / name, large, {}, dtype)
    assert (tmp_path / "half").stat().st_size < 0.52 * (tmp_path / "full").stat().st_size


def test_jax_arrays_of_any_layout_are_saved(tmp_path):
    path = tmp_path / "w.safetensors"
    turned = np.arange(6.0, dtype=np.float32).reshape(2, 3).T
    checkpoint.save_weights(path, {"a": jnp.ones((2, 2)), "b": turned}, {})
    np.testing.assert_array_equal(checkpoint.load_weights(path)[0]["b"], turned)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_values_that_cannot_be_kept_are_refused(tmp_path, value):
    with pytest.raises(MismatchedWeightsError, match="a holds values that float16 cannot keep"):
        checkpoint.save_weights(tmp_path / "w", {"a": np.full((2, 2), value)}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    checkpoint.save_weights(path, WEIGHTS, {})
    before = checkpoint.digest(path)
    monkeypatch.setattr(os, "fsync", _full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save_weights(path, {"a": np.ones(3)}, {})
    assert checkpoint.digest(path) == before
    assert list(tmp_path.iterdir()) == [path]


def _full_disk(_):
    raise OSError(28, "No space left on device")


def test_missing_weights(tmp_path):
    with pytest.raises(MissingWeightsError, match="no weights file"):
        checkpoint.load_weights(tmp_path / "none")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"this is no weights file, but some text of a certain length",
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:20],
        lambda whole: whole + b"more",
        lambda whole: whole[:9] + b"\x00" + whole[10:],
        lambda whole: whole[:-4] + b"\xff\xff\xff\x7f",
    ],
)
def test_damaged_weights(tmp_path, damage):
    path = tmp_path / "w.safetensors"
    checkpoint.save_weights(path, {"bias": np.ones(4)}, {})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(MismatchedWeightsError, match="damaged"):
        checkpoint.load_weights(path)


def test_digest_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert checkpoint.digest(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")


# -- Training --------------------------------------------------------------------------------


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


def test_one_changed_bit_in_the_values_is_found(tmp_path):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_weights(path, {"kernel": np.ones((8, 8), np.float32)}, {"system": "x"})
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(MismatchedWeightsError, match="checksum"):
        checkpoint.load_weights(path)
