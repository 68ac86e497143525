"""`hueshift systems`: the systems with bundled weights: quality, speed, size, license, data."""

import argparse
import json
from pathlib import Path

from hueshift_jax.errors import UsageError

_BRIEF_S = 10
"""Length of the film whose speed is measured here."""
_HEADINGS = (
    "",
    "CIEDE2000",
    "PSNR dB",
    "colorfulness / truth's",
    "frames/s",
    "size",
    "license of the weights",
    "training pictures",
)


def main(argv: list[str]) -> int:
    """Prints a table, or one JSON object per system with `--json`."""
    parser = argparse.ArgumentParser(prog="hueshift systems", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--speed", action="store_true", help="measure frames/s here; a minute")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="renew the table in this file")
    options = parser.parse_args(argv)
    if options.readme is not None:
        return _renew(options.readme)
    rows = _rows(here=options.speed)
    if options.json:
        print("\n".join(json.dumps(row) for row in rows))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in rows[0]:
        table.add_column(name, overflow="fold", no_wrap=name == "system")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)
    return 0


def _rows(*, here: bool) -> list[dict]:
    """One for each system; `here`: the speed is measured now and not the stored one."""
    from hueshift_jax.systems import SYSTEMS, measured

    record, rows = measured.load(), []
    for entry in SYSTEMS.values():
        speed = _speed_here(entry.name) if here else _speed(record, entry.name)
        rows.append(
            {
                "system": entry.name,
                "what": entry.summary,
                "quality": _quality(record, entry),
                "frames/s" + (" here" if here else ""): speed,
                "numbers": _numbers(entry),
                "MB": round(entry.path.stat().st_size / 1e6, 1),
                "license": entry.license,
                "data": entry.data_terms,
            }
        )
    return rows


def _numbers(entry) -> int:
    from hueshift_jax import checkpoint

    return sum(value.size for value in checkpoint.load_weights(entry.path)[0].values())


def _quality(record, entry) -> str:
    found = record.quality(entry.name, entry.weights_digest)
    if found is None:
        return "not measured"
    gray = record.references["gray"]
    return (
        f"{record.named}: CIEDE2000 {found['ciede2000']:.2f} (gray {gray['ciede2000']:.2f}), "
        f"PSNR {found['psnr']:.2f} dB (gray {gray['psnr']:.2f}) "
        f"at {found['colorfulness_ratio']:.2f} of the true colorfulness"
    )


def _speed(record, name: str) -> str:
    found = record.speeds.get(name)
    return f"{found.frames_per_s:.1f} ({found.machine})" if found else "not measured"


def _speed_here(name: str) -> str:
    from hueshift_jax.cli import bench_road

    return f"{bench_road.speed(name, seconds=_BRIEF_S, repeat=1):.1f}"


def _renew(readme: Path) -> int:
    """Puts the table into its place in a file.

    Raises:
      UsageError: there is no such file.
    """
    from hueshift_jax.cli import bench

    if not readme.is_file():
        raise UsageError(f"there is no file {readme}")
    bench.write(readme, "systems", markdown())
    return 0


def markdown() -> list[str]:
    """The README's table: every system, and beside it what needs no colorizer."""
    from hueshift_jax.systems import SYSTEMS, measured

    record = measured.load()
    lines = [_line(_HEADINGS), "|---" * len(_HEADINGS) + "|"]
    for entry in SYSTEMS.values():
        speed = record.speeds.get(entry.name)
        size = f"{_numbers(entry) / 1e6:.1f} M numbers, {entry.path.stat().st_size / 1e6:.0f} MB"
        lines.append(
            _line(
                (
                    f"**{entry.name}**: {entry.summary}",
                    *_scores(record.quality(entry.name, entry.weights_digest)),
                    f"{speed.frames_per_s:.1f}" if speed else "-",
                    size,
                    entry.license,
                    entry.data_terms,
                )
            )
        )
    empty = [""] * 4
    lines += [_line((name, *_scores(mean), *empty)) for name, mean in record.references.items()]
    machines = "; ".join(dict.fromkeys(speed.machine for speed in record.speeds.values()))
    lines += ["", f"Scores: means over {record.named}, by `hueshift evaluate`."]
    lines += [f"Speed: 854x480 from file to file, {machines}."] if machines else []
    return lines


def _scores(figures: dict[str, float] | None) -> list[str]:
    """Its figures; a dash where there is none, or where the frames equal the truth."""
    from hueshift_jax.metrics.evaluate import EQUAL
    from hueshift_jax.systems import measured

    if figures is None:
        return ["-"] * len(measured.FIGURES)
    found = [figures[name] for name in measured.FIGURES]
    return ["-" if value == EQUAL else f"{value:.2f}" for value in found]


def _line(cells) -> str:
    return f"| {' | '.join(cells)} |"
