"""Pictures come from folders of any depth and from tar files in place."""

import os
import struct
import zlib

import numpy as np
import pytest

from hueshift_jax.data.decode import decode
from hueshift_jax.data.pictures import open_pictures
from hueshift_jax.errors import DataError
from tests.data.pictures import encoded, picture, write_tar


def same(found, expected):
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


def test_folders_of_any_depth_in_sorted_order(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    for n, name in enumerate(["a.png", "b/a.PNG", "b/c/a.bmp"]):
        (tmp_path / name).write_bytes(encoded(picture(n), name[-4:].lower()))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "b" / "folder.png").mkdir()
    assert same(open_pictures(tmp_path), [picture(n) for n in range(3)])


def test_tar_files_in_place(tmp_path):
    write_tar(
        tmp_path / "shard.tar",
        [(f"{n}.png", encoded(picture(n))) for n in range(3)] + [("readme.txt", b"hello")],
    )
    (tmp_path / "z.png").write_bytes(encoded(picture(3)))
    assert same(open_pictures(tmp_path), [picture(n) for n in range(4)])
    assert sorted(os.listdir(tmp_path)) == ["shard.tar", "z.png"]


def test_excluded_names(tmp_path):
    write_tar(tmp_path / "shard.tar", [(f"{n}.png", encoded(picture(n))) for n in range(3)])
    (tmp_path / "z.png").write_bytes(encoded(picture(3)))
    (tmp_path / "exclude.csv").write_text("1.png,evaluation\n\nz.png\n")
    assert same(open_pictures(tmp_path), [picture(0), picture(2)])


def test_undecodable_files_are_noted(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(picture(0)))
    (tmp_path / "b.jpg").write_text("text")
    (tmp_path / "c.png").write_bytes(b"")
    (tmp_path / "d.png").write_bytes(encoded(picture(1))[:60])
    with pytest.raises(DataError, match=r"3 of 4 .*\(b.jpg, c.png, d.png\); at most 1 %"):
        open_pictures(tmp_path)
    for n in range(297):
        (tmp_path / f"e{n}.png").write_bytes(encoded(picture(0, 4, 4)))
    found = open_pictures(tmp_path)
    assert len(found) == 298
    assert found.skipped.names == ["b.jpg", "c.png", "d.png"]


@pytest.mark.parametrize("side", [40_000, 2**30])
def test_a_picture_of_absurd_size_is_undecodable(side):
    content = encoded(picture(0))
    header = b"IHDR" + struct.pack(">II", side, side) + content[24:29]
    checksum = struct.pack(">I", zlib.crc32(header))
    assert decode(content[:12] + header + checksum + content[33:]) is None


def test_gray_and_transparent_files_have_three_channels():
    gray = np.full((5, 4), 77, np.uint8)
    assert (decode(encoded_raw(gray)) == 77).all()
    with_alpha = np.dstack([picture(0), np.full((40, 56), 9, np.uint8)])
    assert decode(encoded_raw(with_alpha)).shape == (40, 56, 3)


def encoded_raw(array):
    import cv2

    return cv2.imencode(".png", array)[1].tobytes()


@pytest.mark.parametrize(("limit", "count"), [(0, 5), (2, 2), (9, 5)])
def test_limit(tmp_path, limit, count):
    for n in range(5):
        (tmp_path / f"{n}.png").write_bytes(encoded(picture(n)))
    assert same(open_pictures(tmp_path, limit=limit), [picture(n) for n in range(count)])


@pytest.mark.parametrize(
    ("size", "expected"),
    [((40, 80), (20, 40)), ((81, 40), (40, 20)), ((16, 90), (16, 90)), ((20, 20), (20, 20))],
)
def test_larger_pictures_are_reduced_to_the_short_side(tmp_path, size, expected):
    (tmp_path / "a.png").write_bytes(encoded(picture(0, *size)))
    assert open_pictures(tmp_path, short_side=20)[0].shape == (*expected, 3)


def test_more_pictures_than_are_decoded_ahead(tmp_path):
    write_tar(
        tmp_path / "shard.tar", [(f"{n:03}.png", encoded(picture(n, 4, 4))) for n in range(300)]
    )
    assert same(open_pictures(tmp_path), [picture(n, 4, 4) for n in range(300)])


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        open_pictures(tmp_path / "missing")
    (tmp_path / "file.png").write_bytes(encoded(picture(0)))
    with pytest.raises(DataError, match="there is no folder"):
        open_pictures(tmp_path / "file.png")


def test_no_picture(tmp_path):
    with pytest.raises(DataError, match="no readable picture"):
        open_pictures(tmp_path)
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(DataError, match="no readable picture"):
        open_pictures(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive at all", "cut"])
def test_damaged_tar_files(tmp_path, content):
    path = tmp_path / "shard.tar"
    if content == "cut":
        write_tar(path, [("a.png", encoded(picture(0))), ("b.png", encoded(picture(1)))])
        content = path.read_bytes()[:700]
    path.write_bytes(content)
    with pytest.raises(DataError, match="no readable tar file"):
        open_pictures(tmp_path)


def test_a_folder_named_like_a_tar_file_is_a_folder(tmp_path):
    (tmp_path / "shard.tar").mkdir()
    (tmp_path / "shard.tar" / "a.png").write_bytes(encoded(picture(0)))
    assert same(open_pictures(tmp_path), [picture(0)])
