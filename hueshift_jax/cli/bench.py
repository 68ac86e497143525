"""`hueshift bench`: films (`road`), networks (`networks`) and bundled systems (`systems`).

The first two each write their own part of BENCHMARKS.md; the rest of the file stays as it is.
"""

import importlib
import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from hueshift_jax.errors import UsageError

BENCHMARKS = {
    "road": "speed and memory of coloring a film, end to end",
    "networks": "speed of every published network, and of layers beside PyTorch's",
    "systems": "quality and speed of the bundled systems, for `hueshift systems`",
}


def main(argv: Sequence[str]) -> int:
    """Runs a benchmark; returns the exit code.

    Raises:
      UsageError: `argv` does not begin with one.
    """
    name, rest = (argv[0], argv[1:]) if argv else ("", ())
    if name in ("--help", "-h"):
        lines = [f"  {known:<10} {what}" for known, what in BENCHMARKS.items()]
        print("\n".join(["usage: hueshift bench BENCHMARK [options]", "", *lines]))
        return 0
    if name not in BENCHMARKS:
        raise UsageError(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    return importlib.import_module(f"hueshift_jax.cli.bench_{name}").main(list(rest))


def machine(*packages: str) -> str:
    """This machine, the versions of some packages and today's date."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    python = f"Python {platform.python_version()}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {python}, {versions}, {date.today()}"


def write(path: Path, name: str, lines: Sequence[str]) -> None:
    """Prints the part called `name`, and puts it in the file: in its place, or at the end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    part = "\n".join([begin, *lines, end])
    print(part)
    text = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    before, found, rest = text.partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    separator = "" if found else "\n"
    path.write_text(f"{before}{separator}{part}{after}", encoding="utf-8")
