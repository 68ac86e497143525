"""What a reference file says is found; what it does not say is named."""

import dataclasses
import json

import numpy as np
import pytest

from hueshift_jax.errors import ConversionError, ParityError
from hueshift_jax.interop import published
from hueshift_jax.nn.conv import Conv
from hueshift_jax.parity import recipes, run
from hueshift_jax.parity.case import Case, thinned


def write(path, *, name="thing", meta=None, **arrays):
    """A reference file."""
    meta = {"key": name, "tolerance": 1e-4} | (meta or {})
    np.savez(path / f"{name}.npz", meta=json.dumps(meta), **arrays)
    return Case(path / f"{name}.npz")


def test_arguments_of_both_forms(tmp_path):
    case = write(tmp_path, meta={"args": {"width": 3, "names": [1, 2]}})
    assert case.args == {"width": 3, "names": [1, 2]}
    case = write(tmp_path, meta={"args": "nf=32,norm='IN',skip=[4,7], size=(8,8), on=False"})
    assert case.args == {"nf": 32, "norm": "IN", "skip": [4, 7], "size": (8, 8), "on": False}


def test_inputs_of_both_forms(tmp_path):
    old = write(tmp_path, meta={"inputs": {"x": "image(key,'x',(1,2,4,4))", "t": [17, 803]}})
    new = write(tmp_path, meta={"input": 'a image(key,"x",(1,2,4,4)); t=[17, 803]; s=0.5'})
    np.testing.assert_array_equal(old.draw("x"), new.draw("x"))
    assert old.input("t") == new.input("t") == [17, 803]
    assert new.input("s") == 0.5
    assert new.find(r"s=([\d.]+)", 1.0) == 0.5
    assert new.find(r"r=([\d.]+)", 1.0) == 1.0
    with pytest.raises(ParityError, match="no recipe for 'y'; it has: x"):
        new.draw("y")
    with pytest.raises(ParityError, match="states no input 'u'"):
        new.input("u")


def test_comparing(tmp_path):
    reference = np.float32([[4.0, -2.0]])
    case = write(tmp_path, y=reference, z=reference, meta={"tolerances": {"z": 0.5}})
    case.compare("y", reference + 1)
    case.compare("z", reference + 1)
    case.compare("z", reference + 1, absolute=True)
    case.compare("y", np.float32([[np.nan, 0.0]]))
    case.exact("parameters", 5, 7)
    assert [check.error for check in case.checks[:3]] == [0.25, 0.25, 1.0]
    assert [check.passed for check in case.checks] == [False, True, False, False, False]


def test_what_was_kept_of_an_output():
    value = np.arange(60).reshape(6, 10)
    np.testing.assert_array_equal(thinned(value, (3, 4), "y"), value[::2, ::3])
    np.testing.assert_array_equal(thinned(value, (6, 3), "y"), value[:, ::4])
    np.testing.assert_array_equal(thinned(value, (2, 10), "y", {5}), value[::5])
    for shape in ((7, 10), (6,), (6, 8)):
        with pytest.raises(ParityError, match="has shape"):
            thinned(value, shape, "y")


NETWORK = published.Published(
    name="one_convolution",
    source="this test",
    build=lambda args, rngs: Conv(args.get("c", 2), 3, 1, rngs=rngs),
    rules=((r"^", "conv."),),
)


def test_a_network_with_the_weights_of_the_file(tmp_path):
    tensors = [["conv.weight", [3, 4, 1, 1], "f"], ["conv.bias", [3], "f"]]
    case = write(tmp_path, meta={"args": {"c": 4}, "state_dict": tensors, "params": 15})
    network = case.network(NETWORK)
    np.testing.assert_array_equal(network.kernel[0, 0], case.tensors["conv.weight"][:, :, 0, 0].T)
    assert [check.passed for check in case.checks] == [True]


def test_a_file_that_lists_no_tensors(tmp_path):
    case = write(tmp_path, meta={"args": {"c": 4}, "params": 15, "buffers": 0})
    network = case.network(NETWORK)
    np.testing.assert_array_equal(network.bias[...], recipes.tensor("thing", "conv.bias", (3,)))
    assert [check.passed for check in case.checks] == [True, True]


def test_all_that_does_not_fit_is_named():
    tensors = {"conv.weight": np.zeros((3, 5, 1, 1)), "conv.scale": np.zeros(1), "b": np.zeros(1)}
    with pytest.raises(ConversionError) as caught:
        NETWORK.load({}, tensors)
    message = str(caught.value)
    for part in (
        "1 missing: conv.bias",
        "2 left over: b, conv.scale",
        "1 misshapen: conv.weight (3, 5, 1, 1) instead of (3, 2, 1, 1)",
    ):
        assert part in message


def test_a_file_without_a_runner_is_not_covered(tmp_path):
    write(tmp_path, name="unheard_of", y=np.zeros(1))
    write(tmp_path, name="metric_unheard_of", y=np.zeros(1))
    statuses = {outcome.name: outcome.status for outcome in run.run(tmp_path)}
    assert statuses == {"unheard_of": "not covered", "metric_unheard_of": "pending"}


def test_files_that_are_no_references(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK nonsense")
    np.savez(tmp_path / "plain.npz", y=np.zeros(1))
    outcomes = list(run.run(tmp_path))
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
    assert all("is no reference file" in outcome.problem for outcome in outcomes)


def test_a_folder_without_references(tmp_path):
    with pytest.raises(ParityError, match="holds no reference files"):
        list(run.run(tmp_path))
    write(tmp_path, y=np.zeros(1))
    with pytest.raises(ParityError, match="holds no other"):
        list(run.run(tmp_path, ["other"]))


def test_repeated_tensors_go_both_ways():
    network = dataclasses.replace(
        NETWORK, aliases=((r"^again\.", "conv."),), repeats=((r"^conv\.", "again."),)
    )
    rng = np.random.default_rng(0)
    own = {"conv.weight": rng.random((3, 2, 1, 1)), "conv.bias": rng.random(3)}
    repeated = {name.replace("conv", "again"): np.zeros_like(v) for name, v in own.items()}
    exported = network.export(network.load({}, own | repeated))
    assert exported.keys() == own.keys() | repeated.keys()
    for name, value in own.items():
        for place in (name, name.replace("conv", "again")):
            np.testing.assert_allclose(exported[place], value, rtol=1e-6)
