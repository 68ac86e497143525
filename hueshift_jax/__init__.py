"""Color for black-and-white film: HueShift and its relatives in JAX and Flax NNX.

`load` makes a colorizer, `colorize_image` and `colorize_video` use one. Nothing heavy is imported
before one of these names is asked for.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "load": "hueshift_jax.api",
    "colorize_image": "hueshift_jax.api",
    "colorize_video": "hueshift_jax.api",
    "HueShiftError": "hueshift_jax.errors",
    "ConfigError": "hueshift_jax.errors",
    "MediaError": "hueshift_jax.errors",
    "CheckpointError": "hueshift_jax.errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
