"""What is held out is never trained on, and stays the same."""

import numpy as np
import pytest

from hueshift_jax.data.batches import DataConfig, batches
from hueshift_jax.data.held_out import choose, divide
from hueshift_jax.errors import ConfigError, DataError
from tests.data.pictures import encoded, picture, write_tar

COUNT = 60


def solid(n):
    """A picture of one color, which crops and sizes leave as it is."""
    return np.full((40, 48, 3), (4 * n, 10, 250 - 4 * n), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures in files and in a tar file; the color tells the number."""
    where = tmp_path_factory.mktemp("photos")
    for n in range(COUNT // 2):
        (where / f"a{n:02}.png").write_bytes(encoded(solid(n)))
    files = [(f"b{n:02}.png", encoded(solid(n))) for n in range(COUNT // 2, COUNT)]
    write_tar(where / "shard.tar", files)
    return where


def numbers(pictures):
    return sorted({int(pictures[n][0, 0, 0]) // 4 for n in range(len(pictures))})


@pytest.mark.parametrize("memory_gb", [8.0, 1e-9])
def test_no_held_out_picture_is_trained_on(folder, memory_gb):
    divided = divide(folder, DataConfig(held_out=5, memory_gb=memory_gb))
    held = numbers(divided.held_out)
    assert len(divided.names) == len(held) == 5
    assert held == sorted(int(name[1:3]) for name in divided.names)
    settings = DataConfig(batch_size=8, sizes=(32,), phase_ends=(), memory_gb=memory_gb)
    steps = 2 * COUNT // 8
    trained = {
        int(rgb[0, 0, 0]) // 4
        for batch in batches(divided.training, settings, steps=steps)
        for rgb in batch.rgb_u8
    }
    assert trained == set(range(COUNT)) - set(held)


def test_one_that_cannot_be_read_is_not_replaced_by_a_held_out_one(tmp_path):
    """Pictures read anew: in place of a damaged one stands the next that is trained on."""
    for n in range(200):
        (tmp_path / f"{n:03}.png").write_bytes(encoded(solid(n % 60)))
    names = {f"{n:03}.png" for n in range(200)}
    first = int(min(choose(names, 1))[:3])
    (tmp_path / f"{first - 1:03}.png").write_bytes(b"nothing")
    divided = divide(tmp_path, DataConfig(held_out=1, memory_gb=1e-9))
    assert divided.names == (f"{first:03}.png",)
    replaced = divided.training[first - 1]
    np.testing.assert_array_equal(replaced[0, 0], solid((first + 1) % 60)[0, 0])


def test_the_choice_is_seeded_and_does_not_depend_on_the_others():
    names = [f"{n}.png" for n in range(100)]
    chosen = choose(names, 5)
    assert chosen == choose(names[::-1], 5) < choose(names, 7)
    assert chosen != choose(names, 5, seed=1)
    assert choose([*chosen, *(n for n in names[::2] if n not in chosen)], 5) == chosen


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (9, 0), (10, 1), (39, 3), (90, 5)])
def test_at_most_a_tenth(count, expected):
    assert len(choose([f"{n}.png" for n in range(count)], 5)) == expected


def test_too_few_or_none_wanted(tmp_path):
    (tmp_path / "0.png").write_bytes(encoded(picture(0)))
    assert divide(tmp_path, DataConfig())[1:] == (None, ())
    assert len(divide(tmp_path, DataConfig()).training) == 1
    for n in range(30):
        (tmp_path / f"{n}.png").write_bytes(encoded(picture(n)))
    assert divide(tmp_path, DataConfig(held_out=0)).held_out is None
    assert len(divide(tmp_path, DataConfig()).held_out) == 3


def test_what_was_held_out_before_stays_held_out(folder):
    names = ("a00.png", "b31.png", "gone.png")
    divided = divide(folder, DataConfig(held_out=5), names=names)
    assert divided.names == ("a00.png", "b31.png")
    assert len(divided.training) == COUNT - 2
    with pytest.raises(DataError, match="none of the pictures that this run has held out"):
        divide(folder, DataConfig(), names=("gone.png",))


def test_excluded_pictures_are_neither(tmp_path):
    for n in range(30):
        (tmp_path / f"{n:02}.png").write_bytes(encoded(solid(n)))
    (tmp_path / "exclude.csv").write_text("".join(f"{n:02}.png\n" for n in range(10)))
    divided = divide(tmp_path, DataConfig())
    assert numbers(divided.training) + numbers(divided.held_out) != []
    assert sorted(numbers(divided.training) + numbers(divided.held_out)) == list(range(10, 30))


def test_one_damaged_picture_among_few_held_out_ones_is_left_out(tmp_path):
    for n in range(120):
        (tmp_path / f"{n:03}.png").write_bytes(encoded(solid(n % 60)))
    damaged = min(choose({f"{n:03}.png" for n in range(120)}, 12))
    (tmp_path / damaged).write_bytes(b"nothing")
    assert len(divide(tmp_path, DataConfig()).held_out) == 11


def test_a_folder_of_its_own(folder, tmp_path):
    for n in range(2):
        (tmp_path / f"{n}.png").write_bytes(encoded(picture(n)))
    divided = divide(folder, DataConfig(), folder=tmp_path)
    assert (len(divided.training), len(divided.held_out), divided.names) == (COUNT, 2, ())


def test_folders_that_share_pictures_are_refused(folder):
    (folder / "part").mkdir(exist_ok=True)
    for where, apart in ((folder, folder / "part"), (folder / "part", folder), (folder, folder)):
        with pytest.raises(DataError, match="keep them apart"):
            divide(where, DataConfig(), folder=apart)


def test_an_empty_folder_is_named(folder, tmp_path):
    with pytest.raises(DataError, match=f"held-out pictures cannot be opened: {tmp_path}: there"):
        divide(folder, DataConfig(), folder=tmp_path)


def test_less_than_none():
    with pytest.raises(ConfigError, match="held_out is -1"):
        DataConfig(held_out=-1)
