"""Where a result goes, and whether it may."""

import os
from pathlib import Path

from hueshift_jax.errors import UnwritableMediaError, UsageError
from hueshift_jax.pipeline import events
from hueshift_jax.video.probe import MediaInfo
from hueshift_jax.video.writer import container_for


def target(info: MediaInfo, output: str | Path | None, tell: events.Listener) -> Path:
    """The result's name: as given, inside a given folder, or beside the input.

    Where the container has to be another than the input's, the reason is told.

    Raises:
      UnsupportedMediaError: the name's container cannot hold the streams.
    """
    if output is not None and not Path(output).is_dir():
        container_for(info, Path(output))
        return Path(output)
    suffix, reason = container_for(info, None)
    if reason is not None:
        tell(events.Note(reason))
    stem = info.path.stem if info.kind == "film" else info.path.resolve().name
    folder = info.path.parent if output is None else Path(output)
    if output is None and info.kind == "frames":
        folder = info.path.resolve().parent
    return folder / f"{stem}.color{suffix}"


def check_target(source: Path, output: Path, *, may_exist: bool) -> None:
    """Refuses a result that cannot, or must not, be written.

    Raises:
      UsageError: it is the input itself, or exists and must not be replaced.
      UnwritableMediaError: its folder does not exist, or it is a folder.
    """
    if not output.parent.is_dir():
        raise UnwritableMediaError(f"The folder {output.parent} for the result does not exist.")
    if output.is_dir():
        raise UnwritableMediaError(f"{output} is a folder; name a file for the result.")
    if output.exists() and os.path.samefile(source, output):
        raise UsageError(f"{output} is the input itself; name another file for the result.")
    if output.exists() and not may_exist:
        raise UsageError(f"{output} exists already; add --overwrite to replace it.")
