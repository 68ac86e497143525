"""The published preparation of pictures, and its repairs."""

import numpy as np
import pytest

from hueshift_jax.data import published
from hueshift_jax.ops.color import IMAGENET_MEAN, IMAGENET_STD


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_neutral_colors_have_chroma_128():
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, -1)
    lab = published.bgr_to_lab_u8(gray)
    assert np.abs(lab[..., 1:].astype(int) - 128).max() <= 1
    np.testing.assert_array_equal(lab[..., 0], published.gray_to_lightness_u8(gray[..., 0]))
    assert published.gray_to_lightness_u8(np.full((1, 1), 128, np.uint8)) == 137


def test_the_diffusion_input_keeps_no_proportions(picture):
    assert published.diffusion_input(picture, 8).shape == (8, 8, 3)
    same = published.diffusion_input(np.ascontiguousarray(picture[:, :20]), 20)
    np.testing.assert_allclose(
        same, published.bgr_to_lab_u8(picture[:, :20]) / 255.0, rtol=0, atol=1e-6
    )


def test_the_diffusion_output_undoes_the_input(picture):
    smooth = (picture // 4 + 96).astype(np.uint8)
    back = published.diffusion_output(published.bgr_to_lab_u8(smooth) / np.float32(255.0))
    assert np.abs(back[..., ::-1].astype(int) - smooth).max() <= 3


def test_values_outside_wrap_as_published_only():
    inside, outside = np.full((1, 1, 3), 0.5), np.array([[[0.5, 0.5, 1.01]]])
    strongest = published.diffusion_output(np.array([[[0.5, 0.5, 1.0]]]))
    np.testing.assert_array_equal(published.diffusion_output(outside), strongest)
    wrapped = published.diffusion_output(outside, as_published=True).astype(int)
    assert np.abs(wrapped - strongest).max() > 50
    same = published.diffusion_output(inside, as_published=True).astype(int)
    assert np.abs(same - published.diffusion_output(inside)).max() <= 3


def test_enhancing_keeps_the_gray_picture():
    gray = np.linspace(40, 215, 48 * 64).reshape(48, 64).astype(np.uint8)
    neutral = np.full((12, 16, 3), 128, np.uint8)
    kept = published.enhance(gray, neutral).astype(int)
    assert np.abs(kept - gray[..., None]).max() <= 2
    darkened = published.enhance(gray, neutral, as_published=True).astype(int)
    assert np.abs(darkened - gray[..., None]).max() > 5


def test_the_gan_input_is_the_middle(picture):
    color, gray = published.gan_input(picture, 20)
    expected = (picture[:, 5:25] / 255.0 - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(color, expected, atol=1e-5)
    expected = expected @ [0.2989, 0.587, 0.114]
    np.testing.assert_allclose(gray, expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "size"), [((20, 30), 8), ((33, 21), 16), ((9, 7), 12)])
def test_the_gan_input_has_one_size(shape, size):
    flat = np.full((*shape, 3), 77, np.uint8)
    color, _ = published.gan_input(flat, size)
    assert color.shape == (size, size, 3)
    np.testing.assert_allclose(color * IMAGENET_STD + IMAGENET_MEAN, 77 / 255, atol=1e-6)
