"""What the names on the command line stand for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hueshift_jax.errors import UnreadableMediaError
from hueshift_jax.video.picture import is_picture, list_pictures, natural_key, read_picture_rgb

_FILM_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".vob", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".dv", ".y4m", ".nut", ".gif"),
)
_OURS = (".color", ".side-by-side")
_SIZES_LOOKED_AT = 32


@dataclass(frozen=True)
class Work:
    """One thing to color. A folder is one only if its pictures are the frames of a film."""

    kind: Literal["film", "frames", "picture"]
    path: Path


def sort_out(path: Path, *, as_pictures: bool = False) -> list[Work]:
    """What to color for one name: a file, or the content of a folder.

    A folder with films stands for these. Otherwise its pictures are the frames of one film if
    they have one size, and separate pictures if not, or if `as_pictures`. Results of earlier runs
    are left out.

    Raises:
      UnreadableMediaError: a folder without films and pictures.
    """
    if not path.is_dir():
        return [Work("picture" if is_picture(path) else "film", path)]
    films = sorted(_films(path), key=lambda film: natural_key(film.name))
    if films:
        return [Work("film", film) for film in films]
    pictures = [picture for picture in list_pictures(path) if not is_ours(picture)]
    if not pictures:
        raise UnreadableMediaError(f"The folder {path} holds neither films nor pictures.")
    if as_pictures or len(pictures) == 1 or _sizes_differ(pictures):
        return [Work("picture", picture) for picture in pictures]
    return [Work("frames", path)]


def is_ours(path: Path) -> bool:
    """Whether the name is one that we give to results."""
    return path.stem.endswith(_OURS)


def _films(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".")
        named = path.suffix.lower() in _FILM_SUFFIXES and not hidden and not is_ours(path)
        if named and path.is_file():
            yield path


def _sizes_differ(pictures: Sequence[Path]) -> bool:
    """Whether pictures spread over the folder have more than one size; unreadable ones aside."""
    step = max(1, len(pictures) // _SIZES_LOOKED_AT)
    sizes = set()
    for picture in pictures[::step]:
        try:
            sizes.add(read_picture_rgb(picture).shape)
        except UnreadableMediaError:
            continue
    return len(sizes) > 1
