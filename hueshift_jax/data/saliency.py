"""Pictures with masks of what is salient: read, held out, and cut out over other pictures.

A folder holds `images/NAME.webp` and `masks/NAME.png` (white is salient), loose or in tar files.
"""

import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import cv2
import grain
import numpy as np

from hueshift_jax.contracts import MaskedBatch
from hueshift_jax.data import batches, held_out, sources
from hueshift_jax.data.batches import DataConfig, filmed
from hueshift_jax.data.pictures import Pictures, ReadAnew, Skipped, open_pictures
from hueshift_jax.data.sources import Source
from hueshift_jax.errors import ConfigError, DataError

_IMAGES, _MASKS = "images", "masks"
_SIZES = (0.35, 0.85)
_FEATHER_PX = 0.8
_BLURRED = 0.3
_LEAST_SHARE, _MOST_SHARE = 0.01, 0.7


@dataclass(frozen=True)
class MaskedDataConfig(DataConfig):
    """Which pictures with masks, and how they are disturbed."""

    composed: float = 0.4
    """Part of the pictures in which the salient part is cut out and laid over another picture."""
    backgrounds: str = ""
    """Folder of photographs without a salient part for that, such as landscapes; without one, other
    pictures with masks are taken, whose own salient part stays salient."""

    def __post_init__(self):
        super().__post_init__()
        if not 0.0 <= self.composed <= 1.0:
            raise ConfigError(f"data.composed is {self.composed}, expected 0 to 1")


class Pair(NamedTuple):
    """rgb_u8 (h, w, 3) and its mask (h, w) uint8, 255 where something is salient."""

    rgb: np.ndarray
    mask: np.ndarray


class Pairs(Sequence[Pair]):
    """Pictures with masks, decoded once into memory.

    Attributes:
      names: of the pictures, from the folder on.
      skipped: what could not be read.

    Raises:
      DataError: a picture has no mask, or too many cannot be read, or nothing is left.
    """

    def __init__(self, places: dict[str, "_Places"], short_side: int):
        self.names: list[str] = []
        self._pairs: list[Pair] = []
        self.skipped = Skipped(0)
        for name, place in places.items():
            pair = place.read(short_side)
            if pair is None:
                self.skipped.names.append(name)
                continue
            self.names.append(name)
            self._pairs.append(pair)
        if not self._pairs:
            raise DataError("there is no readable picture with a mask")
        self.skipped.check(len(places))

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Pair:
        return self._pairs[index]


class _Places(NamedTuple):
    """Where a picture and its mask are read."""

    picture: tuple[Source, int]
    mask: tuple[Source, int]

    def read(self, short_side: int) -> Pair | None:
        """Both at the picture's size, reduced to a short side; None if one cannot be decoded."""
        rgb = sources.decoded(*self.picture, short_side)
        mask = sources.decoded(*self.mask, 0)
        if rgb is None or mask is None:
            return None
        height, width = rgb.shape[:2]
        mask = cv2.resize(mask[..., 0].copy(), (width, height), interpolation=cv2.INTER_AREA)
        return Pair(rgb, mask)


def open_pairs(where: str | Path, short_side: int = 160) -> Pairs:
    """All pairs of a folder.

    Raises:
      DataError: see `Pairs`.
    """
    return Pairs(_found(where), short_side)


def divide(
    where: str | Path,
    config: DataConfig,
    *,
    folder: Path | None = None,
    names: Collection[str] = (),
) -> held_out.Divided:
    """As `held_out.divide`, of pictures with masks.

    Raises:
      DataError: see `Pairs`; or one folder lies inside the other, or none of `names` is left.
    """
    if folder is not None:
        held_out.refuse_shared(where, folder)
        return held_out.Divided(_limited(where, config), open_pairs(folder), ())
    found = _found(where)
    chosen = set(found) & set(names)
    if names and not chosen:
        raise DataError(f"{where} holds none of the pictures that this run has held out")
    chosen = chosen or held_out.choose(found, config.held_out, seed=config.held_out_seed)
    kept = {name: place for name, place in found.items() if name in chosen}
    others = {name: place for name, place in found.items() if name not in chosen}
    training = Pairs(dict(list(others.items())[: config.limit or None]), config.short_side)
    apart = Pairs(kept, config.short_side) if kept else None
    return held_out.Divided(training, apart, tuple(sorted(chosen)))


def _limited(where: str | Path, config: DataConfig) -> Pairs:
    found = list(_found(where).items())[: config.limit or None]
    return Pairs(dict(found), config.short_side)


def _found(where: str | Path) -> dict[str, _Places]:
    """Pictures and masks by the picture's name."""
    pictures: dict[str, tuple[str, tuple[Source, int]]] = {}
    masks: dict[str, tuple[Source, int]] = {}
    exclude = sources.excluded(where)
    for source in sources.find(where).sources:
        for index, name in enumerate(source.names):
            path = PurePosixPath(Path(name).as_posix())
            if path.parent.name == _MASKS:
                masks[path.stem] = (source, index)
            elif path.parent.name == _IMAGES and name not in exclude:
                pictures[path.stem] = (name, (source, index))
    if not pictures:
        raise DataError(f"{where} holds no pictures with masks; expected {_IMAGES}/ and {_MASKS}/")
    alone = sorted(set(pictures) - set(masks))
    if alone:
        raise DataError(
            f"{len(alone)} pictures of {where} have no mask ({', '.join(alone[:3])}); "
            f"each needs {_MASKS}/NAME.png, or its place in exclude.csv"
        )
    return {name: _Places(place, masks[stem]) for stem, (name, place) in pictures.items()}


