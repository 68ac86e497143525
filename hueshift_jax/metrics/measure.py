"""All figures of one clip, in one pass, with one frame behind kept: memory does not grow.

Every frame is measured by itself, so portions and their order change nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import FlowEstimator
from hueshift_jax.errors import EvaluationError
from hueshift_jax.metrics import image, planes, temporal
from hueshift_jax.metrics.distribution import Consistency
from hueshift_jax.metrics.ssim import LEAST, ssim
from hueshift_jax.metrics.totals import Totals
from hueshift_jax.ops import color

Figures = dict[str, float | None]
Difference = Callable[[np.ndarray, np.ndarray], float]
"""Of two rgb_u8 (h, w, 3)."""

LEAST_CHROMA = 0.5
"""Mean chroma in CIELAB units below which a frame counts as gray: relative errors say nothing."""


@dataclass(frozen=True)
class Instruments:
    """What is measured beside the figures that need no network.

    flow: follows motion, on the truth's luma; without it nothing is warped.
    differences: further figures of a frame and its truth, such as LPIPS, by name.
    as_published: defective figures too, for comparison with tables made so.
    """

    flow: FlowEstimator | None = None
    differences: Mapping[str, Difference] = field(default_factory=dict)
    as_published: bool = False


class Look(NamedTuple):
    """What is needed of one frame.

    rgb: rgb_u8 (h, w, 3). srgb: the same, 0..1.
    lab: (3, h, w). mean_lab: (3).
    luma: (h, w), 0..1.
    cells: lab (3, p, q) of the mean colors of cells.
    """

    rgb: np.ndarray
    srgb: np.ndarray
    lab: jax.Array
    mean_lab: np.ndarray
    luma: jax.Array
    cells: jax.Array


class Motion(NamedTuple):
    """Flows between two consecutive frames of the truth, and what is hidden in each."""

    forward: jax.Array
    backward: jax.Array
    hidden_before: jax.Array
    hidden_now: jax.Array


@jax.jit
def _seen(linear: jax.Array, srgb: jax.Array) -> tuple[jax.Array, ...]:
    lab = planes.lab_planes(linear)
    small = temporal.cell_means(jnp.moveaxis(srgb, -1, 0))
    cells = planes.lab_planes(color.srgb_to_linear(small))
    # Rows are added here, and their sums in float64: float32 would lose digits of large frames.
    return lab, jnp.mean(lab, -1), color.srgb_to_luma(srgb), cells


def look(rgb_u8: np.ndarray) -> Look:
    """One frame."""
    srgb = rgb_u8.astype(np.float32) * np.float32(1 / 255)
    lab, rows, luma, cells = _seen(planes.linear_planes(rgb_u8), srgb)
    mean_lab = np.mean(np.asarray(rows), axis=-1, dtype=np.float64)
    return Look(rgb_u8, srgb, lab, mean_lab, luma, cells)


_ciede2000 = jax.jit(planes.ciede2000)
_still = jax.jit(temporal.still_cells)
_flicker = jax.jit(temporal.flicker)


@jax.jit
def _motion(forward: jax.Array, backward: jax.Array) -> Motion:
    before = temporal.occlusion(forward, backward).hidden
    now = temporal.occlusion(backward, forward).hidden
    return Motion(forward, backward, before, now)


@jax.jit
def _moved(before: Look, now: Look, motion: Motion) -> tuple[jax.Array, temporal.ChromaChange]:
    error = temporal.warp_error(
        before.srgb[None], now.srgb[None], motion.forward, motion.hidden_before
    )
    change = temporal.chroma_change(
        _chroma(now), _chroma(before), motion.backward, motion.hidden_now
    )
    return error, change


def _chroma(seen: Look) -> jax.Array:
    return jnp.moveaxis(seen.lab[1:], 0, -1)[None]


def compare(seen: Look, truth: Look, instruments: Instruments) -> Figures:
    """Figures of one frame beside its truth."""
    difference = _ciede2000(seen.lab, truth.lab)  # Computed while the others are.
    figures: Figures = {"psnr": image.psnr(seen.rgb, truth.rgb)}
    figures["ssim"] = ssim(seen.srgb, truth.srgb)
    figures["ssim_uniform"] = ssim(seen.srgb, truth.srgb, "uniform")
    figures |= _colorfulness(seen, truth)
    for name, measure in instruments.differences.items():
        figures[name] = measure(seen.rgb, truth.rgb)
    if instruments.as_published:
        figures["psnr_as_published"] = image.wrapped_psnr(seen.rgb, truth.rgb)
    figures["cast"] = image.cast(seen.mean_lab, truth.mean_lab)
    figures["ciede2000"] = float(np.mean(np.asarray(difference), dtype=np.float64))
    return figures


def _colorfulness(seen: Look, truth: Look) -> Figures:
    figures: Figures = {}
    for name, unsigned in (("colorfulness", False), ("colorfulness_unsigned", True)):
        figures[name] = image.colorfulness(seen.rgb, unsigned=unsigned)
        figures[f"{name}_truth"] = image.colorfulness(truth.rgb, unsigned=unsigned)
    distance = figures["colorfulness"] - figures["colorfulness_truth"]
    return figures | {"delta_colorfulness_of_frames": abs(distance)}


def follow(before: Look, now: Look, still: jax.Array, motion: Motion | None) -> Figures:
    """Figures of one frame beside the one before it; None where nothing can be said."""
    found = _flicker(now.cells, before.cells, still)
    figures: Figures = {"flicker": float(found.difference) if found.cells else None}
    if motion is None:
        return figures
    error, change = _moved(before, now, motion)
    figures["warp_error"] = float(error[0])
    colored = change.pixels[0] > 0 and change.chroma[0] >= LEAST_CHROMA
    figures["chroma_flow_error"] = float(change.change[0] / change.chroma[0]) if colored else None
    return figures


@dataclass(frozen=True)
class Measured:
    """One frame of a clip: its number, and the figures of every result by its name."""

    number: int
    figures: dict[str, Figures]


class ClipMeter:
    """Measures results frame by frame beside their truth.

    Args:
      names: of the results.
      instruments: what is measured.

    Attributes:
      totals: of the figures so far, by result.
      consistency: of the frames so far, by result; "" is the truth.
    """

    def __init__(self, names: list[str], instruments: Instruments):
        self.totals = {name: Totals() for name in names}
        self.consistency = {name: Consistency() for name in ("", *names)}
        self.frames = 0
        self._instruments = instruments
        self._before: dict[str, Look] = {}

    def add(self, truth: np.ndarray, results: Mapping[str, np.ndarray]) -> Measured:
        """The next frame, rgb_u8 (h, w, 3), of the truth and of every result."""
        looks = {"": look(truth)}
        for name, rgb in results.items():
            looks[name] = looks[""] if rgb is truth else look(rgb)
        found = {name: compare(looks[name], looks[""], self._instruments) for name in results}
        if self._before:
            for name, figures in self._followed(looks).items():
                found[name] |= figures
        for name, seen in looks.items():
            self.consistency[name] = self.consistency[name].merge(Consistency.of(seen.rgb))
        for name, figures in found.items():
            self.totals[name] = self.totals[name].merge(Totals.of(figures))
        self._before = looks
        self.frames += 1
        return Measured(self.frames - 1, found)

    def _followed(self, looks: Mapping[str, Look]) -> dict[str, Figures]:
        truth, before = looks[""], self._before[""]
        still = _still(truth.luma, before.luma)
        motion = self._motion(before, truth)
        steps = {name: follow(self._before[name], looks[name], still, motion) for name in looks}
        truths = {f"{name}_truth": value for name, value in steps.pop("").items()}
        return {name: figures | truths for name, figures in steps.items()}

    def _motion(self, before: Look, now: Look) -> Motion | None:
        if self._instruments.flow is None:
            return None
        forward, _ = self._instruments.flow(before.luma[None], now.luma[None])
        backward, _ = self._instruments.flow(now.luma[None], before.luma[None])
        return _motion(forward, backward)

    def compute(self, name: str) -> Figures:
        """The clip's figures of one result: means over its frames, and those of the whole clip."""
        ours, truth = self.consistency[name].compute(), self.consistency[""].compute()
        return derived(self.totals[name].compute() | {"cdc": ours, "cdc_truth": truth})


