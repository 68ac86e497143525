"""Part `figures` of `benchmarks/temporal.py`: what `auto` does to every film, beside `none`."""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from temporal_bars import film_table, table, verdicts
from temporal_clips import Film, Shots, color, films, together

from hueshift_jax import api
from hueshift_jax.cli import bench
from hueshift_jax.ops import dis_flow
from hueshift_jax.pipeline.film import ColorizeOptions
from hueshift_jax.video.picture import write_picture

WAYS = ("none", "auto")
_SHEET_ROWS = 6
_SHEET_WIDTH = 420


def measure(options: argparse.Namespace) -> tuple[dict, list[str], bool]:
    """Numbers, lines of Markdown, and whether all bars are met."""
    found, colorizer = films(options), api.choose()
    scores, lengths, curves = {}, {}, {}
    for film in found:
        begin = time.perf_counter()
        shots = _scored(film, colorizer, options.sheets)
        scores[film.name] = {way: shots.compute(way) for way in WAYS}
        curves[film.name] = shots.curves
        lengths[film.name] = _length(film)
        print(f"{film_table(scores, lengths)[-1]} {time.perf_counter() - begin:.0f} s", flush=True)
    judged = verdicts(scores)
    numbers = {
        "machine": bench.machine("jax", "av", "opencv-python-headless"),
        "verdicts": [vars(verdict) for verdict in judged],
        "films": scores,
        "frames": curves,
    }
    lines = [*_head(options), "", *table(judged), "", *film_table(scores, lengths)]
    return numbers, lines, all(verdict.met is not False for verdict in judged)


def _scored(film: Film, colorizer, sheets: Path | None) -> Shots:
    shots, picked = Shots(WAYS, film.starts), []
    wanted = set(np.linspace(0, film.frames - 1, _SHEET_ROWS).round().astype(int))
    with tempfile.TemporaryDirectory(prefix="hueshift-") as folder:
        results = {way: Path(folder) / f"{way}.mkv" for way in WAYS}
        for way, path in results.items():
            color(film, path, colorizer, ColorizeOptions(temporal=way))
        for number, (truth, shown) in enumerate(together(film, results)):
            shots.add(truth, shown)
            if sheets is not None and number in wanted:
                picked.append(_row(number, [*(shown[way] for way in WAYS), truth]))
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        write_picture(sheets / f"{film.name}.png", np.concatenate(picked))
    return shots


def _row(number: int, frames: list[np.ndarray]) -> np.ndarray:
    """Frames next to one another, reduced, with their number."""
    height = round(frames[0].shape[0] * _SHEET_WIDTH / frames[0].shape[1])
    small = [cv2.resize(f, (_SHEET_WIDTH, height), interpolation=cv2.INTER_AREA) for f in frames]
    row = np.ascontiguousarray(np.concatenate(small, axis=1))
    for color_of_text, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        place = (6, 18)
        cv2.putText(row, str(number), place, 0, 0.5, color_of_text, thickness, cv2.LINE_AA)
    return row


def _length(film: Film) -> str:
    shots = len(film.starts)
    return f"{film.frames}, {shots} shots" if shots > 1 else str(film.frames)


def _head(options: argparse.Namespace) -> list[str]:
    limit = f" --frames {options.frames}" if options.frames else ""
    machine = bench.machine("jax", "av", "opencv-python-headless")
    return [
        "## Steady color",
        "",
        f"`python benchmarks/temporal.py figures --clips DIR{limit}` on {machine}. "
        "Bundled `hueshift_gan` weights, from file to file, encoded without loss. Flow error: how "
        "far chroma is from the frame before, brought along the motion of the true film "
        f"({dis_flow.NAME}; hidden places left out), divided by mean |ab|; the truth's own is "
        "subtracted. Flicker: CIEDE2000 of consecutive frames in 8x8 cells whose luma stands "
        "still. Nothing is measured across cuts. `none -> auto`." + f" {options.note}".rstrip(),
    ]
