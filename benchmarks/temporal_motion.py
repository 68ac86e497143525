"""Part `motion` of `benchmarks/temporal.py`: what `auto` gains from more exact motion."""

import argparse
import tempfile
import time
from pathlib import Path

from temporal_bars import EXCESS, mean
from temporal_clips import Film, Shots, color, films, together

from hueshift_jax import api
from hueshift_jax.cli import bench
from hueshift_jax.pipeline.film import ColorizeOptions

WAYS = {
    "none": ColorizeOptions(temporal="none"),
    "fast": ColorizeOptions(motion="fast"),
    "medium": ColorizeOptions(motion="medium"),
    "network": ColorizeOptions(motion="network"),
}
_TITLES = {
    "none": "`--temporal none`",
    "fast": "DIS fast",
    "medium": "DIS medium",
    "network": "FastFlowNet, then DIS medium",
}
_CLOSING = (
    "`auto` follows with the search that is cheapest, as long as the others gain it nothing that "
    "shows."
)
_FIGURES = {
    EXCESS: ".3f",
    "flicker": ".3f",
    "cdc_ratio": ".2f",
    "psnr": ".3f",
    "ciede2000": ".3f",
    "colorfulness": ".2f",
}


def measure(options: argparse.Namespace) -> tuple[dict, list[str], bool]:
    """Numbers and lines of Markdown; there is no bar to be missed."""
    found, colorizer = films(options), api.choose()
    _ = colorizer.network
    scores, spent, frames = {}, dict.fromkeys(WAYS, 0.0), 0
    for film in found:
        scores[film.name], times = _scored(film, colorizer)
        spent = {way: spent[way] + times[way] for way in WAYS}
        frames += film.frames
        print(film.name, {way: round(times[way] / film.frames * 1e3) for way in WAYS}, flush=True)
    means = {way: mean(scores, way, list(scores)) for way in WAYS}
    processor_ms = {way: 1e3 * spent[way] / frames for way in WAYS}
    numbers = {"films": scores, "means": means, "processor_ms": processor_ms}
    lines = [*_head(options, found), "", *_table(means, processor_ms), "", _CLOSING]
    return numbers, lines, True


def _scored(film: Film, colorizer) -> tuple[dict, dict[str, float]]:
    shots, times = Shots(list(WAYS), film.starts), {}
    with tempfile.TemporaryDirectory(prefix="hueshift-") as folder:
        results = {way: Path(folder) / f"{way}.mkv" for way in WAYS}
        for way, path in results.items():
            begin = time.process_time()
            color(film, path, colorizer, WAYS[way])
            times[way] = time.process_time() - begin
        for truth, shown in together(film, results):
            shots.add(truth, shown)
    return {way: shots.compute(way) for way in WAYS}, times


def _head(options: argparse.Namespace, found: list[Film]) -> list[str]:
    limit = f" --frames {options.frames}" if options.frames else ""
    machine = bench.machine("jax", "av", "opencv-python-headless")
    return [
        "## What steady color gains from exact motion",
        "",
        f"`python benchmarks/temporal.py motion --clips DIR{limit}` on {machine}. Means over "
        f'{len(found)} films; figures as under "Steady color". Processor time a frame is that of '
        "the whole program, without reading the weights.",
    ]


def _table(means: dict, processor_ms: dict[str, float]) -> list[str]:
    titles = ["flow error above the truth's", "flicker", "CDC / truth's", "PSNR dB", "CIEDE2000"]
    titles += ["colorfulness", "processor ms a frame"]
    lines = [f"| motion | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for way, title in _TITLES.items():
        cells = [format(means[way][name], form) for name, form in _FIGURES.items()]
        lines.append(f"| {title} | {' | '.join(cells)} | {processor_ms[way]:.0f} |")
    return lines
