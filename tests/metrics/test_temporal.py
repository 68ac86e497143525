"""Warp error, chroma change and flicker."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.metrics import image, temporal

H, W = 9, 12


@pytest.fixture
def moving():
    """Two frames, flows there and back, smooth but for one jump."""
    rng = np.random.default_rng(0)
    frames = rng.random((2, H, W, 3)).astype(np.float32)
    y, x = np.mgrid[:H, :W]
    there = np.stack([1.3 + 0.1 * np.sin(y), 0.4 + 0.1 * np.cos(x)], -1).astype(np.float32)
    back = -there + rng.normal(0, 0.3, there.shape).astype(np.float32)
    there[4:, 6:] += 3.0
    return (*frames, there, back)


def stacked(*arrays):
    """Batches of one."""
    return [jnp.asarray(x)[None] for x in arrays]


def slow_warp(picture, flow):
    """Bilinear, border repeated, pixel by pixel."""
    warped = np.zeros((H, W, picture.shape[-1]))
    for y in range(H):
        for x in range(W):
            at_x, at_y = np.clip(x + flow[y, x, 0], 0, W - 1), np.clip(y + flow[y, x, 1], 0, H - 1)
            x0, y0 = int(at_x), int(at_y)
            x1, y1 = min(x0 + 1, W - 1), min(y0 + 1, H - 1)
            dx, dy = at_x - x0, at_y - y0
            top = picture[y0, x0] * (1 - dx) + picture[y0, x1] * dx
            bottom = picture[y1, x0] * (1 - dx) + picture[y1, x1] * dx
            warped[y, x] = top * (1 - dy) + bottom * dy
    return warped


def slow_hidden(there, back):
    returned = slow_warp(back, there)
    hidden = np.zeros((H, W), bool)
    for y in range(H):
        for x in range(W):
            f, b = there[y, x].astype(float), returned[y, x]
            hidden[y, x] = np.sum((f + b) ** 2) > 0.01 * (np.sum(f**2) + np.sum(b**2)) + 0.5
            gradient = 0.0
            if y + 1 < H:
                gradient += np.sum((there[y + 1, x] - there[y, x]) ** 2)
            if x + 1 < W:
                gradient += np.sum((there[y, x + 1] - there[y, x]) ** 2)
            hidden[y, x] |= gradient > 0.01 * np.sum(f**2) + 0.002
    return hidden


def test_warp_error_by_an_independent_computation(moving):
    frame, other, there, back = moving
    hidden = slow_hidden(there, back)
    assert 0 < hidden.sum() < hidden.size
    expected = np.sum((slow_warp(other, there) - frame)[~hidden] ** 2) / (3 * np.sum(~hidden))
    found_hidden = temporal.occlusion(*stacked(there, back)).hidden
    np.testing.assert_array_equal(found_hidden[0], hidden)
    found = temporal.warp_error(*stacked(frame, other, there), found_hidden)
    assert float(found[0]) == pytest.approx(expected, rel=1e-5)


def test_nothing_visible_has_no_error(moving):
    frame, other, there, _ = moving
    hidden = jnp.ones((1, H, W), bool)
    assert float(temporal.warp_error(*stacked(frame, other, there), hidden)[0]) == 0.0
    change = temporal.chroma_change(*stacked(frame[..., 1:], other[..., 1:], there), hidden)
    assert float(change.pixels[0]) == 0.0
    assert float(change.change[0]) == 0.0


def test_chroma_change_by_an_independent_computation(moving):
    frame, other, there, back = moving
    hidden = slow_hidden(there, back)
    ab, before = 40 * frame[..., 1:], 40 * other[..., 1:]
    found = temporal.chroma_change(*stacked(ab, before, there, hidden))
    lengths = np.linalg.norm(slow_warp(before, there) - ab, axis=-1)
    assert float(found.change[0]) == pytest.approx(lengths[~hidden].mean(), rel=1e-5)
    chroma = np.linalg.norm(ab, axis=-1)[~hidden].mean()
    assert float(found.chroma[0]) == pytest.approx(chroma, rel=1e-5)
    assert float(found.pixels[0]) == np.sum(~hidden)


def test_flicker_counts_still_cells_only():
    lab = np.full((3, 2, 2), 20.0, np.float32)
    other = lab + np.float32(np.arange(4).reshape(2, 2))
    still = np.array([[True, False], [True, True]])
    found = temporal.flicker(jnp.asarray(lab), jnp.asarray(other), jnp.asarray(still))
    expected = image.ciede2000(np.moveaxis(lab, 0, -1), np.moveaxis(other, 0, -1))[still].mean()
    assert float(found.difference) == pytest.approx(expected, rel=1e-5)
    assert int(found.cells) == 3
    nothing = temporal.flicker(jnp.asarray(lab), jnp.asarray(other), jnp.zeros((2, 2), bool))
    assert float(nothing.difference) == 0.0


def test_cells():
    luma = np.zeros((17, 25), np.float32)
    changed = luma.copy()
    changed[:8, 8:16] = 0.05
    found = temporal.still_cells(jnp.asarray(luma), jnp.asarray(changed))
    np.testing.assert_array_equal(found, [[True, False, True], [True, True, True]])
    means = temporal.cell_means(jnp.asarray(changed)[None])
    np.testing.assert_allclose(means[0, 0], [0.0, 0.05, 0.0], atol=1e-7)
