"""How good results are: one plain record of all that was measured, for tables and reports."""

import contextlib
import csv
import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from hueshift_jax.metrics import distribution, references, temporal
from hueshift_jax.metrics.bootstrap import Intervals, intervals
from hueshift_jax.metrics.clips import Pair
from hueshift_jax.metrics.frechet import Gaussian
from hueshift_jax.metrics.measure import (
    LEAST_CHROMA,
    ClipMeter,
    Figures,
    Instruments,
    Measured,
    derived,
    side_by_side,
)
from hueshift_jax.metrics.totals import Totals
from hueshift_jax.video.prefetch import prefetch

Extractor = Callable[[np.ndarray], np.ndarray]
"""Features (d) of one rgb_u8 (h, w, 3)."""
EQUAL = 100.0
"""What is written for the PSNR of films that equal the truth in every frame: it is infinite."""
_AHEAD = 2
REFERENCE = "reference: "
"""Before the names of references, so that no result has them."""


@dataclass(frozen=True)
class Setup:
    """What is measured, and how it is told.

    instruments: of single frames.
    extractors: networks whose features are compared as sets, by the name of the distance.
    references: whether gray, one color for all, the truth's mean color and the truth itself are
      measured too.
    protocol: what is to be known about the instruments, by name.
    """

    instruments: Instruments = field(default_factory=Instruments)
    extractors: Mapping[str, Extractor] = field(default_factory=dict)
    references: bool = False
    protocol: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClipRecord:
    """What one clip scored.

    figures: of the whole clip; None where a figure has no value, such as CDC of a picture. PSNR
      is infinite if every frame equals the truth.
    curves: of every frame, by figure; not a number where it has no value.
    """

    name: str
    frames: int
    size: tuple[int, int]
    figures: Figures
    curves: dict[str, array]


@dataclass(frozen=True)
class SystemRecord:
    """What one system scored: the means over clips, their intervals, and the clips."""

    name: str
    mean: Figures
    intervals: Intervals
    clips: dict[str, ClipRecord]


@dataclass(frozen=True)
class Evaluation:
    """What results and references scored, by name, and how it was measured.

    pairs: what was compared with what, so that frames can be looked at again.
    """

    systems: dict[str, SystemRecord]
    references: dict[str, SystemRecord]
    protocol: dict[str, Any]
    pairs: tuple[Pair, ...]


def evaluate(
    pairs: Sequence[Pair],
    setup: Setup | None = None,
    *,
    tell: Callable[[str, Measured], None] = lambda clip, measured: None,
) -> Evaluation:
    """Measures every clip of every result.

    tell: called with the name of the clip after every frame.

    Raises:
      EvaluationError: results and truth differ in length or size, or cannot be read.
    """
    setup = setup or Setup()
    rivals = [f"{REFERENCE}{name}" for name in references.NAMES if setup.references]
    names = [*pairs[0].results, *rivals]
    sets = FeatureSets(setup.extractors)
    clips: dict[str, dict[str, ClipRecord]] = {name: {} for name in names}
    for pair in pairs:
        for name, record in _measure(pair, names, setup, sets, tell).items():
            clips[name][pair.name] = record
    systems = {name: _system(name, clips[name], sets.distances(name)) for name in names}
    return Evaluation(
        {name: systems[name] for name in pairs[0].results},
        {name.removeprefix(REFERENCE): systems[name] for name in rivals},
        _protocol(setup, clips[names[0]]),
        tuple(pairs),
    )


def _measure(
    pair: Pair,
    names: list[str],
    setup: Setup,
    sets: "FeatureSets",
    tell: Callable[[str, Measured], None],
) -> dict[str, ClipRecord]:
    meter, size = ClipMeter(names, setup.instruments), (0, 0)
    curves: dict[str, Curves] = {name: Curves() for name in names}
    with contextlib.closing(prefetch(_frames(pair), _AHEAD)) as frames:
        for truth, results in frames:
            size = truth.shape[:2]
            shown = results | _references(truth, setup)
            measured = meter.add(truth, shown)
            sets.add(truth, shown)
            for name in names:
                curves[name].add(measured.number, measured.figures[name])
            tell(pair.name, measured)
    return {
        name: ClipRecord(pair.name, meter.frames, size, meter.compute(name), curves[name].columns)
        for name in names
    }


def _references(truth: np.ndarray, setup: Setup) -> dict[str, np.ndarray]:
    made = references.make(truth) if setup.references else {}
    return {f"{REFERENCE}{name}": rgb for name, rgb in made.items()}


def _frames(pair: Pair) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    with contextlib.ExitStack() as stack:
        truth = stack.enter_context(contextlib.closing(pair.truth.frames()))
        results = {
            name: stack.enter_context(contextlib.closing(clip.frames()))
            for name, clip in pair.results.items()
        }
        yield from side_by_side(truth, results, pair.name)


class Curves:
    """Figures of every frame in columns of floats: eight bytes a value.

    Attributes:
      columns: by figure, all of one length; not a number where there is no value.
    """

    def __init__(self):
        self.columns: dict[str, array] = {}

    def add(self, number: int, figures: Figures) -> None:
        """Those of the next frame."""
        for name in figures:
            if name not in self.columns:
                self.columns[name] = array("d", [np.nan] * number)
        for name, column in self.columns.items():
            value = figures.get(name)
            column.append(np.nan if value is None else value)


