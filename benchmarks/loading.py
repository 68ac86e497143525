"""How many pictures a second the loader prepares, beside what the default training step consumes.

    python benchmarks/loading.py DIR [--sizes 96 128 160] [--rounds 5]

From pictures in memory, and read and decoded anew at every use (as where they do not fit into
memory), with the loader's default settings. Loader and step take turns, each alone; medians. DIR is
what `train.py --data` takes; `hueshift pack` makes the folder that the published table was made
from. The table goes into BENCHMARKS.md.
"""

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("JAX_PLATFORMS", "cpu")

BAR = 3.0
STEPS = 2
"""Training steps in a turn."""


def main() -> int:
    """Measures and writes the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", metavar="DIR")
    parser.add_argument("--sizes", type=int, nargs="+", default=(96, 128, 160))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=60, help="of the loader in a turn")
    parser.add_argument("--limit", type=int, default=10_000, help="pictures kept in memory")
    parser.add_argument("--note", default="", help="said beside the table")
    parser.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    options = parser.parse_args()
    from hueshift_jax.cli import bench
    from hueshift_jax.data.pictures import open_pictures

    sources = (
        open_pictures(options.data, limit=options.limit),
        open_pictures(options.data, memory_gb=0.0),
    )
    step = _step()
    rows = [_row(size, sources, step, options) for size in options.sizes]
    counts = [len(source) for source in sources]
    bench.write(options.output, "loading", _lines(rows, counts, options))
    return int(any(row[place] < BAR * row[1] for row in rows for place in (2, 3)))


def _row(size: int, sources, step, options) -> tuple[int, float, float, float]:
    """Size; pictures a second of the step, from memory, read anew."""
    batch = next(_batches(sources[0], size, 1))
    step(batch)
    turns: list[Callable[[int], float]] = [
        lambda seed: _rate(step, itertools.repeat(batch, STEPS)),
        *(lambda seed, s=s: _loaded(s, size, options.batches, seed) for s in sources),
    ]
    rounds = [[turn(seed) for turn in turns] for seed in range(options.rounds)]
    print(size, [[round(rate) for rate in one] for one in rounds], file=sys.stderr)
    return (size, *(statistics.median(rates) for rates in zip(*rounds)))


def _batches(source, size: int, count: int, seed: int = 0) -> Iterator:
    from hueshift_jax.data.batches import DataConfig, batches

    config = DataConfig(sizes=(size,), phase_ends=(), seed=seed)
    return batches(source, config, steps=count)


def _loaded(source, size: int, count: int, seed: int) -> float:
    return _rate(lambda batch: None, _batches(source, size, count, seed))


def _rate(use: Callable, batches: Iterator) -> float:
    """Pictures a second, from the first that is asked for to the last that is used."""
    began, pictures = time.perf_counter(), 0
    for batch in batches:
        use(batch)
        pictures += len(batch.luma)
    return pictures / (time.perf_counter() - began)


def _step() -> Callable:
    """The default system's step as training runs it."""
    import jax

    from hueshift_jax import sharding
    from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
    from hueshift_jax.training.program import Program

    program = Program(HueShiftGanConfig().build(), sharding.make_mesh(1, 1), jax.random.key(0))
    state = program.init()

    def step(batch) -> None:
        nonlocal state
        placed = program.place(batch)
        program.prepare(state, placed)
        state, logs = program.step(state, placed, 1)
        jax.block_until_ready(logs)

    return step


def _lines(rows, counts, options: argparse.Namespace) -> list[str]:
    from hueshift_jax.cli import bench

    sizes = " ".join(str(row[0]) for row in rows)
    return [
        "## Loading",
        "",
        f"`python benchmarks/loading.py DIR --sizes {sizes} --rounds {options.rounds}` on "
        f"{bench.machine('jax', 'grain', 'opencv-python-headless')}. Default settings (batch 32, "
        f"two threads); {counts[0]} pictures in memory, {counts[1]} of 160 px in packed shards; "
        "the step of the default system on all cores. Pictures a second, each alone; medians."
        f"{' ' + options.note if options.note else ''}",
        "",
        "| crop | the step consumes | from memory | read anew |",
        "|---|---|---|---|",
        *(
            f"| {size} | {consumed:.0f} | {memory:.0f} ({memory / consumed:.1f}x) | "
            f"{anew:.0f} ({anew / consumed:.1f}x) |"
            for size, consumed, memory, anew in rows
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
