"""Picture metrics against published pairs, stored arrays and slow references."""

import math
from pathlib import Path

import numpy as np
import pytest

from hueshift_jax.metrics import image

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def differences():
    with np.load(GOLDEN / "metric_ciede2000.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def colorful():
    with np.load(GOLDEN / "metric_colorfulness.npz") as file:
        return file["images"].transpose(0, 2, 3, 1), file["value"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_ciede2000_of_the_34_published_pairs(differences):
    pairs = differences["sharma"]
    assert len(pairs) == 34
    found = image.ciede2000(pairs[:, :3], pairs[:, 3:6])
    np.testing.assert_allclose(found, pairs[:, 6], atol=5e-5)
    np.testing.assert_allclose(image.ciede2000(pairs[:, 3:6], pairs[:, :3]), found, atol=1e-9)


def test_ciede2000_of_random_pairs(differences):
    found = image.ciede2000(differences["lab1"], differences["lab2"])
    np.testing.assert_allclose(found, differences["de"], atol=1e-6)
    assert (found[-100:] == 0).all(), "equal colors differ by nothing"


def test_ciede2000_of_pictures(rng):
    lab, truth = rng.uniform(-60, 60, (2, 3, 4, 5, 3))
    found = image.ciede2000(lab, truth)
    assert found.shape == (3, 4, 5)
    assert found[1, 2, 3] == pytest.approx(float(image.ciede2000(lab[1, 2, 3], truth[1, 2, 3])))


def test_ciede2000_of_grays_is_a_difference_of_lightness():
    black, gray = np.zeros(3), np.array([50.0, 0.0, 0.0])
    offset = (25.0 - 50.0) ** 2
    expected = 50.0 / (1.0 + 0.015 * offset / math.sqrt(20.0 + offset))
    assert float(image.ciede2000(black, gray)) == pytest.approx(expected)


def test_psnr(rng):
    truth = rng.integers(0, 256, (4, 5, 3), np.uint8)
    picture = rng.integers(0, 256, (4, 5, 3), np.uint8)
    total = 0.0
    for a, b in zip(picture.ravel().tolist(), truth.ravel().tolist()):
        total += (a - b) ** 2
    expected = 10.0 * math.log10(255**2 / (total / truth.size))
    assert image.psnr(picture, truth) == pytest.approx(expected, abs=1e-9)


def test_psnr_of_equal_and_of_opposite_pictures():
    black = np.zeros((2, 2, 3), np.uint8)
    assert image.psnr(black, black) == math.inf
    assert image.psnr(black, black + np.uint8(255)) == 0.0


def test_psnr_of_the_stored_pictures():
    with np.load(GOLDEN / "metric_psnr_ssim.npz") as file:
        expected = file["psnr_u8"]
    pictures, noisy = stored_pictures()
    found = [image.psnr(a, b) for a, b in zip(pictures, noisy)]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def stored_pictures():
    """The 8-bit pictures that the stored figures were measured on, from their recipe."""
    import zlib

    def stream(name):
        return np.random.Generator(np.random.PCG64(zlib.crc32(f"metric_psnr_ssim:{name}".encode())))

    shape, rng = (4, 3, 48, 64), stream("a")
    y, x = np.mgrid[0:48, 0:64] / 64
    value = np.zeros(shape)
    for _ in range(6):
        frequency = rng.uniform(0.5, 6.0, (2, 4, 3, 1, 1))
        phase = rng.uniform(0, 2 * np.pi, (4, 3, 1, 1))
        wave = np.sin(2 * np.pi * (frequency[0] * y + frequency[1] * x) + phase)
        value += rng.uniform(0.2, 1.0) * wave
    value += 0.05 * rng.standard_normal(shape)
    a = ((value - value.min()) / (value.max() - value.min())).astype(np.float32)
    b = np.clip(a + 0.05 * stream("noise").standard_normal(shape), 0, 1).astype(np.float32)
    b[3] = a[3]
    return (np.rint(p.transpose(0, 2, 3, 1) * 255).astype(np.uint8) for p in (a, b))


def test_colorfulness_of_the_stored_pictures(colorful):
    pictures, expected = colorful
    found = [image.colorfulness(picture) for picture in pictures]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


def test_colorfulness_is_its_definition(rng):
    picture = rng.integers(0, 256, (4, 5, 3), np.uint8)
    pixels = [tuple(map(int, p)) for p in picture.reshape(-1, 3)]
    rg = [r - g for r, g, _ in pixels]
    yb = [(r + g) / 2 - b for r, g, b in pixels]

    def mean(values):
        return sum(values) / len(values)

    def variance(values):
        return mean([(v - mean(values)) ** 2 for v in values])

    expected = math.sqrt(variance(rg) + variance(yb)) + 0.3 * math.hypot(mean(rg), mean(yb))
    assert image.colorfulness(picture) == pytest.approx(expected)


def test_gray_has_no_colorfulness(rng):
    gray = np.repeat(rng.integers(0, 256, (4, 5, 1), np.uint8), 3, axis=-1)
    assert image.colorfulness(gray) == 0.0


def test_wrapped_psnr_is_the_defect(rng):
    truth = rng.integers(0, 256, (4, 5, 3), np.uint8)
    picture = rng.integers(0, 256, (4, 5, 3), np.uint8)
    total = 0
    for a, b in zip(picture.ravel().tolist(), truth.ravel().tolist()):
        total += ((a - b) % 256) ** 2 % 256
    expected = 10.0 * math.log10(255**2 / (total / truth.size))
    assert image.wrapped_psnr(picture, truth) == pytest.approx(expected, abs=1e-9)
    assert image.wrapped_psnr(truth, truth) == math.inf


@pytest.mark.parametrize(
    ("deviation", "wrapped", "true"),
    [(5, 34.34, 34.25), (10, 30.42, 28.31), (20, 28.81, 22.51), (40, 28.14, 16.91)],
)
def test_wrapped_psnr_hides_errors(rng, deviation, wrapped, true):
    """The higher the noise, the more the published number flatters it."""
    truth = rng.integers(0, 256, (400, 400, 3))
    noisy = np.rint(truth + rng.normal(0, deviation, truth.shape)).clip(0, 255)
    truth, picture = truth.astype(np.uint8), noisy.astype(np.uint8)
    assert image.wrapped_psnr(picture, truth) == pytest.approx(wrapped, abs=0.1)
    assert image.psnr(picture, truth) == pytest.approx(true, abs=0.1)


def test_psnr_falls_as_chroma_noise_grows(rng):
    truth = rng.integers(60, 190, (30, 30, 3), np.uint8)
    noise = rng.normal(0, 1, truth.shape)
    noisy = [np.rint(truth + d * noise).clip(0, 255).astype(np.uint8) for d in (2, 5, 10, 20, 40)]
    values = [image.psnr(picture, truth) for picture in noisy]
    assert values == sorted(values, reverse=True)


def test_psnr_of_a_constant_offset():
    truth = np.full((5, 6, 3), 100, np.uint8)
    assert image.psnr(truth + np.uint8(1), truth) == pytest.approx(48.1308, abs=1e-4)


def test_unsigned_colorfulness_is_its_definition(rng):
    picture = rng.integers(0, 256, (4, 5, 3), np.uint8)
    r, g, b = np.moveaxis(picture.astype(float), -1, 0)
    rg, yb = np.abs(r - g), np.abs((r + g) / 2 - b)
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert image.colorfulness(picture, unsigned=True) == pytest.approx(expected)


def test_cast():
    assert image.cast(np.array([50.0, 3.0, 9.0]), np.array([60.0, 0.0, 5.0])) == 5.0
