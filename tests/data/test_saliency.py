"""Pictures with masks: reading, holding out, cutting out, batches."""

import numpy as np
import pytest

from hueshift_jax.data import saliency
from hueshift_jax.data.saliency import MaskedDataConfig, Pair
from hueshift_jax.errors import ConfigError, DataError
from tests.data.masked import pair, write_folder
from tests.data.pictures import encoded, picture, write_tar

CONFIG = MaskedDataConfig(
    short_side=40, sizes=(32,), phase_ends=(), batch_size=4, held_out=5, wear=0.0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("masked"))


def test_pictures_and_masks_belong_together(folder):
    pairs = saliency.open_pairs(folder, 20)
    assert len(pairs) == 20
    for rgb, mask in pairs:
        assert rgb.shape == (20, 28, 3)
        assert mask.shape == (20, 28)
        assert rgb[mask > 250].mean() > 150 > rgb[mask < 5].mean()


def test_tar_files_hold_them_too(tmp_path):
    rgb, mask = pair(0)
    files = [("images/a.png", encoded(rgb)), ("masks/a.png", encoded(mask[..., None].repeat(3, 2)))]
    write_tar(tmp_path / "one.tar", files)
    pairs = saliency.open_pairs(tmp_path, 0)
    assert pairs.names == ["images/a.png"]
    np.testing.assert_array_equal(pairs[0].mask, mask)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="no pictures with masks"):
        saliency.open_pairs(_with(tmp_path / "a", {"x.png": picture(0)}))
    with pytest.raises(DataError, match="have no mask"):
        saliency.open_pairs(_with(tmp_path / "b", {"images/x.png": picture(0)}))
    both = _with(tmp_path / "c", {"images/x.png": picture(0), "masks/x.png": picture(0)})
    (both / "images" / "x.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no readable picture"):
        saliency.open_pairs(both)


def _with(folder, pictures):
    for name, rgb in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(rgb))
    return folder


def test_a_part_is_held_out_and_stays_so(folder, tmp_path):
    first = saliency.divide(folder, CONFIG)
    assert (len(first.training), len(first.held_out)) == (18, 2)
    assert not set(first.names) & set(first.training.names)
    again = saliency.divide(folder, CONFIG, names=first.names[:1])
    assert again.names == first.names[:1]
    with pytest.raises(DataError, match="none of the pictures"):
        saliency.divide(folder, CONFIG, names=["images/other.png"])
    other = write_folder(tmp_path / "other", 3)
    apart = saliency.divide(folder, CONFIG, folder=other)
    assert (len(apart.training), len(apart.held_out), apart.names) == (20, 3, ())
    with pytest.raises(DataError, match="keep them apart"):
        saliency.divide(folder, CONFIG, folder=folder / "images")


def test_batches_are_a_function_of_the_seed(folder):
    pairs = saliency.open_pairs(folder)
    first, again = (list(saliency.masked_batches(pairs, CONFIG, steps=3)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.luma.shape == one.mask.shape == (4, 32, 32)
        assert one.luma.dtype == one.mask.dtype == np.float32
        np.testing.assert_array_equal(one.luma, other.luma)
        np.testing.assert_array_equal(one.mask, other.mask)
        assert one.luma[one.mask > 0.9].mean() > one.luma[one.mask < 0.1].mean() + 0.2
    later = next(saliency.masked_batches(pairs, CONFIG, steps=3, start=2))
    np.testing.assert_array_equal(later.luma, first[2].luma)


def test_a_cut_out_part_lies_over_the_background():
    rgb, mask = pair(1)
    behind = Pair(np.full((60, 80, 3), 90, np.uint8), np.zeros((60, 80), np.uint8))
    rng = np.random.default_rng(0)
    for _ in range(5):
        found = saliency.compose(Pair(rgb, mask), behind, rng)
        assert found.rgb.shape == behind.rgb.shape
        assert found.rgb[found.mask == 0].astype(int).max() <= 150  # a soft edge
        assert np.median(found.rgb[found.mask == 0]) == 90
        assert found.rgb[found.mask == 255].mean() > 180
        assert 0.05 < found.mask.mean() / 255 < 0.75


def test_what_was_salient_behind_stays_so():
    both = Pair(*pair(2))
    found = saliency.compose(Pair(*pair(3)), both, np.random.default_rng(1))
    assert (found.mask >= both.mask).all()


def test_backgrounds_come_from_a_folder(folder, tmp_path):
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(encoded(np.full((40, 50, 3), 40, np.uint8)))
    config = MaskedDataConfig(
        short_side=40, sizes=(32,), phase_ends=(), batch_size=8, composed=1.0, wear=0.0,
        backgrounds=str(tmp_path), spectral_spread=0.0,
    )  # fmt: skip
    batch = next(saliency.masked_batches(saliency.open_pairs(folder), config, steps=1))
    np.testing.assert_allclose(np.median(batch.luma[batch.mask == 0]), 40 / 255, atol=0.01)
    assert (batch.mask.max((1, 2)) == 1.0).all()


def test_settings_say_what_is_wrong():
    with pytest.raises(ConfigError, match="composed"):
        MaskedDataConfig(composed=1.5)
