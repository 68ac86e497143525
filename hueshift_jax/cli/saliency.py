"""`hueshift saliency IN [IN ...] --output DIR`: what catches the eye, as gray pictures."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from hueshift_jax.errors import UnreadableMediaError, UnwritableMediaError, UsageError

_TOGETHER = 8


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hueshift saliency",
        description=__doc__,
        allow_abbrev=False,
        epilog="A picture NAME.jpg becomes DIR/NAME.png, a film NAME.mp4 a folder DIR/NAME of "
        "frames, and a folder of pictures NAME a folder DIR/NAME; 255 catches the eye, 0 does not",
    )
    add = parser.add_argument
    add("input", nargs="+", type=Path, metavar="IN", help="pictures, folders of them, films")
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the maps")
    add("--weights", type=Path, metavar="FILE", help="other weights of a run of `train.py pfan`")
    add("--size", type=int, metavar="N", help="short side at which the network works (160)")
    add("--overwrite", action="store_true", help="replace maps that are there already")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Runs the command; returns the exit code.

    Raises:
      UsageError: two inputs would have one result, or a result is there already.
      UnreadableMediaError: an input is missing or damaged.
      UnwritableMediaError: a map cannot be written.
    """
    options = _parse(argv)
    results = _results(options)
    from hueshift_jax.systems import pfan

    changes = {} if options.size is None else {"short_side": options.size}
    detector = pfan.load_detector(options.weights or pfan.BUNDLED, **changes)
    for source, target in results.items():
        count = _write_maps(source, target, detector)
        print(f"{target}: {count} map{'s' * (count != 1)}")
    return 0


def _results(options: argparse.Namespace) -> dict[Path, Path]:
    """What becomes of each input; nothing is read yet."""
    from hueshift_jax.video.picture import is_picture

    found: dict[Path, Path] = {}
    for source in options.input:
        if not source.exists():
            raise UnreadableMediaError(f"{source} does not exist")
        single = source.is_file() and is_picture(source)
        name = source.resolve().name if source.is_dir() else source.stem
        target = options.output / (f"{name}.png" if single else name)
        if target in found.values():
            raise UsageError(f"two inputs would become {target}; give them folders of their own")
        if target.exists() and target.resolve() == source.resolve():
            raise UsageError(f"the maps of {source} would replace it; choose another --output")
        if target.exists() and not options.overwrite:
            raise UsageError(f"{target} is there already; add --overwrite to replace it")
        found[source] = target
    return found


def _write_maps(source: Path, target: Path, detector) -> int:
    """Writes the maps of one input; returns how many there are."""
    from hueshift_jax.video.picture import is_picture

    if source.is_file() and is_picture(source):
        pictures, names = _read([source]), iter([target])
    elif source.is_dir():
        paths = _pictures(source)
        pictures, names = _read(paths), iter(_named(paths, target))
    else:
        from hueshift_jax.video.color_frames import color_frames

        pictures = map(_gray, color_frames(source))
        names = (target / f"{number:06d}.png" for number in range(10**9))
    count = 0
    for found in _maps(pictures, detector):
        _write(next(names), found)
        count += 1
    return count


def _pictures(folder: Path) -> list[Path]:
    from hueshift_jax.video.picture import list_pictures

    paths = list_pictures(folder)
    if not paths:
        raise UnreadableMediaError(f"{folder} holds no pictures; name films one by one")
    return paths


def _named(paths: Sequence[Path], folder: Path) -> list[Path]:
    """The maps of a folder's pictures, by the pictures' own names."""
    targets = [folder / f"{path.stem}.png" for path in paths]
    for target in targets:
        if targets.count(target) > 1:
            raise UsageError(f"two pictures would become {target}; rename one of them")
    return targets


def _read(paths: Sequence[Path]) -> Iterator[np.ndarray]:
    from hueshift_jax.video.picture import read_picture_rgb

    return (_gray(read_picture_rgb(path)) for path in paths)


def _gray(rgb_u8: np.ndarray) -> np.ndarray:
    from hueshift_jax.video.frame import luma_from_rgb

    return luma_from_rgb(rgb_u8, "bt601")


def _maps(pictures: Iterator[np.ndarray], detector) -> Iterator[np.ndarray]:
    """Maps (h, w) uint8; pictures of one size that follow each other are seen together."""
    from hueshift_jax.pipeline.saliency import saliency_maps

    for group in _alike(pictures):
        # All groups of a film have one length, so that the network compiles once.
        padded = group + [group[-1]] * (_TOGETHER - len(group) if len(group) > 1 else 0)
        for found in saliency_maps(padded, detector)[: len(group)]:
            yield np.rint(found * 255.0).astype(np.uint8)


def _alike(pictures: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    while ahead := list(islice(pictures, _TOGETHER)):
        while ahead:
            same = [picture for picture in ahead if picture.shape == ahead[0].shape]
            if len(same) < len(ahead):
                same = ahead[:1]
            yield same
            ahead = ahead[len(same) :]


def _write(path: Path, codes: np.ndarray) -> None:
    from hueshift_jax.video.picture import write_gray_picture

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableMediaError(
            f"the folder {path.parent} cannot be made: {error.strerror}"
        ) from error
    write_gray_picture(path, codes)
