"""What a film is: how large it is shown, and what tells it from others."""

import hashlib
from typing import Any

from hueshift_jax.video.picture import list_pictures
from hueshift_jax.video.probe import MediaInfo

_ENDS_BYTES = 1 << 20


def display_size(info: MediaInfo) -> tuple[int, int]:
    """(height, width) as shown: pixels made square, upright."""
    height, width = info.height, max(1, round(info.width * info.sample_aspect_ratio))
    return (width, height) if info.rotation % 180 else (height, width)


def identify(info: MediaInfo) -> dict[str, Any]:
    """What tells an input from others, and from itself after a change."""
    if info.kind == "frames":
        names = hashlib.sha256()
        for path in list_pictures(info.path):
            found = path.stat()
            names.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
        return {"frames": names.hexdigest(), "rate": str(info.average_rate)}
    found = info.path.stat()
    ends = hashlib.sha256()
    with open(info.path, "rb") as file:
        ends.update(file.read(_ENDS_BYTES))
        file.seek(max(0, found.st_size - _ENDS_BYTES))
        ends.update(file.read(_ENDS_BYTES))
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "ends": ends.hexdigest()}