def derived(figures: Figures) -> Figures:
    """The figures with those that follow from them, of one clip or of many."""
    found = {n: v for n, v in figures.items() if n not in DERIVED}
    for name, (first, second, function) in DERIVED.items():
        if first in figures and second in figures:
            values = figures[first], figures[second]
            found[name] = None if None in values else function(*values)
    return found


def _ratio(value: float, truth: float) -> float | None:
    return value / truth if truth > 0.0 else None


def _excess(value: float, truth: float) -> float:
    return value - truth


def _distance(value: float, truth: float) -> float:
    return abs(value - truth)


DERIVED: dict[str, tuple[str, str, Callable]] = {
    "delta_colorfulness": ("colorfulness", "colorfulness_truth", _distance),
    "colorfulness_ratio": ("colorfulness", "colorfulness_truth", _ratio),
} | {
    f"{name}_{what}": (name, f"{name}_truth", function)
    for name in ("cdc", "warp_error", "chroma_flow_error", "flicker")
    for what, function in (("ratio", _ratio), ("excess", _excess))
}
"""Figures that follow from two others; of a mean they follow from the means."""


def side_by_side(
    truth: Iterator[np.ndarray], results: Mapping[str, Iterator[np.ndarray]], clip: str
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Frames of the truth with those of every result.

    Raises:
      EvaluationError: a result has another number of frames, or frames of another size; or frames
        are smaller than 11x11.
    """
    number = 0
    for frame in truth:
        if min(frame.shape[:2]) < LEAST:
            raise EvaluationError(f"{clip} is {_size(frame)}; at least {LEAST}x{LEAST} is needed.")
        found = {name: next(frames, None) for name, frames in results.items()}
        for name, rgb in found.items():
            if rgb is None:
                rest = number + 1 + sum(1 for _ in truth)
                raise EvaluationError(
                    f"{clip}: {name} has {number} frames, but the truth has {rest}."
                )
            if rgb.shape != frame.shape:
                raise EvaluationError(
                    f"{clip}: frame {number} of {name} is {_size(rgb)}, but that of the truth is "
                    f"{_size(frame)}."
                )
        yield frame, found
        number += 1
    for name, frames in results.items():
        if more := sum(1 for _ in frames):
            raise EvaluationError(
                f"{clip}: {name} has {number + more} frames, but the truth has {number}."
            )


def _size(rgb: np.ndarray) -> str:
    return f"{rgb.shape[1]}x{rgb.shape[0]}"
