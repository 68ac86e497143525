"""`hueshift doctor`: what is installed, which device is used and why, where files can go."""

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import hueshift_jax

PACKAGES = (
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "grain",
    "numpy",
    "opencv-python-headless",
    "av",
    "safetensors",
)
Row = tuple[str, str]


def main(argv: Sequence[str]) -> int:
    """Prints the report; 1 if something that coloring a film needs is not there."""
    parser = argparse.ArgumentParser(prog="hueshift doctor", description=__doc__)
    parser.parse_args(argv)
    rows = [*_versions(), *_devices(), *_folders()]
    width = max(len(label) for label, _ in rows)
    print("\n".join(f"{label:<{width}}  {text}" for label, text in rows))
    return int(any(text.startswith("MISSING") for _, text in rows))


def _versions() -> Iterator[Row]:
    yield "hueshift", hueshift_jax.__version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", f"{platform.platform()}, {os.cpu_count()} cores"
    for name in PACKAGES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "MISSING: install the package again"


def _devices() -> Iterator[Row]:
    import jax

    found = jax.devices()
    kinds = sorted({device.device_kind for device in found})
    yield "devices", f"{len(found)} x {found[0].platform} ({', '.join(kinds)})"
    yield "used", f"{found[0]}, because {_reason(found[0].platform, jax.config.jax_platforms)}"


def _reason(used: str, asked: str | None) -> str:
    if asked:
        return f"JAX_PLATFORMS is {asked}"
    if used == "cpu":
        return "JAX found no accelerator that its installation supports"
    return "JAX prefers an accelerator to the processor"


def _folders() -> Iterator[Row]:
    yield "this folder", _writable(Path.cwd())
    yield "temporary", _writable(Path(tempfile.gettempdir()))


def _writable(folder: Path) -> str:
    """The folder, and whether it, or the nearest parent that exists, can be written."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    can = os.access(nearest, os.W_OK | os.X_OK)
    return f"{folder} ({'writable' if can else 'NOT writable'})"
