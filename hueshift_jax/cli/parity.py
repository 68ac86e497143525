"""`hueshift parity`: our networks against the published ones."""

import argparse
from pathlib import Path

from hueshift_jax.errors import UsageError


def main(argv: list[str]) -> int:
    """Compares; 0 if everything agrees, 1 if something does not."""
    parser = argparse.ArgumentParser(
        prog="hueshift parity", description="compare the networks with the published ones"
    )
    parser.add_argument("names", nargs="+", help="reference files by name, or `all`")
    parser.add_argument("--golden", type=Path, metavar="DIR", help="a folder of reference files")
    options = parser.parse_args(argv)
    if options.golden is None:
        raise UsageError("say which references to compare with: --golden DIR")
    return _compare_references(options.golden, [n for n in options.names if n != "all"])


def _compare_references(folder: Path, names: list[str]) -> int:
    from hueshift_jax.parity import run

    counts: dict[str, int] = {}
    for outcome in run.run(folder, names):
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        print(f"{outcome.name:<28} {outcome.status}{': ' * bool(outcome.problem)}{outcome.problem}")
        for check in outcome.checks:
            mark = "" if check.passed else "  <-- beyond"
            print(
                f"    {check.what:<24} {check.error:9.2e} of {check.tolerance:.0e}"
                f" {check.measure}{mark}",
                flush=True,
            )
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    return int(bool(counts.get("failed") or counts.get("not covered")))
