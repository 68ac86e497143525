"""From what a person names on the command line to colors for every frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from hueshift_jax.contracts import Colorizer
from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline import events
from hueshift_jax.pipeline.anchors import Anchors, Gift, Seen
from hueshift_jax.pipeline.carried import Carrier
from hueshift_jax.pipeline.given import Given, corrected_picture
from hueshift_jax.pipeline.given_files import Paths, read_gifts
from hueshift_jax.pipeline.identity import display_size, identify
from hueshift_jax.pipeline.motion import Motion
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.reference import Features
from hueshift_jax.pipeline.scout import Layout, Part, known_layout
from hueshift_jax.pipeline.shot_table import shot_list_for
from hueshift_jax.video.probe import MediaInfo


class Asked(Protocol):
    """The options that matter here; see `film.ColorizeOptions`."""

    given: Paths
    cuts: Path | None
    start_s: float | None
    end_s: float | None
    seed: int


def given_for(
    info: MediaInfo,
    asked: Asked,
    colorizer: Colorizer,
    see: Features | None,
    *,
    folder: Path,
    tell: events.Listener,
) -> Given | None:
    """What is given for a film; None if nothing is. Raises as `given_files.read_gifts`.

    Args:
      info: the film.
      asked: what was named, and the part of the film.
      colorizer: gives automatic colors.
      see: features for references.
      folder: for what is kept; it need not be there before the first frame is asked for.
      tell: called with events.
    """
    if not asked.given:
        return None
    shown = display_size(info)
    gifts = read_gifts(asked.given, info, shown)

    def part() -> Part:
        size, shots = colorizer.working_size(*shown), shot_list_for(info, asked)
        return Part(info, size, asked.start_s, asked.end_s, shots)

    def layout() -> Layout:
        return known_layout(part(), folder, identify(info), tell=tell)

    def carrier() -> Carrier:
        painter = Painter(colorizer, part().size, seed=asked.seed)
        anchors = Anchors(painter, see, gifts.references)
        alike = bool(gifts.references)
        return Carrier(part(), painter, Motion(DisFlow()), anchors, alike=alike, folder=folder)

    return Given(gifts, info, layout=layout, carrier=carrier)


def given_for_picture(
    paths: Paths, info: MediaInfo, painter: Painter, see: Features | None
) -> Callable[[Seen], np.ndarray] | None:
    """What makes of a single picture's automatic colors those that are wanted; None for nothing.

    All that is given counts, whatever its time. Raises as `given_files.read_gifts`.
    """
    if not paths:
        return None
    gifts = read_gifts(paths, info, display_size(info))
    anchors = Anchors(painter, see, gifts.references)
    gift = Gift(gifts.keyframes, gifts.points)
    return lambda seen: corrected_picture(seen, anchors.of(seen, gift, alike=True))
