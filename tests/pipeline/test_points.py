"""Points are read as a person writes them."""

import numpy as np
import pytest

from hueshift_jax.errors import UnreadableMediaError, UsageError
from hueshift_jax.pipeline.points import NAMES, ab_of, parse_color, read_points, seconds


def read(folder, text, size=(100, 200)):
    path = folder / "points.csv"
    path.write_text(text, encoding="utf-8")
    return read_points(path, size)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12.5", 12.5), ("12.5s", 12.5), ("1:02", 62), ("1:00:02", 3602), ("x", None), ("-1", None)],
)
def test_times(text, expected):
    assert seconds(text) == expected


def test_pixels_fractions_and_percent(tmp_path):
    text = "time,x,y,color\n# a face\n0,20,10,#c08060\n1:30, 50%, .25, Navy\n\n2s,0,1.0,#fff\n"
    first, second, third = read(tmp_path, text)
    assert (first.seconds, first.x, first.y) == (0, 20.5 / 200, 10.5 / 100)
    assert first.rgb == (0xC0, 0x80, 0x60)
    assert (second.seconds, second.x, second.y) == (90, 0.5, 0.25)
    assert second.rgb == (0, 0, 128)
    assert (third.x, third.y, third.rgb) == (0.5 / 200, 1, (255, 255, 255))


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_and_no_header(tmp_path, mark):
    (point,) = read(tmp_path, mark.join(["3", "1", "2", "red"]))
    assert (point.seconds, point.rgb) == (3, (255, 0, 0))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,2,3", "found 3 values"),
        ("soon,2,3,red", "'soon' is not a time"),
        ("1,left,3,red", "x is 'left'"),
        ("1,200,3,red", "x is 200, outside of the frame; expected 0 to 199"),
        ("1,2,101%,red", "y is 101%, outside"),
        ("1,2,3,reddish", "'reddish' is not a color"),
        ("1,2,3,#12345", "'#12345' is not a color"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, line, words):
    with pytest.raises(UsageError, match="line 2: ") as caught:
        read(tmp_path, f"time,x,y,color\n{line}\n")
    assert words in str(caught.value)


def test_a_file_without_points(tmp_path):
    with pytest.raises(UsageError, match="holds no points"):
        read(tmp_path, "time,x,y,color\n")
    with pytest.raises(UnreadableMediaError, match=r"nothing\.csv cannot be read"):
        read_points(tmp_path / "nothing.csv", (10, 10))


def test_named_colors_are_their_codes(tmp_path):
    assert parse_color("orange", "") == parse_color("#FFA500", "")
    assert len(NAMES) == 24
    points = read(tmp_path, "0,1,1,gray\n0,1,1,red\n")
    np.testing.assert_allclose(ab_of(points), [[0, 0], [80.1, 67.2]], atol=0.1)
