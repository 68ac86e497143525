"""Which frames of an evaluation are worth looking at, and those frames as small inline pictures."""

import base64
import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from hueshift_jax.metrics import references
from hueshift_jax.metrics.clips import Clip, Pair
from hueshift_jax.metrics.evaluate import ClipRecord, Evaluation

RANKED_BY = "ciede2000"
"""The figure by which frames are the best and the worst."""
MOST_PICTURES = 72
"""In one report, gray and truth counted."""
LONGEST_SIDE = 512
_MOST_FRAMES = 16
_QUALITY = 88


class Place(NamedTuple):
    """One frame: the name of its clip and its number."""

    clip: str
    number: int


@dataclass(frozen=True)
class Shown:
    """One frame to be looked at.

    why: for what it was chosen, such as "worst of A".
    gray, truth: addresses that hold the picture itself ("data:...").
    results: the same of each result, by name.
    """

    place: Place
    why: tuple[str, ...]
    gray: str
    truth: str
    results: dict[str, str]


def choose(evaluation: Evaluation) -> dict[Place, list[str]]:
    """The frames to be shown and why: the worst and best of every result, then some between.

    Of different clips if there are many. At most as many as `MOST_PICTURES` allows; with
    very many results still one frame.
    """
    systems = evaluation.systems
    budget = max(1, min(_MOST_FRAMES, MOST_PICTURES // (2 + len(systems))))
    each = max(1, budget // (3 * len(systems)))
    chosen: dict[Place, list[str]] = {}
    for name, record in systems.items():
        ranked = _ranked(record.clips)
        for word, places in (("worst", ranked[::-1]), ("best", ranked)):
            for place in _apart(places, record.clips, each):
                if place in chosen or len(chosen) < budget:
                    chosen.setdefault(place, []).append(f"{word} of {name}")
    for place in _between(next(iter(systems.values())).clips, budget):
        if len(chosen) < budget and place not in chosen:
            chosen[place] = ["in between"]
    return chosen


def _ranked(clips: Mapping[str, ClipRecord]) -> list[Place]:
    """All frames, the nearest to the truth first."""
    values = {
        Place(name, number): value
        for name, clip in clips.items()
        for number, value in enumerate(clip.curves[RANKED_BY])
        if math.isfinite(value)
    }
    return sorted(values, key=values.__getitem__)


def _apart(places: list[Place], clips: Mapping[str, ClipRecord], count: int) -> list[Place]:
    """The first of them: of clips enough, one each; otherwise a quarter of a clip apart."""
    many = len(clips) >= 2 * count
    taken: list[Place] = []
    for place in places:
        least = math.inf if many else clips[place.clip].frames / 4
        near = (p for p in taken if p.clip == place.clip and abs(p.number - place.number) < least)
        if len(taken) < count and next(near, None) is None:
            taken.append(place)
    return taken


def _between(clips: Mapping[str, ClipRecord], count: int) -> Iterator[Place]:
    """The middle frames of clips that are spread over all of them."""
    names = list(clips)
    for index in dict.fromkeys(np.linspace(0, len(names) - 1, count).round().astype(int)):
        yield Place(names[index], clips[names[index]].frames // 2)


def gather(evaluation: Evaluation) -> list[Shown]:
    """The chosen frames, read again from their files one by one.

    Raises:
      EvaluationError: a frame cannot be read any more.
    """
    chosen = choose(evaluation)
    found: dict[Place, Shown] = {}
    for pair in evaluation.pairs:
        numbers = sorted(place.number for place in chosen if place.clip == pair.name)
        if numbers:
            found |= {shown.place: shown for shown in _read(pair, numbers, chosen)}
    return [found[place] for place in chosen]


def _read(pair: Pair, numbers: list[int], why: Mapping[Place, list[str]]) -> Iterator[Shown]:
    with contextlib.ExitStack() as stack:
        columns = [
            stack.enter_context(contextlib.closing(_frames(clip, numbers)))
            for clip in (pair.truth, *pair.results.values())
        ]
        for number, (truth, *results) in zip(numbers, zip(*columns), strict=True):
            place = Place(pair.name, number)
            gray = references.make(truth)[references.NAMES[0]]
            pictures = dict(zip(pair.results, map(_inline, results), strict=True))
            yield Shown(place, tuple(why[place]), _inline(gray), _inline(truth), pictures)


def _frames(clip: Clip, numbers: list[int]) -> Iterator[np.ndarray]:
    """Those frames alone; nothing is read behind the last."""
    with contextlib.closing(clip.frames()) as frames:
        for number, rgb in enumerate(frames):
            if number in numbers:
                yield rgb
            if number == numbers[-1]:
                return


def _inline(rgb_u8: np.ndarray) -> str:
    """The picture as a JPEG inside an address; larger ones are reduced to `LONGEST_SIDE`."""
    height, width = rgb_u8.shape[:2]
    factor = min(1.0, LONGEST_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(rgb_u8, size, interpolation=cv2.INTER_AREA) if factor < 1.0 else rgb_u8
    # Full chroma resolution: color is what is looked at.
    options = (cv2.IMWRITE_JPEG_QUALITY, _QUALITY)
    options += (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), options)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
