"""How repairs of hue windows are written."""

import numpy as np
import pytest

from hueshift_jax.errors import ConfigError
from hueshift_jax.pipeline.hue import EDGE_DEGREES, Repair, parse


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        ("", ()),
        (" ; ", ()),
        ("300:340|0.4,0.2", (Repair(((300, 340),), 0.4, 0.0, 0.2),)),
        ("340:20|0", (Repair(((340, 20),), 0.0),)),
        ("300:360,0:20|0.8,0.1", (Repair(((300, 360), (0, 20)), 0.8, 0.0, 0.1),)),
        ("290:330,rose|0.5", (Repair(((290, 330), (330, 360)), 0.5),)),
        (
            " blue-green , 12.5:20 | 1.5 , -0.25 ",
            (Repair(((150, 180), (12.5, 20)), 1.5, 0, -0.25),),
        ),
        ("180:280|+140,0", (Repair(((180, 280),), 1.0, 140.0),)),
        ("blue|-60;red|0.5", (Repair(((210, 240),), 1.0, -60.0), Repair(((0, 30),), 0.5))),
        ("0:360|10", (Repair(((0, 360),), 10.0),)),
    ],
)
def test_what_is_written_is_read(text, repairs):
    assert parse(text) == repairs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("300:340", "FROM:TO|SATURATION,WEIGHT"),
        ("|0.4", "FROM:TO|SATURATION,WEIGHT"),
        ("300:340|", "FROM:TO|SATURATION,WEIGHT"),
        ("300-340|0.4", "'300-340' is not a range"),
        ("300:340,|0.4", "'' is not a range"),
        ("purple|0.4", "blue-violet"),
        ("-20:20|0.4", "'-20:20' is not a range"),
        ("300:400|0.4", "between 0 and 360"),
        ("20:20|0.4", "two different"),
        ("0:10|much", "'much'"),
        ("0:10|nan", "saturation 'nan'"),
        ("0:10|140", r"\+140"),
        ("0:10|12.5", "between 0 and 10"),
        ("0:10|+400", "turn of hue"),
        ("0:10|0.5,2", "weight '2'"),
        ("0:10|0.5,0.1,0.1", "weight"),
        ("red|0.5;300:340", "'300:340' is not a hue repair"),
    ],
)
def test_what_is_wrong_is_named(text, words):
    with pytest.raises(ConfigError, match=words):
        parse(text)


def test_a_window_is_full_inside_and_fades_beyond():
    hue = np.arange(0, 360, 0.25)
    share = parse("340:20|0")[0].share(hue)
    inside = (hue >= 340) | (hue <= 20)
    outside = (hue >= 20 + EDGE_DEGREES) & (hue <= 340 - EDGE_DEGREES)
    assert (share[inside] == 1).all()
    assert (share[outside] == 0).all()
    assert np.abs(np.diff(share)).max() < 1.51 * 0.25 / EDGE_DEGREES
    np.testing.assert_allclose(share, share[-np.arange(len(hue))], atol=1e-6)


def test_the_whole_wheel_is_full():
    assert (parse("0:360|0")[0].share(np.arange(360.0)) == 1).all()
