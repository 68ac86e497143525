"""Channels that become pixels, NHWC."""

from jaxtyping import Array, Float


def depth_to_space(x: Float[Array, "b h w c"], factor: int) -> Float[Array, "b p q d"]:
    """Every factor x factor pixels from one; channels are ordered (row, column, channel).

    PyTorch's `pixel_shuffle` has the order (channel, row, column): permute the weights before it
    with `shuffled`, not the pixels.
    """
    b, h, w, c = x.shape
    parts = x.reshape(b, h, w, factor, factor, c // factor**2).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(b, h * factor, w * factor, c // factor**2)


def shuffled(weights: Float[Array, "*b c"], factor: int) -> Float[Array, "*b c"]:
    """Outputs in the order (channel, row, column) reordered to (row, column, channel)."""
    parts = weights.reshape(*weights.shape[:-1], -1, factor**2)
    return parts.swapaxes(-1, -2).reshape(weights.shape)
