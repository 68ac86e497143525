"""Which container can hold H.264 and the sound that is copied beside it."""

from collections.abc import Iterable
from pathlib import Path

from hueshift_jax.errors import UnsupportedMediaError
from hueshift_jax.video.probe import MediaInfo, StreamInfo

_MP4_AUDIO = ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "flac", "alac", "mp2")
_MOV_AUDIO = ("aac", "mp3", "mp3float", "ac3", "eac3", "alac", "pcm_", "mp2")
_AUDIO = {
    ".mp4": _MP4_AUDIO,
    ".m4v": _MP4_AUDIO,
    ".mov": _MOV_AUDIO,
    ".mkv": ("",),
}
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}


def container_for(info: MediaInfo, output: Path | None) -> tuple[str, str | None]:
    """The suffix of the result, such as ".mp4", and a line to say where it differs from the input.

    Without `output` the input's own container is kept if it can hold the result, and .mp4 or .mkv
    is used otherwise.

    Raises:
      UnsupportedMediaError: `output` names a container that cannot hold H.264 or a sound track.
    """
    if output is not None:
        return _check_named(info, output), None
    own = info.path.suffix.lower() if info.kind == "film" else ""
    misfit = _misfit(own, info.audio) if own in _AUDIO else None
    if own in _AUDIO and misfit is None:
        return own, None
    suffix = ".mp4" if _misfit(".mp4", info.audio) is None else ".mkv"
    return suffix, _reason(info, own, suffix, misfit)


def format_of(output: Path) -> str:
    """The muxer for a result of this name.

    Raises:
      UnsupportedMediaError: the suffix names no container that holds H.264.
    """
    suffix = output.suffix.lower()
    if not suffix:
        raise UnsupportedMediaError(
            f"{output} is no folder that exists, and no film's name without .mp4, .mov or .mkv."
        )
    if suffix not in _FORMATS:
        raise UnsupportedMediaError(
            f"{output.name} names no container for H.264; use .mp4, .mov or .mkv."
        )
    return _FORMATS[suffix]


def _check_named(info: MediaInfo, output: Path) -> str:
    format_of(output)
    suffix = output.suffix.lower()
    misfit = _misfit(suffix, info.audio)
    if misfit is not None:
        raise UnsupportedMediaError(
            f"{suffix} cannot hold the sound track #{misfit.index} ({misfit.codec}) of "
            f"{info.path.name}; use .mkv."
        )
    return suffix


def _misfit(suffix: str, audio: Iterable[StreamInfo]) -> StreamInfo | None:
    """The first sound track that the container cannot hold."""
    for track in audio:
        if not track.codec.startswith(_AUDIO[suffix]):
            return track
    return None


def _reason(info: MediaInfo, own: str, suffix: str, misfit: StreamInfo | None) -> str | None:
    if info.kind != "film":
        return None
    if misfit is not None:
        return f"Writing {suffix}, because {own} cannot hold the sound ({misfit.codec})."
    return f"Writing {suffix}, because {own or 'a name without suffix'} is not written."