# -- Batches ----------------------------------------------------------------------------------


def masked_batches(
    pairs: Sequence[Pair], config: MaskedDataConfig, **places: int
) -> Iterator[MaskedBatch]:
    """As `batches.batches`, with the same options, of pictures with masks.

    Raises:
      DataError: `config.backgrounds` holds no pictures.
    """
    others: Pictures | ReadAnew | None = None
    if config.backgrounds:
        others = open_pictures(config.backgrounds, short_side=config.short_side)
    prepare = functools.partial(Prepare, pairs=pairs, backgrounds=others)
    yield from batches.batches(pairs, config, prepare=prepare, kind=MaskedBatch, **places)


class Prepare(grain.transforms.RandomMap):
    """Pair -> (luma, mask), both of one size; some are composed first."""

    def __init__(
        self,
        config: MaskedDataConfig,
        size: int,
        *,
        pairs: Sequence[Pair],
        backgrounds: Sequence[np.ndarray] | None = None,
    ):
        self._config, self._size = config, size
        self._pairs, self._backgrounds = pairs, backgrounds

    def random_map(self, pair: Pair, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Luma and mask, float32 0..1."""
        least = self._config.smallest_crop
        if rng.random() < self._config.composed and _can_be_cut_out(pair):
            pair = compose(pair, random_part(self._behind(rng), least, self._size, rng), rng)
        else:
            pair = random_part(pair, least, self._size, rng)
        luma = filmed(pair.rgb, self._config, rng)
        return luma, pair.mask.astype(np.float32) / 255.0

    def _behind(self, rng: np.random.Generator) -> Pair:
        if self._backgrounds is None:
            return self._pairs[int(rng.integers(len(self._pairs)))]
        rgb = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
        return Pair(rgb, np.zeros(rgb.shape[:2], np.uint8))


def _can_be_cut_out(pair: Pair) -> bool:
    """Whether the salient part is neither a speck nor nearly everything."""
    return _LEAST_SHARE < pair.mask.mean() / 255.0 < _MOST_SHARE


def random_part(pair: Pair, smallest: float, size: int, rng: np.random.Generator) -> Pair:
    """A part with sides of `smallest` to 1.0 of the pair's, mirrored half the time.

    It becomes (size, size), so that things grow wider or narrower by up to a half.
    """
    height, width = (max(1, round(n * rng.uniform(smallest, 1.0))) for n in pair.mask.shape)
    height, width = min(height, round(1.5 * width)), min(width, round(1.5 * height))
    top = int(rng.integers(0, pair.mask.shape[0] - height + 1))
    left = int(rng.integers(0, pair.mask.shape[1] - width + 1))
    step = -1 if rng.random() < 0.5 else 1
    method = cv2.INTER_AREA if min(height, width) >= size else cv2.INTER_LINEAR

    def taken(plane: np.ndarray) -> np.ndarray:
        part = plane[top : top + height, left : left + width][:, ::step]
        return cv2.resize(np.ascontiguousarray(part), (size, size), interpolation=method)

    return Pair(taken(pair.rgb), taken(pair.mask))


def compose(pair: Pair, behind: Pair, rng: np.random.Generator) -> Pair:
    """The salient part of `pair`, somewhere over `behind`, at 0.35 to 0.85 of its larger side.

    What was salient in `behind` and is not hidden stays so. By chance `behind` is out of focus.
    """
    size = np.float32(behind.mask.shape[::-1])
    rows, columns = (np.flatnonzero(pair.mask.max(axis) > 127) for axis in (1, 0))
    first = np.float32([columns[0], rows[0]])
    extent = np.float32([columns[-1], rows[-1]]) - first + 1.0
    scale = rng.uniform(*_SIZES) * size.max() / extent.max()
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    place = size * rng.uniform(0.3, 0.7, 2)
    linear = np.diag([mirror * scale, scale])
    matrix = np.column_stack([linear, place - linear @ (first + extent / 2.0)])

    def moved(plane: Any, border: int) -> np.ndarray:
        return cv2.warpAffine(
            plane, matrix, behind.mask.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=border
        )

    rgb, other = moved(pair.rgb, cv2.BORDER_REPLICATE), behind.rgb
    mask = moved(pair.mask, cv2.BORDER_CONSTANT)
    if rng.random() < _BLURRED:
        other = cv2.GaussianBlur(other, (0, 0), rng.uniform(0.6, 2.0))
    soft = cv2.GaussianBlur(mask, (0, 0), _FEATHER_PX)[..., None].astype(np.float32) / 255.0
    shown = soft * rgb + (1.0 - soft) * other
    return Pair(np.rint(shown).astype(np.uint8), np.maximum(mask, behind.mask))
