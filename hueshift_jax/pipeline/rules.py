"""How the facts of a shot are found out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hueshift_jax.pipeline.bars import find_bars
from hueshift_jax.pipeline.facts import Found, ShotFacts
from hueshift_jax.pipeline.own_color import Keep, is_in_color
from hueshift_jax.video.frame import ColorSpec, Frame
from hueshift_jax.video.thumbnails import mismatch

_OTHER = 0.3


@dataclass(frozen=True)
class Rules:
    """By what shots are judged.

    color says what the film's codes mean; without it nothing is judged. keep says which shots keep
    their own colors. rotation is the film's.
    """

    color: ColorSpec | None = None
    keep: Keep = "no"
    rotation: int = 0

    def judge(
        self, found: Found, frames: Sequence[Frame], before: ShotFacts, kept: bool | None = None
    ) -> ShotFacts:
        """The facts of a shot.

        Args:
          found: why it begins.
          frames: its first ones.
          before: the facts of the shot before.
          kept: what a person says about its own colors.
        """
        if self.color is None:
            return ShotFacts(found)
        if kept is None or self.keep == "no":
            kept = is_in_color(frames, self.color, self.keep)
        return ShotFacts(found, kept, find_bars(frames, self.color, before.bars))


def until_change(thumbs: Sequence[np.ndarray]) -> int:
    """How many of the first thumbnails show what the very first one shows, roughly followed."""
    for place in range(1, len(thumbs)):
        if mismatch(thumbs[place - 1], thumbs[place]) >= _OTHER:
            return place
    return len(thumbs)
