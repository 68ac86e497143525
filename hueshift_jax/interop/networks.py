"""Every published network by its name."""

import difflib
import importlib

from hueshift_jax.errors import ConversionError
from hueshift_jax.interop.published import Published

ROOMS = (
    "hueshift_gan",
    "vgg",
    "scgan",
    "pfan",
    "hueshift_diffusion",
    "dlvc",
    "fast_flow_net",
    "pwc_net",
    "raft",
    "flowchroma",
    "inception",
    "squeezenet",
    "efficientnet_lite",
    "three_frame",
    "atlas",
    "deflicker",
    "resnet",
    "colorization_net",
    "dynamic_unet",
    "tcvc",
)
"""Modules of this package that have a tuple `NETWORKS`."""


def networks() -> dict[str, Published]:
    """All of them, in the order of `ROOMS`."""
    found = (importlib.import_module(f"hueshift_jax.interop.{room}").NETWORKS for room in ROOMS)
    return {network.name: network for group in found for network in group}


def network(name: str) -> Published:
    """The network called `name`.

    Raises:
      ConversionError: none is; the nearest names are suggested.
    """
    known = networks()
    if name not in known:
        close = difflib.get_close_matches(name, known, 3) or sorted(known)
        raise ConversionError(f"there is no network {name!r}; did you mean {', '.join(close)}?")
    return known[name]
