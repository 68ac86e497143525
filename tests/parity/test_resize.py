"""Names of ways to resize that are not known."""

import json

import numpy as np
import pytest

from hueshift_jax.errors import ParityError
from hueshift_jax.parity.case import Case
from hueshift_jax.parity.resize import compare_resize


def case(folder, name):
    meta = {"key": "k", "input": "image(key,'x',(1,1,4,6))", "tolerance_rel": 1e-5}
    path = folder / "resize.npz"
    np.savez(path, meta=json.dumps(meta), **{name: np.zeros((1, 1, 2, 3), np.float32)})
    return Case(path)


@pytest.mark.parametrize("name", ["smallest", "cv2_magic_2x3", "sharp_2x3_ac0"])
def test_unknown_ways(tmp_path, name):
    with pytest.raises(ParityError, match="way of resizing"):
        compare_resize(case(tmp_path, name))


def test_a_wrong_picture_is_found(tmp_path):
    found = case(tmp_path, "bilinear_2x3_aa")
    compare_resize(found)
    (check,) = found.checks
    assert not check.passed
