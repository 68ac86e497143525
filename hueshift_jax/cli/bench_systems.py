"""`hueshift bench systems`: quality and speed of the systems with bundled weights.

Quality is that of `hueshift evaluate` on clips that you name; speed is that of `hueshift bench
road`. Both are stored beside the weights, where `hueshift systems` finds them; what is not
measured anew is kept. Then `hueshift systems --readme README.md` renews the README's table.
"""

import argparse
import dataclasses
import json
import os
import platform
import tempfile
from datetime import date
from pathlib import Path

from hueshift_jax.errors import UsageError


def main(argv: list[str]) -> int:
    """Measures and stores; returns the exit code.

    Raises:
      UsageError: clips without a name, or nothing to measure.
    """
    from hueshift_jax.systems import measured

    parser = argparse.ArgumentParser(
        prog="hueshift bench systems",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", type=Path, help="films or pictures in color, never trained on")
    parser.add_argument("--named", help='what they are, such as "240 test photographs"')
    parser.add_argument("--pictures", action="store_true", help="the folder holds pictures")
    parser.add_argument("--speed", action="store_true", help="measure the speed; be alone")
    parser.add_argument("--output", type=Path, default=measured.PATH)
    options = parser.parse_args(argv)
    if (options.clips is None) != (options.named is None):
        raise UsageError("--clips DIR and --named TEXT go together")
    if options.clips is None and not options.speed:
        raise UsageError("name what to measure: --clips DIR, --speed, or both")
    record = measured.load(options.output)
    if options.clips is not None:
        record = _with_quality(record, options)
    if options.speed:
        record = _with_speeds(record)
    measured.save(record, options.output)
    print(f"stored in {options.output}")
    return 0


def _with_quality(record, options: argparse.Namespace):
    from hueshift_jax.systems import SYSTEMS, measured

    systems, references, clips = {}, {}, 0
    for entry in SYSTEMS.values():
        found = _evaluate(entry.name, options)
        systems[entry.name] = measured.Quality(entry.weights_digest, measured.kept(found["mean"]))
        references = {n: measured.kept(r["mean"]) for n, r in found["references"].items()}
        clips = found["protocol"]["clips"]
    return dataclasses.replace(
        record, named=options.named, clips=clips, systems=systems, references=references
    )


def _evaluate(name: str, options: argparse.Namespace) -> dict:
    from hueshift_jax.cli import evaluate

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "figures.json"
        argv = ["--system", name, "--clips", str(options.clips), "--output", str(output)]
        argv += ["--references", "--without", "flow", "frechet"]
        evaluate.main(argv + ["--pictures"] * options.pictures)
        return json.loads(output.read_text(encoding="utf-8"))


def _with_speeds(record):
    from hueshift_jax.cli import bench_road
    from hueshift_jax.systems import SYSTEMS, measured

    machine = f"{platform.machine()}, {os.cpu_count()} cores, {date.today()}"
    speeds = {name: measured.Speed(round(bench_road.speed(name), 1), machine) for name in SYSTEMS}
    return dataclasses.replace(record, speeds=speeds)
