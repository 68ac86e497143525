"""The reference of resizing: sizes and manners are read from the names of its arrays."""

import functools
import re
from collections.abc import Callable

import jax
import jax.numpy as jnp

from hueshift_jax.errors import ParityError
from hueshift_jax.ops import resample
from hueshift_jax.parity.case import Case, nchw, nhwc

_NAME = re.compile(r"((?:cv2|pil)_)?([a-z]+)_(?:(\d+)x(\d+)|scale(\d+))(?:_(ac0|ac1|aa))?")
_PYTORCH = {
    "bilinear": resample.resize_bilinear,
    "bicubic": resample.resize_bicubic,
    "nearest": resample.resize_nearest,
    "area": resample.adaptive_average_pool,
}
_OTHERS = {
    "cv2_linear": resample.resize_bilinear,
    "cv2_cubic": resample.resize_bicubic,
    "cv2_nearest": resample.resize_nearest,
    "cv2_area": resample.resize_area,
    "pil_bilinear": functools.partial(resample.resize_bilinear, antialias=True),
    "pil_bicubic": functools.partial(resample.resize_bicubic, antialias=True),
    "pil_lanczos": resample.resize_lanczos,
}
_MANNERS = {"ac1": {"align_corners": True}, "aa": {"antialias": True}}


def _resizer(match: re.Match, source: tuple[int, int]) -> Callable[[jax.Array], jax.Array]:
    """What the array named so was made with."""
    library, mode, height, width, scale, manner = match.groups()
    factor = int(scale or 1)
    size = (source[0] * factor, source[1] * factor) if scale else (int(height), int(width))
    resize = _OTHERS.get(library + mode) if library else _PYTORCH.get(mode)
    if resize is None:
        raise ParityError(f"no way of resizing is known for {match[0]!r}")
    return functools.partial(resize, size=size, **_MANNERS.get(manner, {}))


def compare_resize(case: Case) -> None:
    """Every array, by its name: `bicubic_13x17_aa`, `cv2_area_48x62`, `bilinear_scale2_ac1`."""
    x = jnp.asarray(nhwc(case.draw("x")))
    names = [name for name in case.arrays if name != "x"]
    resizers = {}
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            raise ParityError(f"the array {name!r} of {case.name} names no way of resizing")
        resizers[name] = _resizer(match, x.shape[1:3])
    found = jax.jit(lambda x: {name: resize(x) for name, resize in resizers.items()})(x)
    for name in names:
        case.compare(name, nchw(found[name]))


RUNNERS = {"resize": compare_resize}
