"""In memory or read anew: the same pictures; what cannot be read is named."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from hueshift_jax.data import sources
from hueshift_jax.data.pictures import ReadAnew, open_pictures
from hueshift_jax.errors import DataError
from tests.data.pictures import encoded, picture, write_tar
from tests.video.clips import write_film


def fill(folder: Path, count: int) -> None:
    """`count` pictures, half of them in a tar file."""
    half = count // 2
    for n in range(half):
        (folder / f"a{n:03}.png").write_bytes(encoded(picture(n, 4, 6)))
    files = [(f"b{n:03}.png", encoded(picture(n, 4, 6))) for n in range(half, count)]
    write_tar(folder / "shard.tar", files)


def test_read_anew_where_memory_is_short(tmp_path):
    fill(tmp_path, 10)
    kept = open_pictures(tmp_path, short_side=4)
    anew = open_pictures(tmp_path, short_side=4, memory_gb=1e-9)
    assert isinstance(anew, ReadAnew)
    assert len(kept) == len(anew) == 10
    again = pickle.loads(pickle.dumps(anew))
    for n in (9, 0, 5):
        np.testing.assert_array_equal(kept[n], anew[n])
        np.testing.assert_array_equal(kept[n], again[n])


def test_limit_and_exclusion_hold_when_read_anew(tmp_path):
    fill(tmp_path, 6)
    (tmp_path / "exclude.csv").write_text("a000.png\n")
    anew = open_pictures(tmp_path, memory_gb=1e-9, limit=3)
    assert len(anew) == 3
    np.testing.assert_array_equal(anew[0], picture(1, 4, 6))


def test_the_next_picture_stands_in_for_one_that_cannot_be_read(tmp_path):
    fill(tmp_path, 200)
    (tmp_path / "a007.png").write_bytes(b"nothing")
    anew = open_pictures(tmp_path, memory_gb=1e-9)
    for _ in range(2):
        np.testing.assert_array_equal(anew[7], picture(8, 4, 6))
    assert anew.skipped.names == ["a007.png"]
    for n in (8, 9):
        (tmp_path / f"a{n:03}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"3 of 200 .*a007.png, a008.png, a009.png"):
        anew[7]


def test_nothing_readable(tmp_path):
    fill(tmp_path, 2)
    with pytest.raises(DataError, match="there is no picture"):
        ReadAnew((), short_side=4)
    for path in (tmp_path / "a000.png", tmp_path / "shard.tar"):
        path.unlink()
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no readable picture"):
        open_pictures(tmp_path)


def test_frames_of_films_are_pictures(tmp_path):
    write_film(tmp_path / "film.mp4", times=30)
    (tmp_path / "z.mp4").write_bytes(b"no film")
    for n in range(200):
        (tmp_path / f"{n}.png").write_bytes(encoded(picture(n, 4, 6)))
    found = open_pictures(tmp_path, short_side=24)
    assert len(found) == 202
    assert found[201].shape == (24, 32, 3)
    assert found.skipped.names == ["z.mp4"]
    with pytest.raises(DataError, match="hueshift pack"):
        open_pictures(tmp_path, memory_gb=1e-9)


def test_a_cut_tar_file(tmp_path):
    write_tar(tmp_path / "s.tar", [("a.png", encoded(picture(0, 40, 40)))])
    (tmp_path / "s.tar").write_bytes((tmp_path / "s.tar").read_bytes()[:700])
    with pytest.raises(DataError, match="no readable tar file"):
        sources.find(tmp_path)


def test_tfds_is_an_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match=r"pip install 'hueshift-jax\[tfds\]'"):
        sources.find("tfds:imagenette")


def test_a_tfds_source_gives_encoded_pictures(monkeypatch):
    import sys
    import types

    asked = {}

    def data_source(name, **options):
        asked.update(options, name=name)
        if name == "missing":
            raise ValueError("not prepared")
        return [{"image": encoded(picture(n))} for n in range(3)]

    decode = types.SimpleNamespace(SkipDecoding=lambda: "as stored")
    fake = types.SimpleNamespace(data_source=data_source, decode=decode)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", fake)
    found = open_pictures("tfds:flowers:test")
    np.testing.assert_array_equal(found[2], picture(2))
    assert (asked["name"], asked["split"], asked["download"]) == ("flowers", "test", False)
    assert asked["decoders"] == {"image": "as stored"}
    with pytest.raises(DataError, match="the dataset missing cannot be opened: not prepared"):
        sources.find("tfds:missing")
