"""Part `keyframes` of `benchmarks/temporal.py`: what true colors of frames and points are worth.

The first 40 frames of every film that has no cut there are colored with nothing given, with the
true frame 0, with the true frames 0 and 39, and with the true colors of 1, 4 and 16 points of frame
0 (the same random places, more of them each time). Frames that are given do not count.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import jax
import numpy as np
from temporal_clips import Film, color, films, together

from hueshift_jax import api
from hueshift_jax.cli import bench
from hueshift_jax.metrics import image, planes
from hueshift_jax.pipeline.film import ColorizeOptions
from hueshift_jax.pipeline.given_files import Paths
from hueshift_jax.video.picture import write_picture

FRAMES = 40
LAST = FRAMES - 1
POINTS = (1, 4, 16)
NOTHING, FIRST, BOTH = "nothing", "frame 0", f"frames 0 and {LAST}"
LEAST_OF_FRAME = 4.0
LEAST_OF_POINTS = 2.0
FIGURES = ("psnr", "psnr_wrapped", "ciede2000", "colorfulness")
_SHOWN = (1, 10, 20, 38)
_AROUND = 5
"""Side of the square whose mean color a point has."""
PUBLISHED = (
    "Published, in another setting: with the true first frame ColorMNet states 35.77 dB, and "
    "DeepRemaster is given 33.25 dB in the same table, on the 30 clips of DAVIS 2017's validation "
    "set, which are longer (34 to 104 frames) and not these. The script released with that table "
    "squares 8-bit differences, which wrap around at 256, so that gray has about 30 dB in it; the "
    "column `wrapped` repeats that arithmetic. That the table was made so is likely, not proven: "
    "[docs/published-figures.md](docs/published-figures.md). Above about 35 dB both columns are "
    "the same. Methods that are given a frame are not to be ranked with automatic ones."
)

Curves = Mapping[str, Sequence[float]]
"""Values of every frame by figure."""


def names() -> list[str]:
    """What is given, from nothing on."""
    return [NOTHING, FIRST, BOTH, *map(_points_name, POINTS)]


def _points_name(count: int) -> str:
    return f"{count} point{'s' if count > 1 else ''} of frame 0"


def measure(options: argparse.Namespace) -> tuple[dict, list[str], bool]:
    """Numbers, lines of Markdown, and whether the bars are met."""
    options.frames = FRAMES
    found = [f for f in films(options) if len(f.starts) == 1 and f.frames == FRAMES]
    scores, colorizer = {}, api.choose()
    for film in found:
        scores[film.name] = _scored(film, colorizer, options.sheets)
        print(_film_line(film.name, scores[film.name]), file=sys.stderr, flush=True)
    numbers = {"machine": bench.machine("jax", "av"), "films": scores}
    return numbers, _lines(scores, options), all(bars(scores).values())


def _scored(film: Film, colorizer, sheets: Path | None) -> dict[str, Curves]:
    curves = {name: {figure: [] for figure in FIGURES} for name in names()}
    rows = []
    with tempfile.TemporaryDirectory(prefix="hueshift-") as made:
        folder = Path(made)
        given = _given(film, folder)
        results = {name: folder / f"{place}.mkv" for place, name in enumerate(given)}
        for name, path in results.items():
            color(film, path, colorizer, ColorizeOptions(given=given[name]))
        for number, (truth, shown) in enumerate(together(film, results)):
            lab = _lab(truth)
            for name, frame in shown.items():
                for figure, value in zip(FIGURES, _compared(frame, truth, lab), strict=True):
                    curves[name][figure].append(value)
            if number in (0, *_SHOWN):
                rows.append(np.concatenate([_small(f) for f in (*shown.values(), truth)], axis=1))
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        write_picture(sheets / f"{film.name}.given.png", np.concatenate(rows))
    return curves


def _small(frame: np.ndarray) -> np.ndarray:
    size = (280, round(frame.shape[0] * 280 / frame.shape[1]))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


_lab_planes = jax.jit(planes.lab_planes)
_ciede2000 = jax.jit(planes.ciede2000)


def _lab(rgb: np.ndarray) -> jax.Array:
    return _lab_planes(planes.linear_planes(rgb))


def _compared(frame: np.ndarray, truth: np.ndarray, lab: jax.Array) -> tuple[float, ...]:
    """FIGURES of one frame, rgb_u8, beside the truth and its Lab."""
    difference = float(np.mean(np.asarray(_ciede2000(_lab(frame), lab)), dtype=np.float64))
    wrapped = image.wrapped_psnr(frame, truth)
    return image.psnr(frame, truth), wrapped, difference, image.colorfulness(frame)


def _given(film: Film, folder: Path) -> dict[str, Paths]:
    """Files by what they give."""
    frames = list(film.truth())
    found = {NOTHING: Paths()}
    for name, numbers in ((FIRST, (0,)), (BOTH, (0, LAST))):
        pictures = folder / name
        pictures.mkdir()
        for number in numbers:
            write_picture(pictures / f"ref_{number:06}.png", frames[number])
        found[name] = Paths(keyframes=((None, pictures),))
    for count in POINTS:
        path = folder / f"{count}.csv"
        path.write_text(points_text(frames[0], count), encoding="utf-8")
        found[_points_name(count)] = Paths(points=(path,))
    return found


def points_text(frame: np.ndarray, count: int, seed: int = 0) -> str:
    """So many points of a frame, rgb_u8, at its time 0, with their true colors."""
    rng = np.random.default_rng(seed)
    even = cv2.blur(frame, (_AROUND, _AROUND))
    height, width = frame.shape[:2]
    lines = ["time,x,y,color"]
    for x, y in rng.random((count, 2)):
        place = int(x * width), int(y * height)
        red, green, blue = even[place[1], place[0]]
        lines.append(f"0,{place[0]},{place[1]},#{red:02x}{green:02x}{blue:02x}")
    return "\n".join([*lines, ""])


def counted(name: str) -> slice:
    """The frames that count."""
    return slice(1, LAST) if name == BOTH else slice(1, FRAMES)


def mean(curves: Mapping[str, Curves], name: str, figure: str, of: str | None = None) -> float:
    """Of a film's frames; `of`: of those that count for another way."""
    return float(np.mean(curves[name][figure][counted(of or name)]))


