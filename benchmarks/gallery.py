"""Contact sheets for docs: what a system makes of pictures and films, beside the truth.

    python benchmarks/gallery.py --after FILE|NAME --output DIR [--before FILE|NAME]
        [--stills DIR] [--clips DIR] [--peers DIR] [--names NAME [NAME ...]]

Writes `gallery-stills.webp` (twelve pictures), `gallery-films.webp` (the middle frame of twelve
films) and `gallery-peers.webp` (all of the pictures that other systems have colored too), none
above 400 kB. Columns are gray | before | after | truth, without `--before` one fewer; of the last,
gray | ours | others | truth. The true L* is kept everywhere, in others' pictures as well. Pictures
are spaced evenly over their folder, so that nothing is chosen by its looks, or are those of
`--names`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from color_pictures import Painting, Picture, film_frames, peers, spaced, stills  # noqa: E402
from color_quality import paint, to_lab  # noqa: E402
from sheets import Row, sheet, write_sheet  # noqa: E402

from hueshift_jax import api  # noqa: E402
from hueshift_jax.video.picture import read_picture_rgb  # noqa: E402

EACH = 12
OTHERS = {"deoldify-video": "DeOldify (video)", "ddcolor-artistic": "DDColor"}
LIMIT = 400_000
_EVERY = 10
_TILE = 150, 220
_TILE_OF_PEERS = 150, 150


def main() -> None:
    """Writes the sheets that there are folders for."""
    options = _parser().parse_args()
    models = {"before": options.before, "after": options.after}
    colorizers = {name: api.load(path) for name, path in models.items() if path}
    options.output.mkdir(parents=True, exist_ok=True)
    for name, pictures in _sets(options).items():
        write(options.output / f"gallery-{name}.webp", rows_of(pictures, colorizers), _TILE)
    if options.peers:
        rows = rows_of_peers(options.peers, colorizers["after"])
        write(options.output / "gallery-peers.webp", rows, _TILE_OF_PEERS)


def write(path: Path, rows: Sequence[tuple[str, Mapping]], tile: tuple[int, int]) -> None:
    """Writes rows, each a name and its pictures by column."""
    heads = list(rows[0][1])
    made = sheet(heads, [Row(name, list(shown.values())) for name, shown in rows], tile)
    print(f"{path}: {write_sheet(path, made, LIMIT)} bytes")


def rows_of(pictures: Sequence[Picture], colorizers: Mapping) -> list[tuple[str, dict]]:
    """Gray, what each colorizer makes of it, and the truth."""
    paintings = {name: Painting(pictures, each) for name, each in colorizers.items()}
    rows = []
    for place, picture in enumerate(pictures):
        shown = {"gray": gray(picture.rgb)}
        shown |= {name: painting.shown(place) for name, painting in paintings.items()}
        rows.append((picture.name, shown | {"truth": picture.rgb}))
    return rows


def rows_of_peers(folder: Path, colorizer) -> list[tuple[str, dict]]:
    """Gray, ours, the other systems' and the truth."""
    rows = []
    for name, shown in rows_of(peers(folder), {"ours": colorizer}):
        truth = shown.pop("truth")
        lab = to_lab(truth)
        for system, title in OTHERS.items():
            other = read_picture_rgb(folder / f"{name}-{system}.webp")
            shown[title] = paint(lab, to_lab(other)[..., 1:])
        rows.append((name, shown | {"truth": truth}))
    return rows


def gray(rgb_u8: np.ndarray) -> np.ndarray:
    """The picture's L* alone."""
    lab = to_lab(rgb_u8)
    return paint(lab, np.zeros_like(lab[..., 1:]))


def middles(frames: Sequence[Picture]) -> list[Picture]:
    """The middle one of each film's frames."""
    films = [list(found) for _, found in groupby(frames, key=lambda frame: frame.group)]
    return [film[len(film) // 2] for film in films]


def _sets(options: argparse.Namespace) -> dict[str, list[Picture]]:
    sets = {}
    if options.stills:
        sets["stills"] = chosen(stills(options.stills), options.names)
    if options.clips:
        frames = film_frames(options.clips, _EVERY)
        sets["films"] = chosen(frames if options.names else middles(frames), options.names)
    return sets


def chosen(pictures: Sequence[Picture], names: Sequence[str]) -> list[Picture]:
    """Those of these names; without names, so many as a sheet shows.

    Raises:
      ValueError: none has one of the names.
    """
    if not names:
        return spaced(pictures, EACH)
    found = [picture for picture in pictures if picture.name in names]
    if not found:
        known = ", ".join(picture.name for picture in pictures[:3])
        raise ValueError(f"no picture has one of the names given; there are {known}, ...")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--after", required=True, metavar="FILE|NAME", help="the system that is shown")
    add("--before", metavar="FILE|NAME", help="an earlier one to its left")
    add("--stills", type=Path, metavar="DIR", help="pictures in color")
    add("--clips", type=Path, metavar="DIR", help="films in color")
    add("--peers", type=Path, metavar="DIR", help="NN-original.webp and NN-SYSTEM.webp")
    add("--names", nargs="+", default=[], metavar="NAME", help='as in a sheet: "film 20"')
    add("--output", type=Path, required=True, metavar="DIR")
    return parser


if __name__ == "__main__":
    main()
