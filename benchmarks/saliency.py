"""How well saliency is found: the bundled network beside maps that need no training.

    python benchmarks/saliency.py --data DIR [--weights FILE] [--sizes 128 160 192] [--rounds 15]

`--data` holds `images/NAME.webp` and `masks/NAME.png` that nothing was trained on. Pictures are
made gray before anything sees them. Times are medians of calls, one picture a call. The table goes
into BENCHMARKS.md.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hueshift_jax.cli import bench  # noqa: E402
from hueshift_jax.cli.held_out_saliency import gray, write_sheet  # noqa: E402
from hueshift_jax.data.saliency import Pairs, open_pairs  # noqa: E402
from hueshift_jax.metrics import saliency as metrics  # noqa: E402
from hueshift_jax.parity import speed  # noqa: E402
from hueshift_jax.pipeline.saliency import saliency_maps  # noqa: E402
from hueshift_jax.systems import pfan  # noqa: E402

Finder = Callable[[np.ndarray], np.ndarray]
"""Gray (h, w) uint8 to a map (h, w), 0..1."""


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=pfan.BUNDLED)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 160, 192])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sheet", type=Path, help="also write pictures, maps and masks here")
    parser.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    options = parser.parse_args()
    pairs = open_pairs(options.data)
    detectors = {n: pfan.load_detector(options.weights, short_side=n) for n in options.sizes}
    lines = [*_head(options, len(pairs)), *_table(pairs, detectors, options.rounds)]
    bench.write(options.output, "saliency", lines)
    if options.sheet:
        write_sheet(options.sheet, pairs, pfan.load_detector(options.weights))


def _head(options: argparse.Namespace, count: int) -> list[str]:
    machine = bench.machine("jax", "opencv-python-headless")
    busy = "" if os.getloadavg()[0] < 1.0 else " The machine was shared with other programs."
    return [
        "## Saliency",
        "",
        f"`python benchmarks/saliency.py --data DIR` on {machine}. {count} pictures with masks "
        "that nothing was trained on, made gray. F is the F-measure with beta squared 0.3: of the "
        "best threshold for all (mean precision and recall), and at each picture's own, twice its "
        f"mean.{busy}",
        "",
    ]


def _table(pairs: Pairs, detectors: dict[int, pfan.NetworkSaliency], rounds: int) -> list[str]:
    finders: dict[str, Finder] = {
        "nothing": lambda seen: np.zeros(seen.shape, np.float32),
        "center prior": lambda seen: metrics.center_prior(*seen.shape),
        "spectral residual": lambda seen: metrics.spectral_residual(seen / np.float32(255.0)),
    }
    for size, detector in detectors.items():
        finders[f"PFAN, short side {size}"] = lambda seen, d=detector: saliency_maps([seen], d)[0]
    rows = {name: measured(finder, pairs) for name, finder in finders.items()}
    groups = list(next(iter(rows.values())))[1:]
    lines = [
        f"| {len(pairs)} pictures | MAE | best F | own F | MAE, best F: "
        f"{' | '.join(groups)} | ms |",
        "|---" * (5 + len(groups)) + "|",
    ]
    for name, row in rows.items():
        whole = " | ".join(f"{value:.3f}" for value in row["all"])
        parts = " | ".join(f"{row[g].mae:.3f}, {row[g].f_measure:.3f}" for g in groups)
        lines.append(f"| {name} | {whole} | {parts} | {_time(finders[name], rounds):.1f} |")
    return lines


def measured(finder: Finder, pairs: Pairs) -> dict[str, metrics.Figures]:
    """Figures of all pictures, then of each source: the first word of their names."""
    totals = defaultdict(metrics.Totals)
    for name, found, mask in _found(finder, pairs):
        for group in ("all", Path(name).stem.partition("-")[0]):
            totals[group].add(found, mask)
    return {group: each.figures() for group, each in totals.items()}


def _found(finder: Finder, pairs: Pairs) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for name, pair in zip(pairs.names, pairs):
        yield name, finder(gray(pair.rgb)), pair.mask > 127


def _time(finder: Finder, rounds: int) -> float:
    """Milliseconds a picture of 214x160, median."""
    seen = np.random.default_rng(0).integers(0, 256, (160, 214), np.uint8)
    seconds = speed.interleaved(lambda: jax.block_until_ready(finder(seen)), rounds=rounds)
    return 1000.0 * float(np.median(seconds))


if __name__ == "__main__":
    main()
