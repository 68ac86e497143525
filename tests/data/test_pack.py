"""What is packed comes back; a packing goes on; a flipped byte is found and named."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from hueshift_jax.data import pack as packing
from hueshift_jax.data.decode import decode
from hueshift_jax.data.pack import PackConfig, pack, verify
from hueshift_jax.data.pictures import open_pictures
from hueshift_jax.data.records import Shard
from hueshift_jax.errors import ConfigError, DataError
from tests.data.pictures import encoded, picture, write_tar
from tests.video.clips import write_film

SMALL = PackConfig(short_side=32, per_shard=4, workers=1)


@pytest.fixture
def folder(tmp_path):
    """Ten pictures, six of them in a tar file."""
    source = tmp_path / "in"
    source.mkdir()
    for n in range(4):
        (source / f"a{n}.jpg").write_bytes(encoded(picture(n, 60, 90), ".jpg"))
    files = [(f"b{n}.jpg", encoded(picture(n, 24, 30), ".jpg")) for n in range(4, 10)]
    write_tar(source / "shard.tar", files)
    return source


def packed(source, tmp_path, config=SMALL):
    out = tmp_path / "out"
    return out, pack(str(source), out, config)


def contents(out):
    """Name and pictures of every record."""
    return [record for path in sorted(out.glob("*.array_record")) for record in Shard(path)]


def test_pictures_come_back(folder, tmp_path):
    out, summary = packed(folder, tmp_path)
    assert summary == (3, 3, 10, ())
    found = contents(out)
    assert [record.name for record in found][:5] == [
        "a0.jpg",
        "a1.jpg",
        "a2.jpg",
        "a3.jpg",
        "b4.jpg",
    ]
    assert decode(found[0].pictures[0]).shape == (32, 48, 3)
    small = encoded(picture(4, 24, 30), ".jpg")
    assert found[4].pictures == (small,), "small pictures keep their bytes"
    assert verify(out) == []
    kept = open_pictures(out)
    assert len(kept) == 10
    np.testing.assert_array_equal(kept[4], decode(small))
    assert sorted(p.name for p in out.iterdir() if p.name.startswith(".")) == []


def test_what_is_missing_is_made_anew(folder, tmp_path, monkeypatch):
    out, _ = packed(folder, tmp_path)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "shard-00001.array_record").unlink()
    (out / "shard-00002.json").unlink()
    (out / "manifest.json").unlink()
    (out / ".shard-00001.array_record.part").write_bytes(b"from a killed run")
    made = []
    make = packing._make
    monkeypatch.setattr(packing, "_make", lambda job: (made.append(job.path.name), make(job)))
    assert pack(str(folder), out, SMALL).written == 2
    assert made == ["shard-00001.array_record", "shard-00002.array_record"]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_other_settings_are_another_packing(folder, tmp_path):
    out, _ = packed(folder, tmp_path)
    assert pack(str(folder), out, PackConfig(short_side=16, per_shard=4, workers=1)).written == 3
    assert all(min(decode(r.pictures[0]).shape[:2]) <= 16 for r in contents(out))


def test_processes_make_the_same(folder, tmp_path):
    pack(str(folder), tmp_path / "one", SMALL)
    pack(str(folder), tmp_path / "two", PackConfig(short_side=32, per_shard=4, workers=2))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_one_flipped_byte_is_named(folder, tmp_path):
    out, _ = packed(folder, tmp_path)
    path = out / "shard-00001.array_record"
    content = bytearray(path.read_bytes())
    place = content.find(encoded(picture(6, 24, 30), ".jpg")[-60:-20])
    content[place + 7] ^= 1
    path.write_bytes(content)
    problems = verify(out)
    assert any("shard-00001.array_record" in problem for problem in problems)
    assert any("b6.jpg" in problem for problem in problems), problems


@pytest.mark.parametrize("how", ["missing", "cut", "end"])
def test_damaged_shards_are_named(folder, tmp_path, how):
    out, _ = packed(folder, tmp_path)
    path = out / "shard-00000.array_record"
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[-1] ^= 1
        path.write_bytes(content)
    problems = verify(out)
    assert problems
    assert all("shard-00000" in problem for problem in problems)


def test_an_unfinished_packing_cannot_be_verified(tmp_path):
    with pytest.raises(DataError, match=r"holds no manifest\.json"):
        verify(tmp_path)


def test_unreadable_pictures(folder, tmp_path):
    (folder / "a9.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"1 of 11 pictures cannot be read \(a9.png\)"):
        packed(folder, tmp_path)
    assert not (tmp_path / "out" / "manifest.json").exists()
    (folder / "exclude.csv").write_text("a9.png\n")
    assert packed(folder, tmp_path)[1].records == 10


def test_nothing_to_pack(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="holds nothing to pack"):
        packed(tmp_path / "in", tmp_path)


def test_a_full_disk(folder, tmp_path, monkeypatch):
    class Full:
        def __init__(self, *options):
            pass

        def write(self, content):
            raise RuntimeError("no space left on device")

    monkeypatch.setattr(packing, "ArrayRecordWriter", Full)
    with pytest.raises(DataError, match="cannot be written: no space left"):
        packed(folder, tmp_path)


def scene(number, moved):
    """Frames of different scenes share nothing; within one they move a little."""
    rng = np.random.default_rng(number)
    whole = cv2.resize(rng.integers(0, 128, (48, 80, 3), np.uint8), (200, 120)) + 127 * number
    return np.ascontiguousarray(whole[:96, moved : moved + 128]).astype(np.uint8)


@pytest.fixture
def frames(tmp_path):
    """A tree `video/00000.png` whose second scene begins at frame 7."""
    source = tmp_path / "in"
    (source / "video").mkdir(parents=True)
    for n in range(13):
        content = encoded(scene(n >= 7, n))
        (source / "video" / f"{n:05}.png").write_bytes(content)
    return source


def test_clips_stay_within_a_shot(frames, tmp_path):
    config = PackConfig(short_side=96, clip=3, workers=1, quality=100)
    out, summary = packed(frames, tmp_path, config)
    assert summary.records == 4
    found = contents(out)
    assert [record.name for record in found] == ["video:0", "video:3", "video:7", "video:10"]
    for record in found:
        assert len(record.pictures) == 3
        first = int(record.name.split(":")[1])
        for n, content in enumerate(record.pictures):
            expected = scene(first >= 7, first + n).astype(int)
            assert np.abs(decode(content) - expected).mean() < 3


def test_keyframes_are_where_the_content_changes(frames, tmp_path):
    config = PackConfig(short_side=96, keyframes=True, workers=1)
    for n in range(13):  # Without motion, which changes the content too.
        (frames / "video" / f"{n:05}.png").write_bytes(encoded(scene(n >= 7, 0)))
    assert [record.name for record in contents(packed(frames, tmp_path, config)[0])] == ["video:7"]


def test_frames_of_films(tmp_path):
    (tmp_path / "in").mkdir()
    write_film(tmp_path / "in" / "film.mp4", times=11)
    out, _ = packed(tmp_path / "in", tmp_path, PackConfig(every=5, workers=1))
    names = [record.name for record in contents(out)]
    assert names == ["film.mp4:0", "film.mp4:5", "film.mp4:10"]


@pytest.mark.parametrize(
    "changes",
    [
        {"short_side": 0},
        {"workers": 0},
        {"quality": 101},
        {"clip": -1},
        {"clip": 2, "keyframes": True},
    ],
)
def test_impossible_settings(changes):
    with pytest.raises(ConfigError):
        PackConfig(**changes)


def test_the_manifest_says_how(folder, tmp_path):
    out, _ = packed(folder, tmp_path)
    told = json.loads((out / "manifest.json").read_text())
    assert told["config"]["short_side"] == 32
    assert [shard["records"] for shard in told["shards"]] == [4, 4, 2]
    shutil.rmtree(out)


KILLED = """
import os, sys, time
from pathlib import Path
from hueshift_jax.data import pack

def work(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)

if __name__ == "__main__":
    pack._make = work
    list(pack._made([sys.argv[1]] * 2, 2))
"""


def is_running(number):
    try:
        return "(zombie)" not in Path(f"/proc/{number}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
def test_its_processes_end_with_a_killed_packing(tmp_path):
    script, started = tmp_path / "killed.py", tmp_path / "started"
    script.write_text(KILLED, encoding="utf-8")
    started.mkdir()
    surroundings = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    packing = subprocess.Popen([sys.executable, str(script), str(started)], env=surroundings)
    until(lambda: len(list(started.iterdir())) == 2)
    packing.kill()
    packing.wait()
    numbers = [int(path.name) for path in started.iterdir()]
    until(lambda: not any(map(is_running, numbers)))


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
