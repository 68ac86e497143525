"""Which color a film's code values mean: its tags where it has them, players' guesses elsewhere."""

import av

from hueshift_jax.video.frame import ColorSpec, Matrix, Siting

UNSPECIFIED = 2
_SD_HEIGHT = 576
_BT709 = 1
_SRGB = 13
_FULL = 2
_LIMITED = 1
_MATRIX_OF_TAG: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    9: "bt2020",
    10: "bt2020",
}
_TRANSFER: dict[Matrix, int] = {"bt601": 6, "bt709": 1, "bt2020": 14}
_CENTERED_CODECS = ("mpeg1video", "mjpeg", "mjpegb", "jpeg2000", "jpegls")
_LIMITED_GRAY_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "libaom", "mpeg", "vvc")
_RGB_PREFIXES = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2", "xyz", "bayer")


def is_rgb(pix_fmt: str) -> bool:
    """Whether a pixel format holds no luma plane, so that luma has to be computed from RGB."""
    return pix_fmt.startswith(_RGB_PREFIXES)


def guess_color(context: av.VideoCodecContext, frame: av.VideoFrame) -> ColorSpec:
    """The color of a film, from its first frame's tags, then the stream's, then its size."""
    height, name = frame.height, frame.format.name
    tag = _tag(frame.colorspace, context.colorspace)
    matrix = _MATRIX_OF_TAG.get(tag) or _guess_matrix(height)
    sd_tag = _sd_tag(height)
    tags = {
        "matrix": tag if tag in (1, 5, 6, 9) else 0,
        "primaries": _tag(frame.color_primaries, context.color_primaries),
        "transfer": _tag(frame.color_trc, context.color_trc),
    }
    guesses = _default_tags(matrix, sd_tag)
    full_range, range_guessed = _range(context, frame)
    guessed = [key for key, value in tags.items() if not value]
    return ColorSpec(
        matrix=matrix,
        full_range=full_range,
        primaries=tags["primaries"] or guesses["primaries"],
        transfer=tags["transfer"] or guesses["transfer"],
        matrix_tag=tags["matrix"] or guesses["matrix"],
        bit_depth=luma_depth(name, frame.format.components[0].bits),
        siting=_siting(context.name, matrix),
        guessed=tuple(guessed + ["range"] * range_guessed),
    )


def picture_color(height: int) -> ColorSpec:
    """The color in which sRGB pictures of this height are handled and encoded: full range."""
    matrix = _guess_matrix(height)
    return ColorSpec(
        matrix=matrix,
        full_range=True,
        primaries=_BT709,
        transfer=_SRGB,
        matrix_tag=_default_tags(matrix, _sd_tag(height))["matrix"],
        bit_depth=8,
        siting="left",
        guessed=("matrix", "primaries", "transfer"),
    )


def luma_depth(pix_fmt: str, bits: int) -> int:
    """Bits of the luma we hand over: RGB is reduced to 8, 14- and 16-bit luma to 12."""
    if is_rgb(pix_fmt) or bits < 8:
        return 8
    return min(bits, 12)


def _guess_matrix(height: int) -> Matrix:
    return "bt601" if height <= _SD_HEIGHT else "bt709"


def _sd_tag(height: int) -> int:
    """BT.601 is tagged 5 for 625-line material and 6 for the rest; the arithmetic is the same."""
    return 5 if height in (576, 288) else 6


def _default_tags(matrix: Matrix, sd_tag: int) -> dict[str, int]:
    tag = {"bt601": sd_tag, "bt709": 1, "bt2020": 9}[matrix]
    return {"matrix": tag, "primaries": tag, "transfer": _TRANSFER[matrix]}


def _tag(*values: int) -> int:
    """The first code point that says something; 0, reserved or identity in H.273, if none does."""
    for value in values:
        if value not in (0, UNSPECIFIED, None):
            return int(value)
    return 0


def _range(context: av.VideoCodecContext, frame: av.VideoFrame) -> tuple[bool, bool]:
    """(full range, whether that is a guess)."""
    name = frame.format.name
    if is_rgb(name) or name.startswith(("yuvj", "mono")):
        return True, False
    for value in (frame.color_range, context.color_range):
        if value in (_FULL, _LIMITED):
            return value == _FULL, False
    if name.startswith(("gray", "ya")):
        return not context.name.startswith(_LIMITED_GRAY_CODECS), True
    return context.name in ("mjpeg", "mjpegb"), True


def _siting(codec: str, matrix: Matrix) -> Siting:
    if codec in _CENTERED_CODECS:
        return "center"
    return "topleft" if matrix == "bt2020" else "left"
