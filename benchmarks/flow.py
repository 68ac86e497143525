"""How well the motion between frames is found, and in what time: DIS and the bundled FastFlowNet.

    python benchmarks/flow.py --data DIR [--flow DIR] [--weights FILE] [--count 200] [--rounds 15]

`--data` is a folder of photographs that nothing was trained on: they are set in motion by
`hueshift_jax.ops.motion`, with a seed, in frames of 448x256 and on the grid at which films are
followed. `--flow` is a folder of real or rendered pairs: `NAME-a.*`, `NAME-b.*` and
`NAME-flow.npz`, whose `flow` (h, w, 2) points from a to b. EPE is the mean distance in pixels from
the true flow, over all pixels, hidden ones too. Times are medians of calls in turns, A B A B, one
pair a call. The table goes into BENCHMARKS.md.
"""

import argparse
import os
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hueshift_jax.cli import bench, held_out_flow  # noqa: E402
from hueshift_jax.ops import motion  # noqa: E402
from hueshift_jax.ops.dis_flow import DisFlow, RefinedFlow  # noqa: E402
from hueshift_jax.parity import speed  # noqa: E402
from hueshift_jax.systems import flow as system  # noqa: E402

FRAME, CANVAS = (256, 448), (320, 560)
GRID = (112, 196)
"""About the grid of `pipeline/motion.py` for such a frame."""
FAST_PX = held_out_flow.FAST_PX
TOGETHER = 8
SEED = 15
NAMES = ("no motion", "DIS medium", "DIS fast", "FastFlowNet", "FastFlowNet, then DIS medium")
PICTURES = (".webp", ".png", ".jpg", ".jpeg")


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--flow", type=Path)
    parser.add_argument("--weights", type=Path, default=system.BUNDLED)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    options = parser.parse_args()
    network = system.load_estimator(options.weights)
    estimators = dict(
        zip(NAMES, (_nothing, DisFlow(), DisFlow("fast"), network, RefinedFlow(network)))
    )
    lines = [*_head(options), *_made_lines(options, estimators)]
    if options.flow:
        lines += ["", *_exact_lines(options.flow, estimators)]
    bench.write(options.output, "flow", lines)


def _nothing(target, source):
    """Says that nothing moves."""
    del source
    return np.zeros((*target.shape, 2), np.float32), np.ones(target.shape, np.float32)


def _head(options: argparse.Namespace) -> list[str]:
    machine = bench.machine("jax", "opencv-python-headless")
    command = f"python benchmarks/flow.py --data DIR --flow DIR --count {options.count}"
    busy = "" if os.getloadavg()[0] < 1.0 else " The machine was shared with other programs."
    return [
        "## Motion",
        "",
        f"`{command}` on {machine}. Photographs that nothing was trained on, set in motion with a "
        "seed (camera, smooth deformation, up to three foregrounds moving on their own; exact "
        "truth, hidden pixels counted), gray. EPE in pixels; the share beside it is that of no "
        f"motion's.{busy}",
        "",
    ]


# -- Made pairs -------------------------------------------------------------------------------


