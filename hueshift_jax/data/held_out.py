"""Pictures that are kept from training, so that it can be measured on what it has not seen."""

import zlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from hueshift_jax.data import pictures, sources
from hueshift_jax.data.batches import DataConfig
from hueshift_jax.data.pictures import Pictures, ReadAnew
from hueshift_jax.errors import DataError

LARGEST_SHARE = 10
"""At most one picture in so many is held out."""
SHORT_SIDE = 256
"""To which held-out pictures are reduced, in pixels: about where the networks work."""


class Divided(NamedTuple):
    """What is trained on, and what is not.

    held_out: None where there are too few pictures, or none was wanted.
    names: of the held-out part; none where the held-out pictures have a folder of their own.
    """

    training: Pictures | ReadAnew
    held_out: Pictures | ReadAnew | None
    names: tuple[str, ...]


def divide(
    where: str | Path,
    config: DataConfig,
    *,
    folder: Path | None = None,
    names: Collection[str] = (),
) -> Divided:
    """The pictures of `where`, and those held out.

    Args:
      where: what `sources.find` takes.
      config: how many are held out, and how the pictures are kept.
      folder: the held-out pictures, where they have a folder of their own.
      names: the part that was held out before, which stays the same when pictures are added.

    Raises:
      DataError: nothing to read, too much of it unreadable, one folder inside the other, or none of
        `names` is left.
    """
    if folder is not None:
        refuse_shared(where, folder)
        apart = _opened_apart(folder)
    found, exclude = sources.find(where), sources.excluded(where)
    known = {name for source in found.sources for name in source.names}
    known = (known | {film.name for film in found.films}) - exclude
    chosen = frozenset()
    if folder is None:
        chosen = known & set(names) or choose(known, config.held_out, seed=config.held_out_seed)
        if names and not known & set(names):
            raise DataError(f"{where} holds none of the pictures that this run has held out")
    training = pictures.opened(
        found,
        exclude | chosen,
        short_side=config.short_side,
        limit=config.limit,
        memory_gb=config.memory_gb,
    )
    if folder is not None:
        return Divided(training, apart, ())
    if not chosen:
        return Divided(training, None, ())
    others = exclude | (known - chosen)
    kept = pictures.opened(found, others, short_side=SHORT_SIDE, part_of=len(known))
    return Divided(training, kept, tuple(sorted(chosen)))


def choose(names: Collection[str], count: int, *, seed: int = 0) -> frozenset[str]:
    """`count` of the names, but at most a tenth: those whose checksums with the seed are lowest.

    Whatever else is there, the order of two names is the same. A film is one name.
    """
    most = min(count, len(names) // LARGEST_SHARE)
    return frozenset(sorted(names, key=lambda name: (_place(name, seed), name))[:most])


def _place(name: str, seed: int) -> int:
    return zlib.crc32(f"{seed}:{name}".encode())


def _opened_apart(folder: Path) -> Pictures | ReadAnew:
    try:
        return pictures.open_pictures(folder, short_side=SHORT_SIDE)
    except DataError as exc:
        raise DataError(f"the held-out pictures cannot be opened: {folder}: {exc}") from exc


def refuse_shared(where: str | Path, folder: Path) -> None:
    """Raises where what is trained on and what is held out lie in one folder."""
    if str(where).startswith(sources.TFDS):
        return
    first, second = (Path(path).expanduser().resolve() for path in (where, folder))
    if first.is_relative_to(second) or second.is_relative_to(first):
        raise DataError(
            f"{folder} is held out, but one of it and {where} holds the other; keep them apart, "
            "or leave --held-out away to hold a part of --data out"
        )
