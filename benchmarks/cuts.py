"""How surely shots are told apart: cuts, dissolves, and single shots that must stay whole.

Shots of different films of a folder are joined at random (seeded), by a cut or by a dissolve. A cut
counts as found only at its very frame; a dissolve if exactly one shot begins while it lasts. A film
is one shot, unless a list of the first frames of its shots lies beside it (`NAME.csv`). Writes a
table into BENCHMARKS.md.

    python benchmarks/cuts.py --data CLIPS [--leave-out NAME ...] [--films FILM ...]

`--films` are searched for shots as they are, and what is found is listed.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.cli import bench
from hueshift_jax.video.color_frames import FILM_SUFFIXES
from hueshift_jax.video.cuts import LOOKAHEAD, Detector
from hueshift_jax.video.frame import gray_from_luma
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.thumbnails import thumbnail

JOINS = 200
SIZE = (144, 256)
SHOT_FRAMES = (12, 60)
DISSOLVES = ((4, 8), (8, 16), (16, 32), (32, 48))
SINGLE = 5
BAR_F1 = 0.97
BAR_ROWS = 18
"""Black rows above and below, of 144, where cuts are to be found within bars."""

_EXPLAINED = (
    "A cut counts at its very frame, a dissolve if exactly one shot begins while it lasts.",
    "Bars: F1 of 0.97, and nothing inside single shots.",
)


@dataclass(frozen=True)
class Shot:
    """Gray frames (t, h, w) uint8 of one shot of a film."""

    film: str
    frames: np.ndarray


@dataclass(frozen=True)
class Join:
    """Two shots in a row; the first frames that are not wholly the one, and wholly the other."""

    frames: np.ndarray
    begin: int
    end: int


def main() -> None:
    """Prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of films")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--films", nargs="*", default=[], type=Path)
    parser.add_argument("--output", type=Path, default=Path("BENCHMARKS.md"))
    options = parser.parse_args()
    shots = list(_shots(options.data, options.leave_out))
    print(f"{len(shots)} shots of {len({shot.film for shot in shots})} films", flush=True)
    rows = [
        _cut_row(shots),
        _cut_row(shots, bar=BAR_ROWS),
        *(_dissolve_row(shots, length) for length in DISSOLVES),
    ]
    rows += [_single_row(shots), *map(_film_row, options.films)]
    command = "python benchmarks/cuts.py --data CLIPS"
    command += f" --leave-out {' '.join(options.leave_out)}" if options.leave_out else ""
    command += " --films FILM ..." if options.films else ""
    lines = ["## Shots", "", f"`{command}` on {bench.machine('numpy')}.", "", *_EXPLAINED, ""]
    lines += ["| | found | bar |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    bench.write(options.output, "cuts", lines)


def _shots(folder: Path, left_out: Sequence[str]) -> Iterator[Shot]:
    for path in sorted(p for p in folder.iterdir() if p.suffix in FILM_SUFFIXES):
        if path.stem in left_out:
            continue
        frames = _cropped(_gray(path))
        listed = path.with_suffix(".csv")
        starts = (
            [int(n) for n in listed.read_text().split() if n.isdigit()] if listed.exists() else []
        )
        for begin, end in itertools.pairwise((0, *starts, len(frames))):
            yield Shot(path.stem, frames[begin:end])


def _gray(path: Path) -> Iterator[np.ndarray]:
    info = probe(path)
    with Reader(info) as reader:
        for frame in reader:
            yield gray_from_luma(frame.luma, info.color)


def _cropped(frames: Iterator[np.ndarray]) -> np.ndarray:
    """The middle of all frames at one size."""
    return np.stack([_middle(frame) for frame in frames])


def _middle(frame: np.ndarray) -> np.ndarray:
    factor = max(SIZE[0] / frame.shape[0], SIZE[1] / frame.shape[1])
    size = [max(least, round(n * factor)) for n, least in zip(frame.shape, SIZE, strict=True)]
    reduced = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
    top, left = (size[0] - SIZE[0]) // 2, (size[1] - SIZE[1]) // 2
    return reduced[top : top + SIZE[0], left : left + SIZE[1]]


def joins(
    shots: Sequence[Shot], seed: int, length: tuple[int, int] | None = None
) -> Iterator[Join]:
    """Seeded joins of two shots of different films: cuts, or dissolves of such a length."""
    rng = np.random.default_rng(seed)
    for _ in range(JOINS):
        first, second = rng.choice(len(shots), 2, replace=False)
        while shots[first].film == shots[second].film:
            first, second = rng.choice(len(shots), 2, replace=False)
        mixed = int(rng.integers(*length)) if length else 0
        before = _part(shots[first].frames, rng, mixed)
        after = _part(shots[second].frames, rng, mixed)
        yield _joined(before, after, min(mixed, len(before) - 2, len(after) - 2))


def _part(frames: np.ndarray, rng: np.random.Generator, more: int) -> np.ndarray:
    count = min(len(frames), int(rng.integers(*SHOT_FRAMES)) + more)
    begin = int(rng.integers(0, len(frames) - count + 1))
    return frames[begin : begin + count]


def _joined(before: np.ndarray, after: np.ndarray, mixed: int) -> Join:
    begin = len(before) - mixed
    shares = ((np.arange(mixed) + 1) / (mixed + 1)).astype(np.float32)[:, None, None]
    middle = (1 - shares) * before[begin:] + shares * after[:mixed]
    frames = [before[:begin], np.rint(middle).astype(np.uint8), after[mixed:]]
    return Join(np.concatenate(frames), begin, len(before))


def starts(frames: Sequence[np.ndarray]) -> list[int]:
    """The first frames of all shots but the first one."""
    thumbs = [thumbnail(frame) for frame in frames]
    detector = Detector()
    found = [
        detector.step(thumb, thumbs[place + 1 : place + 1 + LOOKAHEAD])
        for place, thumb in enumerate(thumbs)
    ]
    return [place for place, kind in enumerate(found) if kind][1:]


def _cut_row(shots: Sequence[Shot], *, bar: int = 0) -> tuple[str, str, str]:
    hits = misses = false = 0
    for join in joins(shots, 0):
        join.frames[:, :bar] = join.frames[:, SIZE[0] - bar :] = 0
        found = starts(join.frames)
        hit = join.begin in found
        hits, misses, false = hits + hit, misses + (not hit), false + len(found) - hit
    f1 = 2 * hits / (2 * hits + misses + false)
    what = f"cuts between {JOINS} pairs of shots" + " within black bars" * (bar > 0)
    figures = f"F1 {f1:.3f}: {hits} found, {misses} missed, {false} false"
    return what, figures, f">= {BAR_F1}: {'met' if f1 >= BAR_F1 else 'missed'}"


def _dissolve_row(shots: Sequence[Shot], length: tuple[int, int]) -> tuple[str, str, str]:
    one = several = false = 0
    for join in joins(shots, 1, length):
        found = starts(join.frames)
        inside = sum(join.begin - 1 <= place <= join.end + 1 for place in found)
        one, several = one + (inside == 1), several + (inside > 1)
        false += len(found) - inside
    what = f"{JOINS} dissolves of {length[0]} to {length[1] - 1} frames"
    missed = JOINS - one - several
    figures = f"{one / JOINS:.0%} once, {missed} missed, {several} twice, {false} false elsewhere"
    return what, figures, ""


def _single_row(shots: Sequence[Shot]) -> tuple[str, str, str]:
    longest = sorted(shots, key=lambda shot: -len(shot.frames))[:SINGLE]
    false = sum(len(starts(shot.frames)) for shot in longest)
    lengths = ", ".join(str(len(shot.frames)) for shot in longest)
    what = f"beginnings inside the {SINGLE} longest shots ({lengths} frames)"
    return what, str(false), f"0: {'missed' if false else 'met'}"


def _film_row(path: Path) -> tuple[str, str, str]:
    found = starts(list(map(thumbnail, _gray(path))))
    return f"beginnings in {path.stem}", ", ".join(map(str, found)), ""


if __name__ == "__main__":
    main()
