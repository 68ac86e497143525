"""The evaluator: figures of colorizers whose result is known."""

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.cli import held_out
from hueshift_jax.cli.held_out import FIGURES, HeldOut
from hueshift_jax.metrics import image
from hueshift_jax.ops import color
from tests.data.pictures import picture

PICTURES = [picture(n, 60 + 4 * n, 80) for n in range(3)]


class Known:
    """A colorizer that knows the pictures and paints `strength` times their chroma.

    Memory () takes many pictures in one call; with any other, each has to be a shot of its own.
    """

    def __init__(self, strength=1.0, memory=()):
        self.strength, self.memory, self.calls = strength, memory, []

    def working_size(self, height, width):
        return height // 2, width // 2

    def start(self, height, width):
        return self.memory

    def __call__(self, memory, luma, key):
        self.calls.append(luma.shape)
        found = [min(LABS, key=lambda lab: np.abs(_half(lab)[0] - one).mean()) for one in luma]
        ab = np.stack([self.strength * _half(lab)[1] for lab in found])
        return memory, ab, np.ones(ab.shape[:3])


def _half(lab):
    size = (held_out._SIDE // 2,) * 2
    luma = np.asarray(color.lightness_to_luma(jnp.asarray(lab[..., 0])))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return small, cv2.resize(lab[..., 1:], size, interpolation=cv2.INTER_AREA)


def _lab(rgb_u8):
    return np.asarray(color.srgb_to_lab(jnp.asarray(rgb_u8, jnp.float32) / 255.0))


SQUARES = [held_out.square(rgb, held_out._SIDE) for rgb in PICTURES]
LABS = [_lab(rgb) for rgb in SQUARES]


def measured(colorizer):
    return dict(HeldOut(PICTURES, PICTURES, lambda state: colorizer)(None))


def test_true_colors_are_nearly_the_truth():
    found = measured(Known())
    assert tuple(found) == FIGURES
    assert found["psnr"] > 38
    assert found["ciede2000"] < 1.0
    assert found["colorfulness_ratio"] == pytest.approx(1.0, abs=0.02)
    assert measured(Known(0.5))["colorfulness_ratio"] == pytest.approx(0.5, abs=0.1)


def test_fidelity_rewards_neither_gray_nor_garishness():
    gray, half, whole, twice = (measured(Known(x))["fidelity"] for x in (0.0, 0.5, 1.0, 2.0))
    assert whole < half < gray
    assert whole < half < twice


def test_no_color_is_the_gray_reference():
    evaluator = HeldOut(PICTURES, PICTURES, lambda state: Known(0.0))
    assert dict(evaluator(None)) == pytest.approx(evaluator.references()["gray"])


def test_floors_against_their_definitions():
    found = HeldOut(PICTURES, [PICTURES[0]], lambda state: None).references()
    assert found["truth"] == {
        "ciede2000": 0.0,
        "colorfulness": pytest.approx(np.mean([image.colorfulness(rgb) for rgb in SQUARES])),
        "colorfulness_ratio": 1.0,
        "fidelity": 0.0,
    }
    training_ab = _lab(held_out.square(PICTURES[0], 32))[..., 1:].mean((0, 1))
    for name, chroma in (
        ("gray", lambda lab: np.zeros(2)),
        ("training_mean_ab", lambda lab: training_ab),
        ("own_mean_ab", lambda lab: lab[..., 1:].mean((0, 1))),
    ):
        scores = []
        for rgb, lab in zip(SQUARES, LABS):
            mixed = lab.copy()
            mixed[..., 1:] = chroma(lab)
            srgb = np.asarray(color.lab_to_srgb(jnp.asarray(mixed)))
            shown = np.floor(srgb * 255.0 + 0.5).astype(np.uint8)
            seen = _lab(shown)
            scores.append((image.psnr(shown, rgb), image.ciede2000(seen, lab).mean()))
        psnr, difference = np.mean(scores, 0)
        assert found[name]["psnr"] == pytest.approx(psnr, abs=0.02)
        assert found[name]["ciede2000"] == pytest.approx(difference, abs=0.02)
    assert found["own_mean_ab"]["psnr"] > found["gray"]["psnr"]


def test_pictures_share_a_call_where_nothing_is_remembered(monkeypatch):
    monkeypatch.setattr(held_out, "_BATCH", 2)
    together, alone = Known(), Known(memory={"seen": 0})
    assert measured(together) == measured(alone)
    side = held_out._SIDE // 2
    assert together.calls == [(2, side, side)] * 2, "the last call is filled up"
    assert alone.calls == [(1, side, side)] * 3


def test_a_gray_picture_does_not_make_the_mean_infinite():
    gray = [np.full((40, 40, 3), 90, np.uint8), PICTURES[0]]
    found = HeldOut(gray, PICTURES, lambda state: None).references()
    assert np.isfinite(found["gray"]["psnr"])


def test_references_in_words_and_in_the_log():
    found = {
        "gray": {"psnr": 21.3, "ciede2000": 11.8, "colorfulness": 0.1, "colorfulness_ratio": 0}
    }
    found["truth"] = {"ciede2000": 0.0, "colorfulness": 43.9, "colorfulness_ratio": 1.0}
    assert held_out.notes(found)["gray/psnr"] == 21.3
    head, gray, truth = held_out.table(found)
    assert head.split() == ["PSNR", "dB", "CIEDE2000", "colorfulness", "of", "truth"]
    assert gray.split() == ["gray", "21.30", "11.80", "0.1", "0.00"]
    assert truth.split() == ["truth", "-", "0.00", "43.9", "1.00"]
