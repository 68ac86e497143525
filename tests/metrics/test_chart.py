"""Charts: what is drawn where, what is left out."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from hueshift_jax.metrics import chart
from hueshift_jax.metrics.chart import Point, Series


def paths(svg, look):
    """Coordinates of every stroke of the lines of one class."""
    found = []
    for path in ElementTree.fromstring(svg).iter("path"):
        if path.get("class") == look:
            for stroke in path.get("d").split("M")[1:]:
                pairs = re.findall(r"([\d.]+) ([\d.]+)", stroke)
                found.append(np.array(pairs, float))
    return found


def test_a_line_goes_up_with_its_values():
    (line,) = paths(chart.curves([Series("a", "s0", [0.0, 1.0, 2.0, 4.0])], "x"), "s0")
    assert len(line) == 4
    assert np.allclose(np.diff(line[:, 0]), np.diff(line[:, 0])[0], atol=0.11)
    steps = np.diff(line[:, 1])
    assert (steps < 0).all()
    assert steps[2] == pytest.approx(2 * steps[0], abs=0.2)


def test_what_is_not_finite_is_a_gap():
    values = [1.0, math.nan, 3.0, 3.0, math.inf, 2.0]
    strokes = paths(chart.curves([Series("a", "s0", values)], "x"), "s0")
    assert [len(stroke) for stroke in strokes] == [1, 2, 1]
    nothing = Series("b", "s1", [math.nan] * 6)
    assert not paths(chart.curves([Series("a", "s0", values), nothing], "x"), "s1")
    assert chart.curves([nothing], "x") == ""
    assert chart.curves([], "x") == ""


def test_long_lines_are_means_of_neighbors():
    values = np.tile([0.0, 2.0], 6000)
    svg = chart.curves([Series("a", "s0", values)], "x")
    (line,) = paths(svg, "s0")
    assert len(line) <= 240
    assert np.ptp(line[:, 1]) < 0.2
    assert "frame 11999" in svg


def test_points_and_names_are_escaped():
    marks = [Point("<b>&", "s0", 0.5, 3.0), Point("truth", "truth", 1.0, 0.0)]
    svg = chart.points(marks, "across", "up")
    circles = list(ElementTree.fromstring(svg).iter("circle"))
    assert [circle.get("class") for circle in circles] == ["s0", "truth"]
    assert float(circles[0].get("cy")) < float(circles[1].get("cy"))
    assert float(circles[0].get("cx")) < float(circles[1].get("cx"))
    assert "&lt;b&gt;&amp;" in svg
    assert chart.points([], "across", "up") == ""


def test_names_of_near_points_do_not_overlap():
    marks = [Point(name, "s0", 0.5, 3.0) for name in ("one", "two", "three")]
    marks.append(Point("far", "s0", 0.1, 3.0))
    texts = list(ElementTree.fromstring(chart.points(marks, "across", "up")).iter("text"))
    down = {text.text: float(text.get("y")) for text in texts}
    assert down["one"] == down["far"]
    assert down["two"] - down["one"] >= 12
    assert down["three"] - down["two"] >= 12


@pytest.mark.parametrize("high", [0.0, 1e-5, 0.7, 4.0, 99.9, 1234.5])
def test_ticks_are_few_and_hold_the_values(high):
    ticks = chart._ticks(0.0, high)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] == 0.0
    assert ticks[-1] >= high