class FeatureSets:
    """Moments of the features of all frames, by extractor and by what shows them.

    Args:
      extractors: by the name of the distance.
    """

    def __init__(self, extractors: Mapping[str, Extractor]):
        self._extractors = extractors
        self._moments: dict[tuple[str, str], Gaussian] = {}

    def add(self, truth: np.ndarray, shown: Mapping[str, np.ndarray]) -> None:
        """One frame of the truth and of all results, rgb_u8."""
        for distance, extract in self._extractors.items():
            for name, rgb in {"": truth, **shown}.items():
                moments = self._moments.get((distance, name), Gaussian())
                row = Gaussian.of(np.asarray(extract(rgb))[None])
                self._moments[distance, name] = moments.merge(row)

    def distances(self, name: str) -> Figures:
        """How far the frames of one result are from the truth's."""
        return {
            distance: self._moments[distance, name].distance(self._moments[distance, ""])
            for distance in self._extractors
        }


def _system(name: str, clips: dict[str, ClipRecord], distances: Figures) -> SystemRecord:
    totals = Totals()
    for clip in clips.values():
        totals = totals.merge(Totals.of(clip.figures))
    return SystemRecord(
        name,
        derived(totals.compute()) | distances,
        intervals([clip.figures for clip in clips.values()]),
        clips,
    )


def _protocol(setup: Setup, clips: Mapping[str, ClipRecord]) -> dict[str, Any]:
    """What has to be known to compare these figures with others."""
    frames = sum(clip.frames for clip in clips.values())
    return {
        "clips": len(clips),
        "frames": frames,
        "mean": "over frames, then over clips; ratios and differences are those of the means",
        "intervals": "95 %, bootstrap over clips",
        "frames_read": "8-bit RGB; films as FFmpeg's scaler converts them, BT.601 if not tagged",
        "psnr": f"dB, float64 on 8-bit RGB; equal frames left out, {EQUAL:g} if all are equal",
        "ssim": "RGB 0..1, 11x11 Gaussian of sigma 1.5, population covariance, inside of the frame",
        "ssim_uniform": "RGB 0..1, 7x7 uniform window, sample covariance, inside of the frame",
        "ciede2000": "mean over pixels, CIELAB D65 of sRGB, kL = kC = kH = 1",
        "colorfulness": "Hasler and Suesstrunk M3, signed opponents; unsigned: as DDColor has it",
        "cast": "distance of the mean ab from the truth's, CIELAB units",
        "cdc": (
            f"256 bins of each 8-bit RGB channel, distances {distribution.DISTANCES}, natural "
            f"logarithm, clips of {distribution.LEAST_FRAMES} frames or more, cuts included; "
            "read it beside cdc_truth: frozen and gray films score best"
        ),
        "flicker": (
            f"mean CIEDE2000 of consecutive frames over {temporal.CELL}x{temporal.CELL} cells "
            f"whose luma in the truth changes by less than {temporal.STILL * 255:g} of 255"
        ),
        "warp_error": "Lai et al. 2018, RGB 0..1, flow and occlusion of the truth's luma",
        "chroma_flow_error": (
            "mean |warp(ab before) - ab| over mean |ab|, visible pixels; frames of mean chroma "
            f"below {LEAST_CHROMA:g} left out"
        ),
        **setup.protocol,
    }


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The record as plain values: one result at the top, several under "systems"."""
    systems = {name: _plain(record) for name, record in evaluation.systems.items()}
    references_ = {name: _plain(record) for name, record in evaluation.references.items()}
    top = next(iter(systems.values())) if len(systems) == 1 else {"systems": systems}
    return {
        **top,
        **({"references": references_} if references_ else {}),
        "protocol": evaluation.protocol,
    }


def _plain(record: SystemRecord) -> dict[str, Any]:
    return {
        "mean": _written(record.mean),
        "intervals": record.intervals,
        "clips_measured": _fewer(record),
        "clips": {
            name: {"frames": clip.frames, "size": list(clip.size), **_written(clip.figures)}
            for name, clip in record.clips.items()
        },
    }


def _fewer(record: SystemRecord) -> dict[str, int]:
    """How many clips have a figure that not all have, such as CDC beside single pictures."""
    clips = [clip.figures for clip in record.clips.values()]
    counts = {name: sum(clip.get(name) is not None for clip in clips) for name in clips[0]}
    return {name: count for name, count in counts.items() if count < len(clips)}


def _written(figures: Figures) -> Figures:
    return {n: EQUAL if v is not None and math.isinf(v) else v for n, v in figures.items()}


def write_frames(evaluation: Evaluation, file: IO[str]) -> None:
    """One line of comma-separated values for each frame of each clip of each result."""
    records = [*evaluation.systems.values(), *evaluation.references.values()]
    clips = [clip for record in records for clip in record.clips.values()]
    columns = dict.fromkeys(name for clip in clips for name in clip.curves)
    writer = csv.writer(file)
    writer.writerow(["system", "clip", "frame", *columns])
    for record in records:
        for clip in record.clips.values():
            for number in range(clip.frames):
                values = (clip.curves[n][number] if n in clip.curves else np.nan for n in columns)
                texts = ("" if np.isnan(value) else repr(value) for value in values)
                writer.writerow([record.name, clip.name, number, *texts])


def frames_path(output: Path) -> Path:
    """Where the values of every frame go that belong to the figures in `output`."""
    return output.with_name(f"{output.stem}.frames.csv")
