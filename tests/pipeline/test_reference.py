"""What looks alike takes the colors of the reference."""

import numpy as np

from hueshift_jax.pipeline.reference import Bank, transferred
from hueshift_jax.pipeline.spread import correction


def see(gray):
    """Dark, middle and bright, at half size."""
    small = gray[::2, ::2].astype(np.float32)
    level = np.clip(small // 86, 0, 2).astype(int)
    return np.eye(3, dtype=np.float32)[level]


def picture(order):
    """Three stripes of gray, each with its own color, in some order."""
    colors = np.float32([[30, -20], [-30, 20], [5, 40]])
    gray = np.repeat(np.uint8([40, 120, 220])[list(order)], 8)
    ab = np.repeat(colors[list(order)], 8, axis=0)
    return np.tile(gray, (16, 1)), np.tile(ab, (16, 1, 1))


def test_colors_follow_what_is_seen_not_where_it_is():
    bank = Bank.of([picture((2, 0, 1))], see)
    gray, true = picture((0, 1, 2))
    matched, sure, samples = transferred(bank, see, gray, np.zeros((8, 12, 2), np.float32))
    inner = np.s_[:, [1, 2, 5, 6, 9, 10]]
    np.testing.assert_allclose(matched[inner], true[::2, ::2][inner], atol=0.5)
    assert np.all(sure == 1)
    small = np.float32(gray[::2, ::2])
    found = correction(samples, small, np.zeros((8, 12, 2), np.float32))
    assert np.mean(np.square(found - true[::2, ::2])) < 0.3 * np.mean(np.square(true))


def test_what_no_reference_shows_is_not_sure():
    gray, _ = picture((0, 0, 0))
    bank = Bank.of([(gray, np.full((16, 24, 2), 30.0))], see)
    bright, _ = picture((2, 2, 2))
    _, sure, samples = transferred(bank, see, bright, np.zeros((8, 12, 2), np.float32))
    assert not sure.any()
    assert samples.noise.min() > 1e4


def test_several_references_are_one_bank():
    bank = Bank.of([picture((0, 1, 2)), picture((2, 1, 0))], see)
    assert bank.seen.shape == (2 * 8 * 12, 3)
    assert bank.ab.shape == (2 * 8 * 12, 2)
