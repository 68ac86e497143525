"""References of metrics of other sizes than those that are stored."""

import json

import numpy as np
import pytest

from hueshift_jax.errors import ParityError
from hueshift_jax.parity.case import Case
from hueshift_jax.parity.metrics import compare_colorfulness, compare_psnr_ssim


def write(folder, key, meta, **arrays):
    path = folder / f"{key}.npz"
    np.savez(path, meta=np.array(json.dumps({"key": key, **meta})), **arrays)
    return Case(path)


RECIPE = (
    'a = image(key,"a",(2,3,14,20)); b = clip(a + 0.1*generator(key,"noise").standard_normal('
    "(2,3,14,20)),0,1), b[0]=a[0]"
)


def test_psnr_of_other_pictures(tmp_path):
    case = write(tmp_path, "metric_psnr_ssim_2", {"input": RECIPE}, psnr=np.array([np.inf, 0.0]))
    noisy = np.clip(case.draw("a") + 0.1 * case.draw("noise"), 0, 1)
    error = np.mean((noisy[1].astype(float) - case.draw("a")[1]) ** 2)
    case.arrays["psnr"][1] = -10 * np.log10(error)
    compare_psnr_ssim(case)
    assert [check.passed for check in case.checks] == [True, True]
    case.arrays["psnr"][0] = 30.0
    compare_psnr_ssim(case)
    assert not case.checks[-2].passed


def test_an_unknown_figure(tmp_path):
    case = write(tmp_path, "metric_psnr_ssim_3", {"input": RECIPE}, ms_ssim=np.zeros(2))
    with pytest.raises(ParityError, match="ms_ssim"):
        compare_psnr_ssim(case)


def test_colorfulness_of_other_pictures(tmp_path):
    images = np.zeros((1, 3, 4, 4), np.uint8)
    images[0, 0, :, :2] = 200
    rg, yb = np.hypot(100.0, 50.0), 0.3 * np.hypot(100.0, 50.0)
    meta = {"input": "stored", "tolerance_rel": 1e-5}
    case = write(tmp_path, "metric_colorfulness_2", meta, images=images, value=np.array([rg + yb]))
    compare_colorfulness(case)
    assert case.checks[0].passed
