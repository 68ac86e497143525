"""The default system's training step beside the same step in plain PyTorch.

    python benchmarks/training_step.py [--sizes 96 128] [--rounds 15] [--steps 1]

Both begin with the same weights and get the same batches; first their losses and gradients are
compared (if they differ, nothing is timed), then they take turns, A B A B, on the same number of
threads. Times are medians over the rounds; the ratio is the median of the rounds' ratios, so that
a busy machine does it little harm; beside it stand the ratio of the fastest turns, which others
disturbed least, and that of processor seconds, which count all threads. PyTorch's step is in
`benchmarks/pytorch_step.py`. The table goes into BENCHMARKS.md.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SURROUNDINGS = {"OMP_WAIT_POLICY": "passive", "JAX_PLATFORMS": "cpu"}
"""PyTorch's idle threads must not hold the cores while ours run."""
BAR = 1.1
COMPARED_STEPS = 3
FIRST_LOSS, FIRST_NORM, LATER_LOSS = 1e-5, 1e-3, 5e-3
"""Relative differences that are allowed: at equal weights, and after steps of AdamW, which turns
rounding into whole steps where a gradient is nearly zero."""


class Turn(NamedTuple):
    """Seconds a step, by the clock and of all processors."""

    wall: float
    cpu: float


class Row(NamedTuple):
    """What was found for one size."""

    size: int
    ours: Turn
    theirs: Turn
    ratio: float
    fastest: float
    cpu_ratio: float
    losses: float
    norms: float


def main() -> int:
    """Compares, times, writes the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=(96, 128))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=1, help="steps in a turn")
    parser.add_argument("--note", default="", help="said beside the table")
    parser.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    options = parser.parse_args()
    _prepare()
    rows = [_row(size, options) for size in options.sizes]
    from hueshift_jax.cli import bench

    bench.write(options.output, "training-step", _lines(rows, options))
    return int(any(row.ratio > BAR for row in rows))


def _prepare() -> None:
    """Starts this program again where the surroundings are not set, and finds the package."""
    sys.path.insert(0, str(ROOT))
    if any(os.environ.get(name) != value for name, value in SURROUNDINGS.items()):
        os.environ.update(SURROUNDINGS)
        os.execv(sys.executable, [sys.executable, *sys.argv])


def _row(size: int, options: argparse.Namespace) -> Row:
    ours, theirs = _made()
    batches = [_batch(size, options.batch, seed) for seed in range(COMPARED_STEPS)]
    losses, norms = _compared(ours, theirs, batches)
    rounds = []
    for _ in range(options.rounds):
        rounds.append([_turn(step, batches[0], options.steps) for step in (ours, theirs)])
    print(f"{size} px: {[round(a.wall / b.wall, 2) for a, b in rounds]}", file=sys.stderr)
    return Row(
        size,
        *(Turn(*map(statistics.median, zip(*turns))) for turns in zip(*rounds)),
        statistics.median(a.wall / b.wall for a, b in rounds),
        min(a.wall for a, _ in rounds) / min(b.wall for _, b in rounds),
        statistics.median(a.cpu / b.cpu for a, b in rounds),
        losses,
        norms,
    )


class Ours:
    """Our step as training runs it, called like PyTorch's."""

    def __init__(self, program):
        self._program, self._steps = program, 0
        self.state = program.init()

    def __call__(self, luma, rgb_u8) -> tuple[float, float]:
        """One step; the loss before it and the gradient's norm."""
        from hueshift_jax.contracts import Batch

        batch = self._program.place(Batch(luma, rgb_u8))
        self._program.prepare(self.state, batch)
        self._steps += 1
        self.state, logs = self._program.step(self.state, batch, self._steps)
        return float(logs["loss"]), float(logs["gradient_norm"])


def _made():
    """Both steps with the same weights; each takes (luma, rgb_u8)."""
    import jax
    import pytorch_step
    import torch

    from hueshift_jax import sharding
    from hueshift_jax.models.chroma_unet import ab_bins
    from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig, OptimConfig
    from hueshift_jax.training.program import Program

    torch.set_num_threads(_threads())
    # A short rise, so that the compared steps move the weights.
    config = HueShiftGanConfig(optim=OptimConfig(warmup=COMPARED_STEPS - 1))
    ours = Ours(Program(config.build(), sharding.make_mesh(1, 1), jax.random.key(0)))
    theirs = pytorch_step.Step(config, ab_bins(), pytorch_step.schedule(config.optim))
    theirs.take(ours.state.params, ours.state.stats)
    return ours, theirs


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _batch(size: int, count: int, seed: int):
    """Luma and the true colors of smooth random pictures."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (count, 6, 6, 3)).astype(np.float32)
    rgb = np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse])
    rgb = np.clip(rgb + rng.normal(0, 4, rgb.shape), 0, 255)
    small = np.stack(
        [cv2.resize(one, (size // 4,) * 2, interpolation=cv2.INTER_AREA) for one in rgb]
    )
    return (rgb.mean(-1) / 255).astype(np.float32), small.astype(np.uint8)


def _compared(ours, theirs, batches) -> tuple[float, float]:
    """Relative differences of the losses of some steps and of the first gradient's norm.

    Raises:
      SystemExit: they are too large for the same step.
    """
    found = [(ours(*batch)[:2], theirs(*batch)[:2]) for batch in batches]
    losses = [abs(a - b) / abs(b) for (a, _), (b, _) in found]
    norm = abs(found[0][0][1] - found[0][1][1]) / found[0][1][1]
    print(f"differences: losses {losses}, first gradient's norm {norm:.1e}", file=sys.stderr)
    if losses[0] > FIRST_LOSS or norm > FIRST_NORM or max(losses) > LATER_LOSS:
        raise SystemExit(f"not the same step: (loss, norm) of ours and PyTorch's are {found}")
    return max(losses), norm


def _turn(step, batch, count: int) -> Turn:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        step(*batch)
    return Turn((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)


def _lines(rows: list[Row], options: argparse.Namespace) -> list[str]:
    from hueshift_jax.cli import bench

    sizes = " ".join(str(row.size) for row in rows)
    return [
        "## A training step",
        "",
        f"`python benchmarks/training_step.py --sizes {sizes} --rounds {options.rounds} "
        f"--steps {options.steps}` on "
        f"{bench.machine('jax', 'flax', 'torch')}, {_threads()} threads each. The default system, "
        f"batch {options.batch}, float32, beside the same step in plain PyTorch (channels last, "
        'fused AdamW), in turns; medians. "Difference" is the largest relative one of the losses '
        f"of {COMPARED_STEPS} steps from the same weights, and that of the first gradient's norm."
        f"{' ' + options.note if options.note else ''}",
        "",
        "| crop | ms | PyTorch's ms | ratio | of the fastest | processor s | PyTorch's | ratio "
        "| difference |",
        "|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {row.size} | {1e3 * row.ours.wall:.0f} | {1e3 * row.theirs.wall:.0f} | "
            f"{row.ratio:.2f} | {row.fastest:.2f} | {row.ours.cpu:.2f} | {row.theirs.cpu:.2f} | "
            f"{row.cpu_ratio:.2f} | {row.losses:.0e}, {row.norms:.0e} |"
            for row in rows
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
