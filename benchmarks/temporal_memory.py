"""Part `memory` of `benchmarks/temporal.py`: what a long film takes while it is colored."""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from temporal_speed import write_film

from hueshift_jax.cli import bench

_EVERY_S = 1.0
_ROWS = 10
BAR = 1.05
"""The second half's peak may be so many times the first half's."""
_PAGE = 4096
_START = "import sys; from hueshift_jax.cli.run import main; sys.exit(main())"


def measure(options: argparse.Namespace) -> tuple[dict, list[str], bool]:
    """Numbers, lines of Markdown, and whether memory stays as it is."""
    if not Path("/proc/self/statm").exists():
        raise SystemExit("the memory of another process is only read on Linux")
    with tempfile.TemporaryDirectory(prefix="hueshift-") as folder:
        film = Path(folder) / "film.mkv"
        write_film(options.clips, film, 60.0 * options.minutes)
        samples = watch(film)
    growth = grown(samples)
    numbers = {
        "machine": bench.machine("jax", "flax", "av"),
        "minutes": options.minutes,
        "mb": samples,
        "every_s": _EVERY_S,
        "growth": growth,
    }
    return numbers, _lines(samples, growth, options), growth <= BAR


def watch(film: Path) -> list[float]:
    """Memory in MB, every second, of a process that colors the film.

    Raises:
      SystemExit: it failed.
    """
    words = ("colorize", "--video", str(film), "--quiet", "--no-resume", "--overwrite")
    process = subprocess.Popen([sys.executable, "-c", _START, *words])
    statm, samples = Path(f"/proc/{process.pid}/statm"), []
    while process.poll() is None:
        pages = statm.read_text().split()
        if len(pages) > 1:
            samples.append(int(pages[1]) * _PAGE / 1e6)
        time.sleep(_EVERY_S)
    if process.returncode:
        raise SystemExit(f"coloring failed with code {process.returncode}")
    return samples


def grown(samples: Sequence[float]) -> float:
    """How many times the peak of the first half that of the second is."""
    half = len(samples) // 2
    return max(samples[half:]) / max(samples[:half])


def peaks(samples: Sequence[float], parts: int = _ROWS) -> list[float]:
    """The peaks of so many equal parts of the run."""
    ends = [round(len(samples) * part / parts) for part in range(parts + 1)]
    return [max(samples[a:b], default=0.0) for a, b in itertools.pairwise(ends)]


def _lines(samples: Sequence[float], growth: float, options: argparse.Namespace) -> list[str]:
    found = " | ".join(f"{peak:.0f}" for peak in peaks(samples))
    return [
        "## The memory of steady color",
        "",
        f"`python benchmarks/temporal.py memory --clips DIR --minutes {options.minutes:g}` on "
        f"{bench.machine('jax', 'flax', 'av')}. {options.minutes:g} minutes of 854x480 in "
        f"`--temporal auto`, {len(samples) * _EVERY_S:.0f} s; resident memory every second, and "
        f"the peaks of the ten parts of the run in MB. {options.note}".rstrip(),
        "",
        f"| {' | '.join(f'{100 * n // _ROWS} %' for n in range(1, _ROWS + 1))} |",
        "|---" * _ROWS + "|",
        f"| {found} |",
        "",
        f"The second half's peak is {growth:.2f} times the first half's (at most {BAR:g}): "
        + ("constant." if growth <= BAR else "**it grows**."),
    ]
