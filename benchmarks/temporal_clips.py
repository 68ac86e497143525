"""Films in color, what the program makes of them, and what that scores shot by shot."""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hueshift_jax import api
from hueshift_jax.metrics.distribution import LEAST_FRAMES
from hueshift_jax.metrics.measure import ClipMeter, Figures, Instruments, derived, side_by_side
from hueshift_jax.metrics.totals import Totals
from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline.film import ColorizeOptions
from hueshift_jax.video.color_frames import FILM_SUFFIXES, every_frame
from hueshift_jax.video.cuts import with_cuts
from hueshift_jax.video.prefetch import prefetch
from hueshift_jax.video.probe import probe
from hueshift_jax.video.writer import Encoding

LOSSLESS = Encoding(preset="ultrafast", lossless=True)
CURVES = ("psnr", "ciede2000", "colorfulness", "flicker", "chroma_flow_error")
_AHEAD = 2


@dataclass(frozen=True)
class Film:
    """A film in color: its first `frames` frames, and the numbers of those that begin a shot."""

    path: Path
    frames: int
    starts: tuple[int, ...]

    @property
    def name(self) -> str:
        """Without folder and suffix."""
        return self.path.stem

    def truth(self) -> Iterator[np.ndarray]:
        """Its frames, rgb_u8."""
        return read(self.path, self.frames)


def films(options: argparse.Namespace) -> list[Film]:
    """Those in the folder that are asked for."""
    paths = sorted(p for p in options.clips.iterdir() if p.suffix in FILM_SUFFIXES)
    wanted = tuple(options.only) or ("",)
    return [_film(path, options.frames) for path in paths if path.name.startswith(wanted)]


def _film(path: Path, limit: int) -> Film:
    starts, count = [], 0
    with closing(read(path, limit)) as frames:
        for number, (_, begins) in enumerate(with_cuts(frames)):
            count += 1
            starts += [number] if begins else []
    written = path.with_suffix(".csv")
    if written.exists():
        starts = starts_in(written.read_text(encoding="utf-8"), count)
    return Film(path, count, tuple(starts))


def starts_in(text: str, count: int) -> tuple[int, ...]:
    """Numbers of the frames that begin a shot, the first included, of a film of `count` frames.

    text: a heading, and the others below it.
    """
    return (0, *(number for number in map(int, text.split()[1:]) if number < count))


def read(path: Path, limit: int = 0) -> Iterator[np.ndarray]:
    """Frames of a film, rgb_u8; at most `limit`, unless that is 0."""
    with closing(every_frame(path)) as frames:
        yield from itertools.islice(frames, limit or None)


def color(film: Film, output: Path, colorizer, options: ColorizeOptions) -> None:
    """Colors the frames that count, without loss; the film's own colors are not looked at."""
    rate = float(probe(film.path).average_rate)
    settings = replace(options, encoding=LOSSLESS, keep_color="no", end_s=(film.frames + 1) / rate)
    api.colorize_video(film.path, output, colorizer, settings)


def together(film: Film, results: Mapping[str, Path]) -> Iterator[tuple[np.ndarray, dict]]:
    """Frames of the truth with those of every result, by its name."""
    with ExitStack() as stack:
        shown = {n: stack.enter_context(closing(read(p, film.frames))) for n, p in results.items()}
        truth = stack.enter_context(closing(film.truth()))
        pairs = side_by_side(truth, shown, film.name)
        yield from stack.enter_context(closing(prefetch(pairs, _AHEAD)))


class Shots:
    """Measures results shot by shot, so that no figure knows of a cut.

    Args:
      names: of the results.
      starts: numbers of the frames that begin a shot.
    """

    def __init__(self, names: Sequence[str], starts: Sequence[int]):
        self._names, self._starts = list(names), set(starts)
        self._instruments = Instruments(flow=DisFlow())
        self._meters: list[ClipMeter] = []
        self.curves: dict[str, dict[str, list]] = {n: {c: [] for c in CURVES} for n in names}
        self._number = 0

    def add(self, truth: np.ndarray, results: Mapping[str, np.ndarray]) -> None:
        """The next frame."""
        if not self._meters or self._number in self._starts:
            self._meters.append(ClipMeter(self._names, self._instruments))
        found = self._meters[-1].add(truth, results).figures
        for name, columns in self.curves.items():
            for figure, column in columns.items():
                column.append(found[name].get(figure))
        self._number += 1

    def compute(self, name: str) -> Figures:
        """Means of one result over the film's frames; CDC is that of the shots, by their length."""
        return joined([(m.frames, m.totals[name], m.compute(name)) for m in self._meters])


def joined(shots: Sequence[tuple[int, Totals, Figures]]) -> Figures:
    """Figures of a film from those of its shots: how many frames, their sums, their figures."""
    totals = Totals()
    for _, shot, _ in shots:
        totals = totals.merge(shot)
    figures = totals.compute()
    long = [(frames, found) for frames, _, found in shots if frames >= LEAST_FRAMES]
    for name in ("cdc", "cdc_truth"):
        values = [found[name] for _, found in long]
        weights = [frames for frames, _ in long]
        figures[name] = float(np.average(values, weights=weights)) if long else None
    return derived(figures)
