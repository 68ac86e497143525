"""Weights go through every format and come back the same; what does not fit is named."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from hueshift_jax import checkpoint
from hueshift_jax.errors import ConversionError, MismatchedWeightsError
from hueshift_jax.interop import conversion, networks
from hueshift_jax.interop.torch_archive import archive
from tests.interop import checkpoints

SMALL = {
    "squeezenet": {"fires": [1, 1, 2, 2, 2, 2, 3, 3], "stem": 4, "num_classes": 5},
    "flowchroma": {
        "encoder_widths": [2, 3, 3, 4, 4, 4, 4, 3],
        "decoder_widths": [4, 3, 3, 2, 2],
        "units": 3,
        "features": 5,
    },
    "atlas_mapping": {},
}
NAME = "squeezenet"
ARGS = SMALL[NAME]


def random_tensors(name, dtype=np.float32):
    rng = np.random.default_rng(0)
    shapes = networks.network(name).shapes(SMALL[name])
    return {key: rng.standard_normal(shape).astype(dtype) for key, shape in shapes.items()}


TENSORS = random_tensors(NAME)


def tree_of(tensors, *, first=0):
    return {key: checkpoints.tensor(first + n, v) for n, (key, v) in enumerate(tensors.items())}


def convert(path, target, **options):
    return conversion.convert(path, target, network=NAME, args=ARGS, **options)


def assert_published(path, expected=TENSORS):
    """Whether a file with our names holds these published tensors."""
    module, _ = conversion.load(conversion.read(path), networks.network(NAME), ARGS)
    found = networks.network(NAME).export(module)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.fixture
def pth(tmp_path):
    path = tmp_path / "published.pth"
    path.write_bytes(archive(TENSORS))
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "ours.safetensors"


@pytest.mark.parametrize("name", SMALL)
def test_there_and_back(name, tmp_path):
    tensors, args = random_tensors(name), SMALL[name]
    published, ours, back = (tmp_path / n for n in ("a.pth", "b.safetensors", "c.pth"))
    published.write_bytes(archive(tensors))
    there = conversion.convert(published, ours, network=name, args=args)
    assert (there.network, there.tensors) == (name, len(tensors))
    assert there.numbers == sum(value.size for value in tensors.values())
    conversion.convert(ours, back)
    found = conversion.read(back).groups[""]
    assert found.keys() == tensors.keys()
    for key, value in tensors.items():
        np.testing.assert_array_equal(found[key], value)


def test_our_file_says_what_it_is(pth, target):
    convert(pth, target)
    flat, metadata = checkpoint.load_weights(target)
    assert metadata["network"] == NAME
    assert json.loads(metadata["args"]) == ARGS
    assert metadata["names"] == "hueshift"
    assert "fires.0.squeeze.kernel" in flat
    assert all(value.dtype == np.float32 for value in flat.values())


def test_published_names_in_safetensors(pth, target, tmp_path):
    convert(pth, target, published_names=True)
    flat, metadata = checkpoint.load_weights(target)
    assert flat.keys() == TENSORS.keys()
    assert metadata["names"] == "published"
    conversion.convert(target, tmp_path / "again.safetensors")
    assert_published(tmp_path / "again.safetensors")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.net."])
def test_prefixes(prefix, tmp_path, target):
    path = tmp_path / "wrapped.pth"
    path.write_bytes(archive({prefix + name: value for name, value in TENSORS.items()}))
    assert convert(path, target).prefix == prefix
    assert_published(target)


@pytest.mark.parametrize("group", ["state_dict", "model", "params", "ema", "net", "generator"])
@pytest.mark.parametrize("kind", checkpoints.WRITERS)
def test_wrappers(group, kind, tmp_path, target):
    path = tmp_path / "wrapped.pth"
    other = tree_of({"conv.weight": np.ones((2, 2), np.float32)}, first=1000)
    tree = {"epoch": 3, "discriminator": other, group: tree_of(TENSORS)}
    checkpoints.WRITERS[kind](path, tree)
    report = convert(path, target)
    assert (report.group, report.others) == (group, ())
    assert_published(target)


def test_wrappers_inside_wrappers(tmp_path, target):
    path = tmp_path / "wrapped.ckpt"
    checkpoints.write_zip(path, {"trained": {"module.": {"params_ema": tree_of(TENSORS)}}})
    assert convert(path, target).group == "trained.module..params_ema"


def test_of_two_that_fit_one_is_chosen(tmp_path, target):
    path = tmp_path / "both.pth"
    averaged = {name: value + 1 for name, value in TENSORS.items()}
    tree = {"params_ema": tree_of(averaged, first=1000), "params": tree_of(TENSORS)}
    checkpoints.write_zip(path, tree)
    report = convert(path, target)
    assert (report.group, report.others) == ("params", ("params_ema",))
    assert_published(target)
    assert convert(path, target, group="params_ema").group == "params_ema"
    assert_published(target, averaged)
    with pytest.raises(ConversionError, match=r"no tensors under 'ema'; it has 'params_ema', "):
        convert(path, target, group="ema")


def test_one_network_of_several(tmp_path, target):
    path = tmp_path / "several.pth"
    several = {f"generator.{name}": value for name, value in TENSORS.items()}
    path.write_bytes(archive(several | {"critic.weight": np.ones(3, np.float32)}))
    with pytest.raises(ConversionError, match="no tensor of the file is called like one of"):
        convert(path, target)
    convert(path, target, prefix="generator.")
    assert_published(target)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, jnp.bfloat16])
@pytest.mark.parametrize("kind", [".safetensors", *checkpoints.WRITERS])
def test_other_widths_become_float32(dtype, kind, tmp_path, target):
    tensors = {name: value.astype(dtype) for name, value in TENSORS.items()}
    if kind == ".safetensors":
        path = tmp_path / "narrow.safetensors"
        save_file(tensors, path)
    else:
        path = tmp_path / "narrow.pth"
        checkpoints.WRITERS[kind](path, tree_of(tensors))
    convert(path, target)
    assert_published(target, {name: v.astype(np.float32) for name, v in tensors.items()})


def test_counters_are_left_out(tmp_path, target):
    path = tmp_path / "counted.pth"
    counted = TENSORS | {"features.1.num_batches_tracked": np.int64(7)}
    checkpoints.write_zip(path, tree_of(counted))
    convert(path, target)
    assert_published(target)


def test_everything_that_does_not_fit_is_named(tmp_path, target):
    path = tmp_path / "other.pth"
    tensors = TENSORS | {"extra.weight": np.ones(2), "extra.bias": np.ones(1)}
    del tensors["features.0.bias"], tensors["classifier.1.weight"]
    tensors["features.3.squeeze.bias"] = np.ones(77)
    path.write_bytes(archive(tensors))
    with pytest.raises(ConversionError) as raised:
        convert(path, target)
    assert str(raised.value) == (
        "the tensors do not fit squeezenet: 2 missing: classifier.1.weight, features.0.bias;"
        " 2 left over: extra.bias, extra.weight;"
        " 1 misshapen: features.3.squeeze.bias (77,) instead of (1,)"
    )
    assert not target.exists()


def test_our_files_of_another_network(pth, target, tmp_path):
    convert(pth, target)
    with pytest.raises(ConversionError, match="holds weights of squeezenet, not of flowchroma"):
        conversion.convert(target, tmp_path / "x.pth", network="flowchroma")
    flat, metadata = checkpoint.load_weights(target)
    del flat["stem.bias"]
    checkpoint.save_weights(target, flat, metadata)
    with pytest.raises(ConversionError, match=r"1 missing: stem\.bias"):
        conversion.convert(target, tmp_path / "x.pth")


def test_arguments_that_build_nothing(pth, target):
    with pytest.raises(ConversionError, match="squeezenet cannot be built from"):
        conversion.convert(pth, target, network=NAME, args={"fires": "many"})


def test_damaged_arguments(target, tmp_path):
    checkpoint.save_weights(target, {"a": np.ones(2)}, {"network": NAME, "args": "{"})
    with pytest.raises(ConversionError, match="arguments in its metadata are damaged"):
        conversion.convert(target, tmp_path / "x.pth")


def test_values_that_are_not_finite(tmp_path, target):
    path = tmp_path / "broken.pth"
    path.write_bytes(archive(TENSORS | {"features.0.bias": np.full(4, np.nan)}))
    with pytest.raises(MismatchedWeightsError, match=r"stem\.bias"):
        convert(path, target)
    assert not target.exists()


def test_folded_networks_are_read_and_not_written():
    published = networks.network("efficientnet_lite0")
    counts = {name: np.prod(shape) for name, shape in published.shapes({}).items()}
    assert sum(n for name, n in counts.items() if "running" not in name) == 4_652_008
    shapes = published.shapes({"num_classes": 2})
    tensors = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    module = published.load({"num_classes": 2}, tensors)
    assert module.classes.kernel.shape == (1280, 2)
    with pytest.raises(ConversionError, match="its norms are folded"):
        published.export(module)
    del tensors["_bn0.bias"], tensors["_fc.bias"]
    with pytest.raises(ConversionError, match=r"2 missing: _bn0\.bias, _fc\.bias"):
        published.load({"num_classes": 2}, tensors)
