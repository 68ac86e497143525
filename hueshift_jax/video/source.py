"""Opening a file that nobody vouches for.

A playlist can make the demuxer read other files or the network, so names and first bytes are
looked at before the library sees them, and the library may use local files and film formats only.
"""

import os
import re
from pathlib import Path

import av

from hueshift_jax.errors import MediaError, UnreadableMediaError, UnsupportedMediaError

# Messages sent to Python need the interpreter's lock, for which a decoding thread would wait for
# ever while the interpreter, closing the decoder, waits for that thread.
av.logging.set_level(None)

_PLAYLIST_SUFFIXES = frozenset(
    [
        ".m3u8",
        ".m3u",
        ".pls",
        ".xspf",
        ".sdp",
        ".ffconcat",
        ".mpd",
        ".asx",
        ".ism",
        ".avs",
        ".vpy",
        ".f4m",
        ".strm",
    ]
)
_PLAYLIST_HEADS = re.compile(
    rb"\s*(#EXTM3U|ffconcat\s|v=0\s|\[playlist\]|<asx|(<\?xml[^>]*>\s*)?<(MPD|playlist|manifest))",
    re.IGNORECASE,
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/")
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,h264,hevc,obu,av1,ivf,flv,"
    "live_flv,ogg,asf,nut,mxf,dv,gif,apng,yuv4mpegpipe,rm,gxf,wtv,nsv,vob,h263,h261,dirac,mjpeg,vc1,"
    "vc1test,film_cpk,fli,roq,smk,swf,bink,4xm,idcin,viv,mpjpeg,cavsvideo,mp3,wav,flac,aac,ac3,aiff,w64,au"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}


FOREIGN_ERRORS = (av.FFmpegError, OSError, ValueError, LookupError, OverflowError)
"""What the library raises on damaged files; lookups fail where damage invents new streams."""


def check_source(path: Path) -> None:
    """Looks at a file's name, kind, size and first bytes.

    Raises:
      UnreadableMediaError: missing, empty, or not permitted.
      UnsupportedMediaError: an address, a playlist, or a device.
    """
    if _URL.match(str(path)):
        address = re.sub(":/+", "://", str(path), count=1)  # a path has lost the second slash
        raise UnsupportedMediaError(
            f"{address} is an address; download the film and name the file."
        )
    if path.suffix.lower() in _PLAYLIST_SUFFIXES:
        raise _playlist(path)
    if not path.exists():
        raise UnreadableMediaError(f"{path} does not exist.")
    if not path.is_file():
        raise UnsupportedMediaError(f"{path} is neither a file nor a folder of pictures.")
    head = _read_head(path)
    if not head:
        raise UnreadableMediaError(f"{path} is empty (0 bytes).")
    if _PLAYLIST_HEADS.match(head):
        raise _playlist(path)


def _playlist(path: Path) -> UnsupportedMediaError:
    return UnsupportedMediaError(
        f"{path} is a playlist, which could name any other file; name the film itself."
    )


def _read_head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1024)
    except OSError as error:
        raise UnreadableMediaError(f"{path} cannot be read: {error.strerror}.") from error


def open_source(path: Path) -> av.container.InputContainer:
    """Opens a checked file with local files and film formats allowed only.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: as `check_source`, or no film format fits.
    """
    check_source(path)
    try:
        return av.open(os.path.abspath(path), options=_OPTIONS, metadata_errors="replace")
    except FOREIGN_ERRORS as error:
        raise translate_read(path, error) from error


def translate_read(path: Path, error: Exception) -> MediaError:
    """What a failure of the demuxer or decoder means to the person who named `path`."""
    if isinstance(error, PermissionError):
        return UnreadableMediaError(f"{path} cannot be read: permission denied.")
    return UnreadableMediaError(
        f"{path} is not a film that can be read, or the file is incomplete or damaged."
    )
