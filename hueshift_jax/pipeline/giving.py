"""From what a person names on the command line to colors for every frame."""

from pathlib import Path
from typing import Protocol

from hueshift_jax.contracts import Colorizer
from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline.carried import Carrier
from hueshift_jax.pipeline.given import Given
from hueshift_jax.pipeline.given_files import Paths, read_gifts
from hueshift_jax.pipeline.identity import display_size, identify
from hueshift_jax.pipeline.motion import Motion
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.reference import Features
from hueshift_jax.pipeline.scout import Layout, Part, known_layout
from hueshift_jax.video.probe import MediaInfo


class Asked(Protocol):
    """The options that matter here; see `film.ColorizeOptions`."""

    given: Paths
    start_s: float | None
    end_s: float | None
    seed: int


def given_for(
    info: MediaInfo, asked: Asked, colorizer: Colorizer, see: Features | None, folder: Path
) -> Given | None:
    """What is given for a film; None if nothing is. Raises as `given_files.read_gifts`.

    Args:
      info: the film.
      asked: what was named, and the part of the film.
      colorizer: gives automatic colors.
      see: features for references.
      folder: for what is kept; it need not be there before the first frame is asked for.
    """
    if not asked.given:
        return None
    shown = display_size(info)
    gifts = read_gifts(asked.given, info, shown)

    def part() -> Part:
        return Part(info, colorizer.working_size(*shown), asked.start_s, asked.end_s)

    def layout() -> Layout:
        return known_layout(part(), folder, identify(info))

    def carrier() -> Carrier:
        painter = Painter(colorizer, part().size, seed=asked.seed)
        motion = Motion(DisFlow())
        return Carrier(part(), painter, motion, see=see, references=gifts.references, folder=folder)

    return Given(gifts, info, layout=layout, carrier=carrier)
