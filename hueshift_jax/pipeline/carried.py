"""One shot's given colors, carried to all of its frames and kept small."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hueshift_jax.pipeline.anchors import Anchors, Gift, Seen
from hueshift_jax.pipeline.follow import Anchor, Arrived, follow
from hueshift_jax.pipeline.frames import AB_STEP, dequantize, quantize, record_size
from hueshift_jax.pipeline.motion import Motion, motion_gray, motion_size
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.scout import Layout, Part, frames_of
from hueshift_jax.pipeline.spread import Samples, samples
from hueshift_jax.video.frame import Frame

_LESSON_NOISE = 100.0


@dataclass(frozen=True)
class Carried:
    """What arrives at each frame of a shot, and what its anchors say of the automatic colors.

    ab (n, h, w, 2) int8 in steps of AB_STEP and weight (n, h, w) uint8 lie in a file.
    """

    ab: np.ndarray
    weight: np.ndarray
    lessons: Samples

    def at(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """ab (h, w, 2) and weight (h, w), 0..1, float32, of a frame by its place in the shot."""
        ab = self.ab[place].astype(np.float32) * np.float32(AB_STEP)
        return ab, self.weight[place].astype(np.float32) * np.float32(1 / 255)


class Carrier:
    """Carries what is given for frames of a shot to all of its frames.

    Args:
      part: the film.
      painter: gives automatic colors.
      motion: between frames.
      anchors: of what is given.
      alike: whether references are among it, which go to the first frame of each shot.
      folder: for files that are gone when the work is done.
    """

    def __init__(
        self,
        part: Part,
        painter: Painter,
        motion: Motion,
        anchors: Anchors,
        *,
        alike: bool,
        folder: Path,
    ):
        self._part = part
        self._painter = painter
        self._motion = motion
        self._anchors = anchors
        self._alike = alike
        self._folder = folder

    def carry(self, layout: Layout, shot: range, gifts: Mapping[int, Gift]) -> Carried:
        """What is given for a shot, by place in it, at all of its frames."""
        gifts = dict(gifts)
        if self._alike:
            gifts.setdefault(0, Gift())
        grays = self._file(len(shot), motion_size(self._part.size), np.uint8)
        anchors: dict[int, Anchor] = {}
        lessons = []
        for place, frame in enumerate(frames_of(self._part, layout, shot)):
            info = self._part.info
            size = grays.shape[1:]
            grays[place] = motion_gray(frame.luma, info.color, info.rotation, size)
            if place in gifts:
                seen = self._seen(frame)
                alike = self._alike and not place
                anchors[place] = anchor = self._anchors.of(seen, gifts[place], alike=alike)
                lessons.append(lesson(seen, anchor))
        return self._carried(grays, anchors, Samples.joined(lessons))

    def _seen(self, frame: Frame) -> Seen:
        view = self._part.look(frame)
        painter = self._painter
        _, ab, confidence = painter.call(painter.memory_from(()), [view])
        chroma = quantize(np.asarray(ab[0]), np.asarray(confidence[0]), view.thumb)
        return Seen(view.gray, view.thumb, dequantize(chroma))

    def _carried(
        self, grays: np.ndarray, anchors: Mapping[int, Anchor], lessons: Samples
    ) -> Carried:
        count, size = len(grays), record_size(self._part.size)
        ab = self._file(count, (*size, 2), np.int8)
        weight = self._file(count, size, np.uint8)
        share = self._file(count, size, np.float16)
        for back in (False, True):
            for place, arrived in follow(grays, anchors, self._motion, back=back):
                before = ab[place] * np.float32(AB_STEP), share[place], weight[place] / 255
                parts = [Arrived(*(np.float32(plane) for plane in before)), arrived]
                arrived = Arrived.together(parts)
                ab[place] = np.clip(np.rint(arrived.ab / AB_STEP), -128, 127)
                share[place] = arrived.share
                weight[place] = np.rint(np.clip(arrived.weight, 0, 1) * 255)
        return Carried(ab, weight, lessons)

    def _file(self, count: int, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """An array on the disk, which is gone when it is no longer used."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            return np.memmap(file, dtype, "w+", shape=(count, *shape))


def lesson(seen: Seen, anchor: Anchor) -> Samples:
    """What an anchor says of the automatic colors of its own frame."""
    return samples(seen.small, seen.ab, anchor.ab, anchor.weight, noise=_LESSON_NOISE)
