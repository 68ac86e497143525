"""Which function compares which reference file."""

import importlib
from collections.abc import Callable
from pathlib import Path

from hueshift_jax.parity.case import Case

ROOMS = (
    "color",
    "hueshift_gan",
    "resize",
    "metrics",
    "vgg",
    "scgan",
    "pfan",
    "preprocess",
    "hueshift_diffusion",
    "dlvc",
    "fast_flow_net",
    "pwc_net",
    "raft",
    "flowchroma",
    "three_frame",
    "atlas",
    "deflicker",
    "keyframes",
    "tcvc",
    "colorization_net",
    "dynamic_unet",
)
"""Modules of this package; each has a `RUNNERS`: name of the reference -> function of a `Case`."""


def runners() -> dict[str, Callable[[Case], None]]:
    """Every runner by the name of its reference file."""
    found: dict[str, Callable[[Case], None]] = {}
    for room in ROOMS:
        found |= importlib.import_module(f"hueshift_jax.parity.{room}").RUNNERS
    return found


def reference_of(path: Path, key: str, names: list[str]) -> str | None:
    """The reference that a file belongs to, None if to none.

    A file that bears no reference's name belongs to the longest that its name or key begins with.
    """
    if path.stem in names:
        return path.stem
    fitting = [name for name in names if path.stem.startswith(name) or key.startswith(name)]
    return max(fitting, key=len, default=None)
