"""Which results belong to which truths: pictures, films, folders of frames, folders of those."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hueshift_jax.errors import EvaluationError, MediaError
from hueshift_jax.video.color_frames import FILM_SUFFIXES, every_frame
from hueshift_jax.video.picture import is_picture, list_pictures, natural_key, read_picture_rgb

_OURS = ".color"
_NAMED = 5
_LEFT_OUT = (".side-by-side", ".hueshift")


@dataclass(frozen=True)
class Clip:
    """What is measured as one: a film, or pictures that are its frames in this order.

    film: None where there are pictures.
    """

    name: str
    path: Path
    film: Path | None = None
    pictures: tuple[Path, ...] = ()

    def frames(self) -> Iterator[np.ndarray]:
        """Its frames, rgb_u8 (h, w, 3).

        Raises:
          EvaluationError: one of them cannot be read.
        """
        try:
            if self.film is not None:
                yield from every_frame(self.film)
            else:
                yield from map(read_picture_rgb, self.pictures)
        except MediaError as error:
            raise EvaluationError(str(error)) from error


def find(path: Path, *, as_pictures: bool = False) -> dict[str, Clip]:
    """The clips at `path`, by names without suffix, in the order a person counts.

    A folder of nothing but pictures is one clip, called ""; beside films or folders each picture
    is a clip of one frame. Hidden files, stored progress and films side by side are left out, and
    the `.color` in the names of our results is not part of the name.

    as_pictures: every picture is a clip by itself.

    Raises:
      EvaluationError: nothing there, or two clips of one name.
    """
    if not path.exists():
        raise EvaluationError(f"{path} does not exist.")
    if not path.is_dir():
        return {"": _of_file("", path)}
    clips: dict[str, Clip] = {}
    for clip in _in_folder(path, "", as_pictures):
        if clip.name in clips:
            raise EvaluationError(f"{clips[clip.name].path} and {clip.path} have the same name.")
        clips[clip.name] = clip
    if not clips:
        raise EvaluationError(f"The folder {path} holds no pictures and no films.")
    return clips


def _of_file(name: str, path: Path) -> Clip:
    return Clip(name, path, pictures=(path,)) if is_picture(path) else Clip(name, path, film=path)


def _in_folder(folder: Path, prefix: str, as_pictures: bool) -> Iterator[Clip]:
    entries = [p for p in folder.iterdir() if not p.name.startswith(".")]
    entries = [p for p in entries if not p.name.endswith(_LEFT_OUT)]
    folders = sorted((p for p in entries if p.is_dir()), key=_order)
    films = sorted((p for p in entries if p.suffix.lower() in FILM_SUFFIXES), key=_order)
    films = [film for film in films if not film.stem.endswith(_LEFT_OUT)]
    pictures = list_pictures(folder)
    if pictures and not (as_pictures or films or folders):
        yield Clip(prefix.rstrip("/"), folder, pictures=tuple(pictures))
        return
    for path in (*films, *pictures):
        yield _of_file(prefix + stem(path), path)
    for inner in folders:
        yield from _in_folder(inner, f"{prefix}{inner.name}/", as_pictures)


def _order(path: Path) -> tuple:
    return natural_key(path.name)


def stem(path: Path) -> str:
    """The name by which a result and its truth are found to be the same."""
    return path.stem.removesuffix(_OURS)


@dataclass(frozen=True)
class Pair:
    """A truth and what is measured by it, by the name of what made it."""

    name: str
    truth: Clip
    results: dict[str, Clip]


def pair(truth: Path, results: dict[str, Path], *, as_pictures: bool = False) -> list[Pair]:
    """Truths with the results of the same names; a single one goes with a single one.

    results: files or folders, by the name of what made them.

    Raises:
      EvaluationError: some have no counterpart; or pictures that are the frames of one clip differ
        in number or names.
    """
    truths = find(truth, as_pictures=as_pictures)
    found = {name: find(path, as_pictures=as_pictures) for name, path in results.items()}
    for name, clips in found.items():
        if len(clips) == len(truths) == 1:
            clips = found[name] = dict(zip(truths, clips.values(), strict=True))
        _require_same(truths, clips, truth, results[name])
        for key in truths:
            _require_frames(truths[key], clips[key])
    return [
        Pair(key or stem(clip.path), clip, {name: clips[key] for name, clips in found.items()})
        for key, clip in truths.items()
    ]


def _require_same(
    truths: dict[str, Clip], results: dict[str, Clip], truth: Path, result: Path
) -> None:
    for missing, here, there in (
        ([n for n in truths if n not in results], result, truth),
        ([n for n in results if n not in truths], truth, result),
    ):
        if missing:
            names = _listed([name or "the folder's own pictures" for name in missing])
            raise EvaluationError(f"{here} has no counterpart of {names} in {there}.")


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _require_frames(truth: Clip, result: Clip) -> None:
    """Pictures of one clip belong together by name; of quite other names, by their order."""
    if truth.film or result.film:
        return
    ours, theirs = ([stem(p) for p in clip.pictures] for clip in (result, truth))
    if len(ours) != len(theirs):
        lengths = f"{result.path} has {len(ours)} frames and {truth.path} has {len(theirs)}"
        odd = sorted(set(ours) ^ set(theirs), key=natural_key)
        raise EvaluationError(f"{lengths}; only one of them has {_listed(odd)}.")
    if ours != theirs and set(ours) & set(theirs):
        odd = sorted(set(ours) ^ set(theirs), key=natural_key)
        raise EvaluationError(
            f"{result.path} and {truth.path} name their frames differently: {_listed(odd)}."
        )
