"""The inputs of optical flow are read from their sentences."""

import json

import numpy as np
import pytest

from hueshift_jax.errors import ParityError
from hueshift_jax.parity import recipes
from hueshift_jax.parity.case import Case
from hueshift_jax.parity.frame_pairs import frame_pair, shifted

CUT = (
    "big=image(key,'x',(n,3,h+6,w+6)); first=big[...,3:3+h,2:2+w]; "
    "second=big[...,4:4+h,1:1+w]; n,h,w=2,8,12; in [0,1]"
)


@pytest.fixture
def case(tmp_path):
    """Makes a case from the sentences about its inputs."""

    def make(**inputs):
        meta = json.dumps({"key": "k", "inputs": inputs})
        np.savez(tmp_path / "flow.npz", meta=np.array(meta))
        return Case(tmp_path / "flow.npz")

    return make


def test_two_frames_of_one_picture(case):
    first, second = frame_pair(case(other="normal(key,'o',(1,2))", frames=CUT))
    big = recipes.image("k", "x", (2, 3, 14, 18))
    np.testing.assert_array_equal(first, big[..., 3:11, 2:14])
    np.testing.assert_array_equal(second, big[..., 4:12, 1:13])


def test_frames_that_nobody_cut(case):
    with pytest.raises(ParityError, match="how its two frames are cut"):
        frame_pair(case(x="image(key,'x',(1,3,8,8))"))


def test_shifted_inputs(case):
    found = shifted(case(flow="20*(image(key,'flow',(1,2,4,5))-0.25)"), "flow")
    expected = 20 * (recipes.image("k", "flow", (1, 2, 4, 5)) - 0.25)
    np.testing.assert_array_equal(found, expected)
    plain = shifted(case(flow="image(key,'flow',(1,2,4,5))"), "flow")
    np.testing.assert_array_equal(plain, recipes.image("k", "flow", (1, 2, 4, 5)))
