"""What colorizers without a memory have in common."""

from hueshift_jax.contracts import Memory

MULTIPLE = 32
"""The sides of what the networks see are multiples of it."""


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
        long = min(max(MULTIPLE * round(long / MULTIPLE), short), 4 * short)
        return (short, long) if height <= width else (long, short)

    def start(self, height: int, width: int) -> Memory:
        """No memory."""
        del height, width
        return ()
