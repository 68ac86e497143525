"""What colorizers without a memory have in common."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from hueshift_jax.contracts import Array, Memory


class StatelessColorizer:
    """The part of `contracts.Colorizer` that says at which size a network works.

    Args:
      short_side: the short side of the working size in pixels; a multiple of 32.
    """

    def __init__(self, short_side: int):
        self.short_side = short_side

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """Multiples of 32 near the aspect of (height, width), short side `short_side`.

        Very long pictures are limited to a long side of four times the short one.
        """
        short = self.short_side
        long = short * max(height, width) / max(1, min(height, width))
        long = min(max(32 * round(long / 32), short), 4 * short)
        return (short, long) if height <= width else (long, short)

    def start(self, height: int, width: int) -> Memory:
        """No memory."""
        del height, width
        return ()


class DoubtlessColorizer(StatelessColorizer):
    """A network at work that says nothing of how sure it is.

    Args:
      colorize: ab (b, h/s, w/s, 2) in CIELAB units of luma (b, h, w).
      short_side: as above.
    """

    def __init__(self, colorize: Callable[[Array], jax.Array], short_side: int):
        super().__init__(short_side)
        self._colorize = colorize

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """What the network makes of luma (b, h, w), and confidence 1."""
        del key
        ab = self._colorize(luma)
        return memory, ab, jnp.ones(ab.shape[:-1], ab.dtype)