def made_pairs(folder: Path, count: int) -> list[motion.Pair]:
    """Seeded pairs of `FRAME` in groups of `TOGETHER`, one for each photograph."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    order = np.random.default_rng(SEED).permutation(len(paths))[:count]
    order = order[: len(order) // TOGETHER * TOGETHER]
    make = jax.jit(lambda lumas, key: motion.make_pair(lumas, FRAME, key))
    pairs = []
    for place, part in enumerate(np.split(order, len(order) // TOGETHER)):
        lumas = np.stack([held_out_flow.canvas(_rgb(paths[n]), CANVAS) for n in part])
        key = jax.random.fold_in(jax.random.key(SEED), place)
        pairs.append(jax.tree.map(np.asarray, make(lumas, key)))
    return pairs


def _rgb(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]


def reduced(pair: motion.Pair) -> motion.Pair:
    """The same pair on `GRID`."""

    def shrunk(planes: np.ndarray) -> np.ndarray:
        small = [cv2.resize(p, GRID[::-1], interpolation=cv2.INTER_AREA) for p in planes]
        return np.stack(small).astype(np.float32)

    scale = np.float32([GRID[1] / FRAME[1], GRID[0] / FRAME[0]])
    visible = shrunk(pair.visible.astype(np.float32)) > 0.5
    return motion.Pair(shrunk(pair.target), shrunk(pair.source), shrunk(pair.flow) * scale, visible)


def figures(estimator, pairs: list[motion.Pair]) -> dict[str, float]:
    """EPE over all pixels, the quick ones, the slow ones, the visible ones."""
    sums = defaultdict(lambda: np.zeros(2))
    for pair in pairs:
        for n in range(len(pair.flow)):
            found = estimator(pair.target[n : n + 1], pair.source[n : n + 1])[0]
            error = length(np.asarray(found)[0] - pair.flow[n])
            fast = length(pair.flow[n]) > FAST_PX
            chosen = {"all": error, "fast": error[fast], "slow": error[~fast]}
            chosen["visible"] = error[pair.visible[n]]
            for name, values in chosen.items():
                sums[name] += (values.sum(), values.size)
    return {name: total / max(count, 1) for name, (total, count) in sums.items()}


def length(flow: np.ndarray) -> np.ndarray:
    """Of each arrow."""
    return np.sqrt(np.sum(np.square(flow), -1))


def _made_lines(options: argparse.Namespace, estimators: dict) -> list[str]:
    pairs = made_pairs(options.data, options.count)
    count = sum(len(pair.flow) for pair in pairs)
    lines = []
    for size, group in ((FRAME, pairs), (GRID, [reduced(pair) for pair in pairs])):
        times = _times(estimators, group, options.rounds)
        found = {name: figures(run, group) for name, run in estimators.items()}
        where = f"{count} made pairs of {size[1]}x{size[0]}"
        lines += ["", *_table(where, found, times)] if lines else _table(where, found, times)
    return lines


def _times(estimators: dict, pairs: list[motion.Pair], rounds: int) -> dict[str, float]:
    """Milliseconds a pair, medians of calls in turns."""
    target, source = pairs[0].target[:1], pairs[0].source[:1]

    def run(estimator):
        return lambda: jax.block_until_ready(estimator(target, source))

    named = NAMES[1:]
    seconds = speed.interleaved(*(run(estimators[name]) for name in named), rounds=rounds)
    return dict(zip(named, 1000.0 * np.median(seconds, 0)))


def _table(where: str, found: dict, times: dict) -> list[str]:
    whole = found[NAMES[0]]["all"]
    lines = [
        f"| {where} | EPE | share | visible | true motion over {FAST_PX:.0f} px | up to it | ms |",
        "|---" * 7 + "|",
    ]
    for name, row in found.items():
        means = " | ".join(f"{row[part]:.2f}" for part in ("visible", "fast", "slow"))
        time = f"{times[name]:.0f}" if name in times else "-"
        lines.append(f"| {name} | {row['all']:.2f} | {row['all'] / whole:.2f} | {means} | {time} |")
    return lines


# -- Pairs with exact flow --------------------------------------------------------------------


def _exact_lines(folder: Path, estimators: dict) -> list[str]:
    paths = sorted(folder.glob("*-flow.npz"))
    lines = [
        f"| pairs with exact flow | {' | '.join(NAMES)} | over {FAST_PX:.0f} px: "
        f"{' | '.join(NAMES)} |",
        "|---" * (1 + 2 * len(NAMES)) + "|",
    ]
    found = []
    for path in paths:
        name = path.name.removesuffix("-flow.npz")
        target, source = (_gray(folder, f"{name}-{end}") for end in "ab")
        flow = np.load(path)["flow"].astype(np.float32)
        pair = motion.Pair(target, source, flow[None], np.ones(target.shape, bool))
        rows = [figures(estimators[each], [pair]) for each in NAMES]
        found.append([row["all"] for row in rows] + [row["fast"] for row in rows])
        lines.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in found[-1]) + " |")
    means = jnp.asarray(found).mean(0).tolist()
    return [*lines, "| mean | " + " | ".join(f"{value:.2f}" for value in means) + " |"]


def _gray(folder: Path, stem: str) -> np.ndarray:
    path = next(p for p in sorted(folder.glob(f"{stem}.*")) if p.suffix.lower() in PICTURES)
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[None].astype(np.float32) / 255.0


if __name__ == "__main__":
    main()