def gain(scores: Mapping[str, Mapping[str, Curves]], name: str) -> float:
    """By how many dB a way is above nothing given, on the same frames; the mean over films."""
    gains = [
        mean(curves, name, "psnr") - mean(curves, NOTHING, "psnr", name)
        for curves in scores.values()
    ]
    return float(np.mean(gains))


def bars(scores: Mapping[str, Mapping[str, Curves]]) -> dict[str, bool]:
    """Whether each of the bars is met, by what it says."""
    gains = {name: gain(scores, name) for name in names()}
    points = [0.0, *(gains[_points_name(count)] for count in POINTS)]
    rising = all(a < b for a, b in itertools.pairwise(points))
    return {
        f"a frame gives {LEAST_OF_FRAME:g} dB or more": gains[FIRST] >= LEAST_OF_FRAME,
        "two frames give more than one": gains[BOTH] > gains[FIRST],
        "more points give more": rising,
        f"{POINTS[-1]} points give {LEAST_OF_POINTS:g} dB or more": points[-1] >= LEAST_OF_POINTS,
    }


def _lines(scores: Mapping[str, Mapping[str, Curves]], options: argparse.Namespace) -> list[str]:
    places = " | ".join(f"frame {number}" for number in _SHOWN)
    lines = [
        "## Colors that a person gives",
        "",
        f"`python benchmarks/temporal.py keyframes --clips DIR` on {bench.machine('jax', 'av')}. "
        f"The first {FRAMES} frames of {len(scores)} films without cuts, bundled `hueshift_gan` "
        "weights, from file to file, encoded without loss; given colors are the true ones. PSNR in "
        "dB over the frames that are not given, mean over films; beside it that of single frames."
        + f" {options.note}".rstrip(),
        "",
        f"| given | PSNR | above nothing | wrapped | CIEDE2000 | colorfulness | {places} |",
        "|---" * (6 + len(_SHOWN)) + "|",
    ]
    for name in names():
        figures = (
            np.mean([mean(curves, name, figure) for curves in scores.values()])
            for figure in FIGURES
        )
        psnr, wrapped, difference, colorfulness = figures
        single = " | ".join(
            f"{np.mean([curves[name]['psnr'][number] for curves in scores.values()]):.2f}"
            for number in _SHOWN
        )
        lines.append(
            f"| {name} | {psnr:.2f} | {gain(scores, name):+.2f} | {wrapped:.2f} | "
            f"{difference:.2f} | {colorfulness:.1f} | {single} |"
        )
    found = (f"{what}: {'yes' if met else '**no**'}" for what, met in bars(scores).items())
    heads = f"| film | {' | '.join(names())} |"
    rows = [_film_line(film, curves) for film, curves in scores.items()]
    table = [heads, "|---" * (1 + len(names())) + "|", *rows]
    return [*lines, "", f"{'; '.join(found)}.", "", *table, "", PUBLISHED]


def _film_line(name: str, curves: Mapping[str, Curves]) -> str:
    cells = [f"{mean(curves, way, 'psnr'):.2f}" for way in names()]
    return f"| {' | '.join([name, *cells])} |"
