"""Part `speed` of `benchmarks/temporal.py`: `none` and `auto` in turns on a film of 854x480."""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hueshift_jax.cli import bench
from hueshift_jax.cli.bench_road import Run, color
from hueshift_jax.video.color_frames import FILM_SUFFIXES
from hueshift_jax.video.frame import Planes, to_eight_bit
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.writer import Encoding, SegmentWriter, assemble

SIZE = (480, 854)
BAR = 15.0
_WAYS = ("none", "auto")
_SHORT_S = 2.0


def measure(options: argparse.Namespace) -> tuple[dict, list[str], bool]:
    """Numbers, lines of Markdown, and whether `auto` is fast enough."""
    with tempfile.TemporaryDirectory(prefix="hueshift-") as folder:
        film = Path(folder) / "film.mkv"
        clips = write_film(options.clips, film, options.seconds)
        short = Path(folder) / "short.mkv"
        write_film(options.clips, short, _SHORT_S)
        for way in _WAYS:
            turn(short, way)  # compiles
        starts, rounds = {way: turn(short, way) for way in _WAYS}, []
        for number in range(options.rounds):
            rounds.append({way: turn(film, way) for way in _WAYS})
            print(f"round {number}: {_told(rounds[-1], starts)}", file=sys.stderr, flush=True)
    numbers = {
        "machine": bench.machine("jax", "flax", "av"),
        "clips": clips,
        "starts": {way: vars(run) for way, run in starts.items()},
        "rounds": [{way: vars(run) for way, run in one.items()} for one in rounds],
        "load": os.getloadavg(),
    }
    lines = _lines(rounds, starts, clips, options)
    return numbers, lines, _median(rounds, "auto", rate) >= BAR


def write_film(folder: Path, output: Path, seconds: float) -> list[str]:
    """Writes a gray film of the clips of 854x480, each forth and back, over and over.

    So there are neither still pictures nor jumps in it but the cuts between clips.

    Returns:
      The names of the clips.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix in FILM_SUFFIXES)
    infos = [probe(path) for path in paths]
    infos = [info for info in infos if (info.height, info.width) == SIZE]
    if not infos:
        raise SystemExit(f"{folder} holds no film of {SIZE[1]}x{SIZE[0]}")
    first = infos[0]
    step = round(1 / (first.average_rate * first.time_base))
    wanted = round(seconds * first.average_rate)
    neutral = np.full([-(-n // 2) for n in SIZE], 128, np.uint8)
    segment = output.with_suffix(".nut")
    with SegmentWriter(segment, first, Encoding(crf=17, preset="superfast")) as writer:
        for number, luma in enumerate(itertools.islice(_forth_and_back(infos), wanted)):
            writer.write(Planes(number * step, step, luma, neutral, neutral))
    assemble([segment], first, output)
    segment.unlink()
    return [info.path.stem for info in infos]


def _forth_and_back(infos: list) -> Iterator[np.ndarray]:
    for info in itertools.cycle(infos):
        with Reader(info) as reader:
            frames = [to_eight_bit(frame.luma, info.color.bit_depth) for frame in reader]
        yield from (*frames, *frames[-2:0:-1])


def turn(film: Path, way: str) -> Run:
    """Colors the film anew."""
    return color(film, "--temporal", way, "--no-resume", "--overwrite")


def rate(run: Run) -> float:
    """Frames a second, from file to file."""
    return run.finished["frames"] / run.finished["seconds"]


def busy(run: Run, start: Run) -> float:
    """Milliseconds of all processors for a frame; what a short film took is taken off."""
    frames = run.finished["frames"] - start.finished["frames"]
    return 1000.0 * (run.cpu_s - start.cpu_s) / frames


def _median(rounds: list[dict[str, Run]], way: str, figure) -> float:
    return statistics.median(figure(one[way]) for one in rounds)


def _told(one: dict[str, Run], starts: dict[str, Run]) -> str:
    return ", ".join(
        f"{way} {rate(run):.1f} frames/s {busy(run, starts[way]):.0f} ms"
        for way, run in one.items()
    )


def _lines(
    rounds: list[dict[str, Run]],
    starts: dict[str, Run],
    clips: list[str],
    options: argparse.Namespace,
) -> list[str]:
    lines = [
        "## The speed of steady color",
        "",
        f"`python benchmarks/temporal.py speed --clips DIR --rounds {options.rounds} --seconds "
        f"{options.seconds}` on {bench.machine('jax', 'flax', 'av')}. {len(clips)} clips of "
        "854x480, each forth and back and joined by cuts; both ways in turns, from file to file; "
        f"medians, and the fastest round. Processor time is that of a frame more, without the "
        f"program's start. Load while it ran: {os.getloadavg()[1]:.1f} of "
        f"{os.cpu_count()} processors. {options.note}".rstrip(),
        "",
        "| `--temporal` | frames/s | fastest | processor ms a frame | shares | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for way in _WAYS:
        last = rounds[-1][way]
        shares = ", ".join(f"{n} {part:.0%}" for n, part in last.finished["shares"].items())
        spent = statistics.median(busy(one[way], starts[way]) for one in rounds)
        fastest = max(rate(one[way]) for one in rounds)
        lines.append(
            f"| {way} | {_median(rounds, way, rate):.1f} | {fastest:.1f} | "
            f"{spent:.0f} | {shares} | {last.peak_mb:.0f} |"
        )
    ratio = statistics.median(rate(one["auto"]) / rate(one["none"]) for one in rounds)
    verdict = "yes" if _median(rounds, "auto", rate) >= BAR else "**no**"
    lines += ["", f"`auto` against `none`: {ratio:.2f} of its speed. At least {BAR:g} frames/s: "]
    lines[-1] += f"{verdict}."
    return lines
