"""Colors that a person gives, for every frame of the shots for which there are some.

What is given for a frame becomes an anchor: colors of that frame, and how much they count. Anchors
are carried along motion to all frames of their shot (`follow`), one shot at a time, when its first
frame is asked for. Where nothing arrives, what has arrived says how wrong the automatic colors are
there (`spread`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline.anchors import Gift, Seen
from hueshift_jax.pipeline.carried import Carried, Carrier, lesson
from hueshift_jax.pipeline.follow import Anchor
from hueshift_jax.pipeline.frames import ColorFrame
from hueshift_jax.pipeline.given_files import Gifts, Keyframe
from hueshift_jax.pipeline.points import Point
from hueshift_jax.pipeline.progress import FOREVER
from hueshift_jax.pipeline.scout import Layout
from hueshift_jax.pipeline.spread import Samples, correction, samples
from hueshift_jax.video.probe import MediaInfo, pts_at

_ARRIVED_NOISE = 15.0
_OUTSIDE = -1


class Given:
    """All that a person gives for a film, by frames.

    Args:
      gifts: what was given.
      info: the film.
      layout: gives its frames and shots; called when they are needed first.
      carrier: carries what is given for a shot; called when it is needed first.
    """

    def __init__(
        self,
        gifts: Gifts,
        info: MediaInfo,
        *,
        layout: Callable[[], Layout],
        carrier: Callable[[], Carrier],
    ):
        self._gifts = gifts
        self._info = info
        self._make_layout = layout
        self._make_carrier = carrier
        self._shot: range = range(0)
        self._carried: Carried | None = None

    @cached_property
    def _layout(self) -> Layout:
        return self._make_layout()

    @cached_property
    def _carrier(self) -> Carrier:
        return self._make_carrier()

    @cached_property
    def _by_frame(self) -> dict[int, Gift]:
        """What is given, by the number of its frame."""
        found: dict[int, Gift] = {}
        for keyframe in self._gifts.keyframes:
            number = self._number(keyframe)
            gift = found.get(number, Gift())
            found[number] = replace(gift, keyframes=(*gift.keyframes, keyframe))
        for point in self._gifts.points:
            number = self._number(point)
            gift = found.get(number, Gift())
            found[number] = replace(gift, points=(*gift.points, point))
        found.pop(_OUTSIDE, None)
        return found

    def _number(self, given: Keyframe | Point) -> int:
        """The number of the frame that is meant; _OUTSIDE if it is not colored in this run."""
        layout, number = self._layout, getattr(given, "number", None)
        if number is not None:
            if number >= len(layout.pts):
                raise UsageError(
                    f"{given.said}: there is no frame {number}; the last one is "
                    f"{len(layout.pts) - 1}."
                )
            return number
        pts, slack = pts_at(self._info, given.seconds), self._frame_ticks
        if layout.pts and layout.pts[0] - slack < pts < layout.pts[-1] + slack:
            return layout.nearest(pts)
        if self._info.duration_s is None:
            raise UsageError(
                f"{given.said}: {given.seconds:g} s is not within the part of {self._info.path} "
                "that is colored."
            )
        return _OUTSIDE

    @property
    def _frame_ticks(self) -> float:
        return float(1 / (self._info.average_rate * self._info.time_base))

    def mark(self, first_pts: int, last_pts: int) -> str:
        """Stands for all that is given from one time to another; "" where nothing is."""
        references = self._gifts.references_digest
        if (first_pts, last_pts) == (-FOREVER, FOREVER):  # no look at the film is needed
            said = [repr(_key(given)) for given in (*self._gifts.keyframes, *self._gifts.points)]
        else:
            pts = self._layout.pts
            within = [n for n in sorted(self._by_frame) if first_pts <= pts[n] <= last_pts]
            said = [f"{pts[n]} {_said(self._by_frame[n])}" for n in within]
        if not said and not references:
            return ""
        return hashlib.sha256("\n".join([*said, references]).encode()).hexdigest()[:32]

    def of(self, pts: int) -> tuple[np.ndarray, np.ndarray] | None:
        """ab (h, w, 2) and its weight (h, w), 0..1, for the frame at a time; None for none."""
        carried, place = self._at(pts)
        return None if carried is None else carried.at(place)

    def lessons(self, pts: int) -> Samples | None:
        """What anchors of a frame's shot say of the automatic colors; None where there are none."""
        carried, _ = self._at(pts)
        return None if carried is None else carried.lessons

    def _at(self, pts: int) -> tuple[Carried | None, int]:
        number = self._layout.number_of(pts)
        if number is None:
            return None, 0
        if number not in self._shot:
            self._shot = self._layout.shot_of(number)
            gifts = {n - self._shot.start: g for n, g in self._by_frame.items() if n in self._shot}
            self._carried = None
            if gifts or self._gifts.references:
                self._carried = self._carrier.carry(self._layout, self._shot, gifts)
        return self._carried, number - self._shot.start


def _key(given: Keyframe | Point) -> tuple:
    if isinstance(given, Keyframe):
        return given.seconds, given.number, given.digest
    return given.seconds, given.x, given.y, given.rgb


def _said(gift: Gift) -> str:
    points = [(point.x, point.y, point.rgb) for point in gift.points]
    return f"{[keyframe.digest for keyframe in gift.keyframes]} {points}"


def give(frames: Iterable[ColorFrame], given: Given) -> Iterator[ColorFrame]:
    """Lays given colors over the automatic ones. Lookahead: none."""
    for frame in frames:
        found = given.of(frame.frame.pts)
        if found is None:
            yield frame
        else:
            lessons = given.lessons(frame.frame.pts)
            yield replace(frame, ab=joined(frame.ab, frame.chroma.luma, found, lessons))


def corrected_picture(seen: Seen, anchor: Anchor) -> np.ndarray:
    """Automatic ab (h, w, 2) of a single picture as what is given says."""
    known = lesson(seen, anchor)
    return joined(seen.ab, seen.small, (anchor.ab, anchor.weight), known)


def joined(
    ab: np.ndarray, gray: np.ndarray, given: tuple[np.ndarray, np.ndarray], lessons: Samples
) -> np.ndarray:
    """Automatic ab (h, w, 2) as what is given says.

    Where the weight is low, the automatic colors stay, corrected by their error elsewhere.

    Args:
      ab: the automatic colors.
      gray: (h, w) uint8.
      given: ab and weight.
      lessons: errors at the anchors.
    """
    colors, weight = given
    gray = gray.astype(np.float32)
    here = samples(gray, ab, colors, weight, noise=_ARRIVED_NOISE)
    corrected = ab + correction(Samples.joined([lessons, here]), gray, ab)
    part = weight[..., None]
    return part * colors + (1 - part) * corrected
