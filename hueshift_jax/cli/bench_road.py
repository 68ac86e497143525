"""`hueshift bench road`: how fast, how large and how soon, on this machine.

Colors a panning 854x480 clip in processes of its own and writes the figures into BENCHMARKS.md:
frames per second end to end (`--temporal none`, after a first run that compiles) with the shares
of decoding, network, composition and encoding; peak memory for a short and a ten times longer
film; the wall time of a second start on two seconds; and a changed `--saturation` against the
first run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hueshift_jax.cli import bench
from hueshift_jax.errors import UsageError

_PHOTOGRAPH_FRAMES = 6
"""Frames that one second of the panning clip spends on each of its four photographs."""
_SPEED_S = 40
"""Length of the clip whose speed is measured."""
_START = "import sys; from hueshift_jax.cli.run import main; sys.exit(main())"


@dataclass(frozen=True)
class Run:
    """One finished `hueshift colorize`: what it said last, wall and processor seconds, peak MB."""

    finished: dict
    wall_s: float
    cpu_s: float
    peak_mb: float


def main(argv: list[str]) -> int:
    """Runs the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="hueshift bench road",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clip", type=Path, help="a film to use in place of the panning one")
    parser.add_argument("--seconds", type=int, nargs=2, default=(20, 200), metavar=("A", "B"))
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--output", type=Path, default=Path("BENCHMARKS.md"))
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        rows = _road(options, Path(folder))
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    made_by = f"`hueshift bench road` on {bench.machine('jax', 'flax', 'av')}."
    bench.write(
        options.output, "road", ["## The road", "", made_by, "", "| | |", "|---|---|", *lines]
    )
    return 0


def _road(options: argparse.Namespace, folder: Path) -> list[tuple[str, str]]:
    from hueshift_jax.cli import demo

    short_s, long_s = options.seconds
    films = {}
    for seconds in (2, _SPEED_S, short_s, long_s):
        films[seconds] = folder / f"film-{seconds}.mp4"
        if options.clip:
            _repeat(options.clip, films[seconds], seconds)
        else:
            demo.write_pan(films[seconds], 480, 854, frames_each=seconds * _PHOTOGRAPH_FRAMES)
    color(films[2], "--no-resume")  # compiles
    rows = _start_rows(films[2], options.repeat)
    rows += _speed_rows(films[_SPEED_S], options.repeat)
    return rows + _memory_rows(films[short_s], films[long_s], options.seconds)


def _start_rows(film: Path, repeat: int) -> list[tuple[str, str]]:
    walls = [color(film, "--no-resume", "--overwrite").wall_s for _ in range(repeat)]
    return [("second start, 2 s clip, wall", f"{statistics.median(walls):.1f} s")]


def _speed_rows(film: Path, repeat: int) -> list[tuple[str, str]]:
    rates, ratios, recolored = [], [], []
    for number in range(repeat):
        first = color(film, "--temporal", "none", "--no-resume", "--overwrite")
        again = ("--temporal", "none", "--saturation", f"{1.1 + 0.1 * number:.1f}")
        second = color(film, *again)
        rates.append(first.finished["frames"] / first.finished["seconds"])
        recolored.append(second.wall_s)
        ratios.append(first.wall_s / second.wall_s)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in first.finished["shares"].items())
    return [
        (
            f"{_SPEED_S} s of 854x480, --temporal none, end to end",
            f"{statistics.median(rates):.1f} frames/s",
        ),
        ("shares of the work", shares),
        (
            "changed --saturation on the finished journal",
            f"{statistics.median(recolored):.1f} s, {statistics.median(ratios):.1f}x faster",
        ),
    ]


def speed(system: str, *, seconds: int = _SPEED_S, repeat: int = 3) -> float:
    """Frames of 854x480 that a system colors in a second, from file to file; the median."""
    from hueshift_jax.cli import demo

    chosen, rates = ("--temporal", "none", "--no-resume", "--overwrite", "--system", system), []
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        demo.write_pan(film, 480, 854, frames_each=seconds * _PHOTOGRAPH_FRAMES)
        for _ in range(repeat + 1):  # The first one compiles.
            finished = color(film, *chosen).finished
            rates.append(finished["frames"] / finished["seconds"])
    return statistics.median(rates[1:])


def _memory_rows(short: Path, long: Path, seconds) -> list[tuple[str, str]]:
    peaks = [color(film, "--no-resume", "--overwrite").peak_mb for film in (short, long)]
    return [
        (f"peak memory, {seconds[0]} s film", f"{peaks[0]:.0f} MB"),
        (f"peak memory, {seconds[1]} s film", f"{peaks[1]:.0f} MB ({peaks[1] / peaks[0]:.2f}x)"),
    ]


def color(film: Path, *options: str) -> Run:
    """Runs the command in a process of its own.

    Raises:
      UsageError: it failed; its own words are in the message.
    """
    command = [sys.executable, "-c", _START, "colorize", "--video", str(film), "--json", *options]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, said = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode != 0:
        raise UsageError(f"the benchmark's own run failed: {said.strip() or out[-300:]}")
    finished = json.loads(out.strip().splitlines()[-1])
    unit = 1e6 if sys.platform == "darwin" else 1e3
    cpu = usage.ru_utime + usage.ru_stime
    return Run(finished, wall, cpu, usage.ru_maxrss / unit)


def _repeat(clip: Path, output: Path, seconds: int) -> None:
    """Writes the clip again and again until so many seconds are full."""
    import numpy as np

    from hueshift_jax.video.frame import Planes, to_eight_bit
    from hueshift_jax.video.probe import probe
    from hueshift_jax.video.reader import Reader
    from hueshift_jax.video.writer import Encoding, SegmentWriter, assemble

    info = probe(clip)
    wanted = round(seconds * info.average_rate)
    step = round(1 / (info.average_rate * info.time_base))
    segment, count = output.with_suffix(".nut"), 0
    with SegmentWriter(segment, info, Encoding(crf=20)) as writer:
        while count < wanted:
            with Reader(info) as reader:
                for frame in reader:
                    luma = to_eight_bit(frame.luma, info.color.bit_depth)
                    shape = tuple(-(-n // 2) for n in luma.shape)
                    neutral = np.full(shape, 128, np.uint8)
                    if count < wanted:
                        writer.write(Planes(count * step, step, luma, neutral, neutral))
                    count += 1
    assemble([segment], info, output, end_s=float(seconds))
    segment.unlink()
