"""The reference of keyframes."""

import dataclasses
import re

import numpy as np

from hueshift_jax.data import keyframes
from hueshift_jax.parity.case import Case

_COUNTS = 3.0
"""Pixels by which a change may differ: the blur's rounding decides about a few."""


def compare_keyframes(case: Case) -> None:
    """Baseline and peaks of a series, and all steps from frames to keyframes."""
    degree = case.args.get("baseline_degree", 2)
    options = {
        "threshold": case.args.get("threshold", 0.3),
        "least_distance": case.args.get("min_dist", 1),
    }

    def found(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        base = keyframes.baseline(series, degree)
        return base, keyframes.peaks(series - base, **options)

    base, peaks = found(case.arrays["series"])
    case.compare("baseline", base)
    case.exact("index", peaks, case.arrays["index"])
    frames = _frames(case)
    changes = keyframes.changes(frames)
    case.compare("video_diff", changes, tolerance=_COUNTS, absolute=True)
    case.compare("blur0", keyframes.blurred(frames[0]), tolerance=1.0, absolute=True)
    # From the stored changes: a single pixel more or less can move a peak.
    base, peaks = found(case.arrays["video_diff"])
    case.compare("video_base", base)
    case.exact("video_index", peaks, case.arrays["video_index"])


def _frames(case: Case) -> list[np.ndarray]:
    """Scenes that jump sideways by up to two pixels and flicker by one level, (h, w, 3) bytes."""
    line = case.lines["frames"]
    recipe = case.recipes_of("frames")[0]
    ends = [
        (int(end), int(scene)) for end, scene in re.findall(r"i\s*<\s*(\d+)\s+scene(\d+)", line)
    ]
    last = re.search(r"else\s+scene(\d+)", line)
    ends.append((len(case.arrays["video_diff"]), int(last[1])))
    steps, bright = (int(case.find(p, d)) for p, d in ((r"i%(\d+), width", 3), (r"\*\((\d+)", 235)))
    levels = int(case.find(r"- i%(\d+)\)", 2))
    frames = []
    for number in range(ends[-1][0]):
        scene = next(scene for end, scene in ends if number < end)
        name = recipe.name.replace("N", str(scene))
        picture = dataclasses.replace(recipe, name=name).draw(case.key)
        rolled = np.roll(picture, number % steps, -1) * (bright - number % levels)
        frames.append(np.moveaxis(np.round(rolled).astype(np.uint8), 0, -1))
    return [np.ascontiguousarray(frame) for frame in frames]


RUNNERS = {"keyframes": compare_keyframes}
