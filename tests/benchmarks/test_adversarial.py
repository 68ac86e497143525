"""What `benchmarks/adversarial.py` says of models whose colors are known."""

import importlib

import cv2
import numpy as np
import pytest

from hueshift_jax.metrics import image
from tests.architecture.source import ROOT

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(ROOT / "benchmarks"))
    pictures = importlib.import_module("color_pictures")
    quality = importlib.import_module("color_quality")
    bench = importlib.import_module("adversarial")

SIZE = (48, 64)


class Tint:
    """Chroma (a, b) everywhere, but for a middle that has none."""

    def __init__(self, a, b):
        self._ab = np.float32([a, b])

    def working_size(self, height, width):
        return 32, 32

    def start(self, height, width):
        return ()

    def __call__(self, memory, luma, key):
        ab = np.broadcast_to(self._ab, (*luma.shape, 2)).copy()
        ab[:, 12:20, 12:20] = 0.0
        return memory, ab, np.ones(luma.shape)


def made(count, seed=0):
    """Smooth pictures in muted colors, four to a group."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        coarse = rng.uniform(70, 180, (3, 4, 3)).astype(np.float32)
        rgb = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
        found.append(pictures.Picture(f"p{n}", str(n // 4), rgb.clip(0, 255).astype(np.uint8)))
    return found


@pytest.fixture(scope="module")
def some():
    return made(8)


def features(rgb):
    """Mean colors of quarters."""
    return cv2.resize(rgb, (2, 2), interpolation=cv2.INTER_AREA).reshape(-1).astype(np.float64)


def test_one_prediction_serves_every_strength(some):
    painting = pictures.Painting(some, Tint(10, 20))
    lab = quality.to_lab(some[0].rgb)
    for strength in (0.5, 1.5):
        ab = quality.predict(Tint(10, 20), lab, strength)
        np.testing.assert_allclose(painting.ab(0, strength), ab, atol=0.02)
        expected = quality.score(lab, some[0].rgb, ab)
        found = painting.measure(strength, features)
        np.testing.assert_allclose(found.figures[0], expected, rtol=1e-2)
        np.testing.assert_array_equal(found.features[0], features(painting.shown(0, strength)))


def test_figures_are_those_of_the_metrics(some):
    lab = quality.to_lab(some[0].rgb)
    ab = np.full((*SIZE, 2), 7.0, np.float32)
    mixed = np.concatenate([lab[..., :1], ab], axis=-1)
    psnr, delta, level = quality.score(lab, some[0].rgb, ab)
    assert delta == pytest.approx(image.ciede2000(mixed, lab).mean(), abs=1e-3)
    assert psnr == image.psnr(quality.paint(lab, ab), some[0].rgb)
    assert level == image.colorfulness(quality.paint(lab, ab))


def test_true_chroma_gives_the_truth_back(some):
    lab = quality.to_lab(some[0].rgb)
    assert quality.score(lab, some[0].rgb, lab[..., 1:])[0] > 60.0


def test_chroma_is_scaled_to_equal_colorfulness(some):
    pale, strong = (pictures.Painting(some, Tint(*ab)) for ab in ((4, 8), (14, 28)))
    goal = strong.thin_colorfulness()
    factor = pale.factor_for(goal)
    assert factor == pytest.approx(3.5, rel=0.02)
    assert pale.thin_colorfulness(factor) == pytest.approx(goal, rel=1e-3)
    scaled, found = pale.measure(factor), strong.measure()
    np.testing.assert_allclose(scaled.figures.mean(0), found.figures.mean(0), rtol=5e-3)


def test_a_clipped_factor_is_found_too():
    assert pictures.factor_for(8.0, lambda factor: 10.0 * factor / (factor + 1)) == pytest.approx(
        4.0, rel=0.01
    )


@pytest.mark.parametrize("level", [lambda factor: 0.0, lambda factor: min(factor, 2.0)])
def test_what_cannot_be_reached_is_said(level):
    with pytest.raises(ValueError, match=r"no strength gives a mean colorfulness of 5\.00"):
        pictures.factor_for(5.0, level)


def test_thinning_keeps_colorfulness(some):
    large = [
        pictures.Picture(p.name, p.group, cv2.resize(p.rgb, (640, 480), interpolation=1))
        for p in some
    ]
    assert large[0].thin_lab.shape == (160, 214, 3)
    whole = pictures.colorfulness(p.rgb for p in large)
    assert pictures.thin_colorfulness(large) == pytest.approx(whole, rel=2e-3)


def test_a_model_is_compared_with_itself(some):
    truth = bench.Truth.of(some, features)
    one = pictures.Painting(some, Tint(6, 12))
    found = bench.pair("same", one, one, truth, features)
    assert found.factor == 1.0
    assert found.fd_change == found.psnr_change == found.doubt == 0.0
    assert found.before.ratio == pytest.approx(
        pictures.colorfulness(one.shown(n) for n in range(8)) / truth.level
    )


def test_the_truth_has_no_distance(some):
    truth = bench.Truth.of(some, features)
    exact = pictures.Measured(np.ones((8, 3)), truth.features)
    assert truth.side(exact).fd == pytest.approx(0.0, abs=1e-6)
    assert bench.Truth.of(some, None).side(exact).fd is None


def test_doubt_is_the_jackknife_of_groups():
    some, rng = made(12), np.random.default_rng(3)
    truth = bench.Truth.of(some, features)
    near, far = (
        pictures.Measured(np.ones((12, 3)), truth.features + rng.normal(0, s, (12, 12)))
        for s in (10.0, 30.0)
    )
    changes = []
    for group in range(3):
        kept = np.arange(12) // 4 != group
        ours, theirs = (
            bench.distance(one.features[kept], truth.features[kept]) for one in (near, far)
        )
        changes.append(ours / theirs - 1)
    expected = 1.96 * np.sqrt(2 / 3 * np.sum((np.array(changes) - np.mean(changes)) ** 2))
    assert truth.doubt(far, near) == pytest.approx(expected)


def seed(fd, psnr=24.0, before=100.0):
    sides = bench.Side(24.0, 9.0, 0.7, before), bench.Side(psnr, 9.1, 0.7, fd)
    return bench.Pair("s", 1.0, *sides, 0.01)


def test_bars_hold_for_the_median_of_the_seeds():
    met = bench.verdicts({"stills": [seed(94.0), seed(95.0), seed(99.0, psnr=23.0)]})
    assert [(one.figure, one.met) for one in met] == [("fd_effnet", True), ("PSNR", True)]
    assert (met[0].median, met[0].spread) == ("-5.0%", "-6.0% to -1.0%")
    missed = bench.verdicts({"stills": [seed(94.0, psnr=23.6), seed(96.0), seed(97.0, psnr=23.5)]})
    assert [one.met for one in missed] == [False, False]
    assert bench.verdict_table(missed)[2] == (
        "| stills | fd_effnet | -4.0% | -6.0% to -3.0% | <= -5% | **no** |"
    )


def test_too_few_pictures_have_no_bar(some):
    pale, strong = (pictures.Painting(some, Tint(*ab)) for ab in ((4, 8), (14, 28)))
    found = bench.pair("s", pale, strong, bench.Truth.of(some, None), None)
    assert bench.verdicts({"peers": [found]}) == []
    row = bench.pair_table("peers", [found], 8)[-1]
    assert row.startswith("| s | 3.")
    assert "| - | - |" in row


def test_pareto_is_read_at_equal_colorfulness(some):
    level = pictures.thin_colorfulness(some)
    # Tints of one direction are the same model at another strength.
    models = {n: pictures.Painting(some, Tint(n, 2 * n)) for n in (4, 14)}
    rows = bench.pareto_table("stills", {str(n): p for n, p in models.items()}, level)
    pale, strong = ([float(cell) for cell in row.split("|")[2:-1]] for row in rows[-2:])
    assert pale == pytest.approx(strong, abs=0.02)
    assert pale[1::2] == sorted(pale[1::2])


def test_the_strongest_colors_are_shown():
    assert bench.strongest(np.arange(2000.0))[:2] == [1999, 1998]
    assert len(bench.strongest(np.arange(2000.0))) == 20
    assert len(bench.strongest(np.arange(50.0))) == 12
    assert bench.strongest(np.array([1.0, 3.0, 2.0])) == [1, 2, 0]


def test_the_sheet_has_a_row_for_each(some):
    models = {n: {"stills": pictures.Painting(some, Tint(a, 2))} for n, a in (("b", 3), ("c", 9))}
    shown = bench.strongest_sheet({"stills": some}, models)
    assert shown.shape[1] == 3 * 258
    assert shown.shape[0] == 16 + 8 * (16 + 170 + 2)


def test_a_small_block_is_strong_by_its_cell(some):
    class Block(Tint):
        def __call__(self, memory, luma, key):
            ab = np.zeros((*luma.shape, 2), np.float32)
            ab[:, :16, 16:, 0] = 60.0
            return memory, ab, np.ones(luma.shape)

    chroma = pictures.Painting(some, Block(0, 0)).chroma()
    np.testing.assert_allclose(chroma, [[15.0, 60.0]] * 8)


def test_files_of_one_name_are_numbered():
    assert bench.labels(["a/first.safetensors", "b/second.safetensors"]) == ["first", "second"]
    assert bench.labels(["a/new.safetensors", "b/new.safetensors"]) == ["new 1", "new 2"]


def test_pictures_are_spaced_evenly():
    assert pictures.spaced("abcdefg", 3) == ["a", "d", "g"]
    assert pictures.spaced("abc", 0) == pictures.spaced("abc", 5) == ["a", "b", "c"]
