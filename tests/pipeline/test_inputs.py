"""Names on the command line become films, folders of frames or pictures."""

import numpy as np
import pytest

from hueshift_jax.errors import UnreadableMediaError
from hueshift_jax.pipeline.inputs import sort_out
from hueshift_jax.video.picture import write_picture


def write(folder, name, height=4, width=6):
    path = folder / name
    write_picture(path, np.full((height, width, 3), 90, np.uint8))
    return path


def kinds(folder, **options):
    return [(work.kind, work.path.name) for work in sort_out(folder, **options)]


def test_a_folder_of_nothing_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(UnreadableMediaError, match="neither films nor pictures"):
        sort_out(tmp_path)


def test_pictures_of_one_size_are_a_film(tmp_path):
    for number in range(3):
        write(tmp_path, f"{number}.png")
    assert kinds(tmp_path) == [("frames", tmp_path.name)]
    assert [kind for kind, _ in kinds(tmp_path, as_pictures=True)] == ["picture"] * 3


def test_mixed_sizes_are_pictures_and_results_are_left_out(tmp_path):
    write(tmp_path, "a.png")
    write(tmp_path, "b.png", height=8)
    write(tmp_path, "b.color.png", height=8)
    assert kinds(tmp_path) == [("picture", "a.png"), ("picture", "b.png")]
