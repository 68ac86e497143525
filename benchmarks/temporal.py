"""What `--temporal auto` does beside `--temporal none`, on films whose true colors are known.

    python benchmarks/temporal.py figures --clips DIR [--sheets DIR] [--json FILE]
    python benchmarks/temporal.py speed --clips DIR
    python benchmarks/temporal.py keyframes --clips DIR
    python benchmarks/temporal.py memory --clips DIR --minutes 10
    python benchmarks/temporal.py motion --clips DIR

`figures`: steadiness, closeness to the truth and colorfulness of every clip, colored from file to
file. `speed`: both ways in turns on a film of 854x480. `keyframes`: what a given frame, or a few
given points, are worth. `memory`: whether it grows with the film. `motion`: what more exact motion
gains. Each writes its part of BENCHMARKS.md, and with `--json` all its numbers under its name into
a file.

Cuts of a film are those in a `.csv` file of its name beside it (the numbers of the first frames of
new shots below a heading); of other films, those that are found. Nothing is measured across them.
"""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("JAX_PLATFORMS", "cpu")

PARTS = {
    "figures": "temporal_figures",
    "speed": "temporal_speed",
    "keyframes": "temporal_given",
    "memory": "temporal_memory",
    "motion": "temporal_motion",
}


def main() -> int:
    """Measures one part and writes it; returns the exit code, 1 where a bar is missed."""
    options = _parser().parse_args()
    from hueshift_jax.cli import bench

    part = importlib.import_module(PARTS[options.part])
    numbers, lines, met = part.measure(options)
    if options.json:
        _keep(options.json, options.part, numbers)
    bench.write(options.output, f"temporal-{options.part}", lines)
    return int(not met)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("part", choices=PARTS)
    add("--clips", type=Path, required=True, metavar="DIR", help="films in color")
    add("--only", nargs="+", default=[], metavar="NAME", help="films whose names begin so")
    add("--frames", type=int, default=0, help="of each film, from its beginning; 0 is all")
    add("--json", type=Path, metavar="FILE", help="all numbers; other parts in it stay")
    add("--sheets", type=Path, metavar="DIR", help="pictures of both ways beside the truth")
    add("--rounds", type=int, default=5, help="of both ways in turns, for the speed")
    add("--seconds", type=int, default=20, help="length of the film, for the speed")
    add("--minutes", type=float, default=10.0, help="length of the film, for the memory")
    add("--note", default="", help="said beside the table")
    add("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    return parser


def _keep(path: Path, part: str, numbers: dict) -> None:
    """Puts the numbers of one part into the file."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[part] = numbers
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
