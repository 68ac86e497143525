"""Stand-ins for a network and for films, small and quick."""

import itertools
from fractions import Fraction
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from hueshift_jax.pipeline import events, film
from hueshift_jax.pipeline.progress import unmarked
from hueshift_jax.video.frame import ColorSpec, Frame, Planes
from hueshift_jax.video.probe import MediaInfo, probe
from hueshift_jax.video.writer import Encoding, SegmentWriter, assemble

SD = ColorSpec("bt601", False, 6, 6, 6, 8, "left", ())


class FakeColorizer:
    """Colors by gray and place, smoothly; counts its calls; may carry a memory."""

    def __init__(self, *, short_side: int = 32, remembers: bool = False, name: str = "fake"):
        self.identity = {"system": name}
        self.calls = 0
        self._short_side = short_side
        self._remembers = remembers

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        side = self._short_side
        return (side, 2 * side) if height <= width else (2 * side, side)

    def start(self, height: int, width: int):
        return (jnp.zeros(()),) if self._remembers else ()

    def __call__(self, memory, luma, key):
        self.calls += 1
        small = np.asarray(luma)[:, ::4, ::4]
        ab = np.stack([40 * small - 10, 30 - 50 * small], axis=-1)
        if self._remembers:
            memory = (0.9 * memory[0] + luma.mean(),)
            ab = ab + np.asarray(memory[0])
        return memory, jnp.asarray(ab), jnp.asarray(0.5 + 0.4 * small)


def scene(seed: int, height: int, width: int) -> np.ndarray:
    """A still of smooth blobs, twice the size, float 0..1."""
    import cv2

    coarse = np.random.default_rng(seed).random((2 * height // 8 + 1, 2 * width // 8 + 1))
    return cv2.resize(coarse, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def lumas(count: int, height: int = 48, width: int = 64, cuts: tuple[int, ...] = ()):
    """Limited-range luma planes of a pan over a still, another one after each cut."""
    seed, still = 0, scene(0, height, width)
    for index in range(count):
        if index in cuts:
            seed += 1
            still = scene(seed, height, width)
        y, x = _to_and_fro(index, height) // 2, _to_and_fro(index, width)
        yield (16 + 219 * still[y : y + height, x : x + width]).round().astype(np.uint8)


def _to_and_fro(index: int, length: int) -> int:
    return length - abs(length - index % (2 * length))


def describe(path: Path, height: int, width: int, *, color: ColorSpec = SD, **changes) -> MediaInfo:
    """What `probe` might say of a film."""
    facts = {
        "path": path,
        "kind": "film",
        "container": "mov,mp4",
        "width": width,
        "height": height,
        "rotation": 0,
        "sample_aspect_ratio": Fraction(1),
        "time_base": Fraction(1, 12800),
        "start_pts": 0,
        "average_rate": Fraction(25),
        "frame_count_estimate": None,
        "duration_s": None,
        "color": color,
        "pix_fmt": "yuv420p",
        "codec": "h264",
        "interlaced": False,
        "audio": (),
        "other": (),
        "gray": False,
    }
    return MediaInfo(**{**facts, **changes})


def make_film(path: Path, planes, chroma=(), **changes) -> MediaInfo:
    """Encodes luma planes without loss into a film at 25 frames/s, and probes it.

    chroma: pairs of Cb and Cr planes of the first frames; the others are gray.
    """
    planes = list(planes)
    height, width = planes[0].shape
    info = describe(path, height, width, kind="frames", **changes)
    segment = path.with_suffix(".nut")
    neutral = np.full((-(-height // 2), -(-width // 2)), 128, np.uint8)
    pairs = itertools.chain(chroma, itertools.repeat((neutral, neutral)))
    with SegmentWriter(segment, info, Encoding(preset="ultrafast", lossless=True)) as writer:
        for index, (luma, pair) in enumerate(zip(planes, pairs)):
            writer.write(Planes(512 * index, 512, luma, *pair))
    assemble([segment], info, path)
    segment.unlink()
    return probe(path)


def frame(index: int, luma: np.ndarray) -> Frame:
    """A frame at 25 frames/s."""
    return Frame(index, 512 * index, 512, luma, 0.0)


def color(
    source: Path, output: Path, colorizer=None, *, mark=unmarked, told=None, **options
) -> events.Finished:
    """Colors a film with the quickest encoding; events are added to `told`."""
    options.setdefault("encoding", Encoding(preset="ultrafast", threads=1))
    job = film.Film(
        probe(source),
        output,
        colorizer or FakeColorizer(),
        film.ColorizeOptions(**options),
        [].append if told is None else told.append,
        mark=mark,
    )
    return job.color()
