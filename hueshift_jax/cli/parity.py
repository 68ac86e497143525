"""`hueshift parity`: our networks against the published ones."""

import argparse
import json
from pathlib import Path
from typing import Any

from hueshift_jax.errors import UsageError

_EPILOG = """\
two ways to compare:
  hueshift parity all --golden DIR
      every reference file of a folder; fails if one disagrees or has no counterpart
  hueshift parity NETWORK --torch FILE.py:CLASS [--torch-args JSON] [--checkpoint FILE]
      your own PyTorch class, which is imported and run: both sides get the same weights
      and inputs; `hueshift parity networks` lists what NETWORK can be
"""


def main(argv: list[str]) -> int:
    """Compares; 0 if everything agrees, 1 if something does not."""
    options = _parser().parse_args(argv)
    if options.torch is not None:
        if options.golden is not None or len(options.names) != 1:
            raise UsageError("--torch takes one network and no --golden")
        return _compare_baseline(options.names[0], options)
    if options.names == ["networks"]:
        return _list_networks()
    if options.golden is None:
        raise UsageError("say what to compare with: --golden DIR, or --torch FILE.py:CLASS")
    return _compare_references(options.golden, [n for n in options.names if n != "all"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hueshift parity",
        description="compare the networks with the published ones",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="+", help="`all`, reference files, or one network")
    parser.add_argument("--golden", type=Path, metavar="DIR", help="a folder of reference files")
    parser.add_argument("--torch", metavar="FILE.py:CLASS", help="your baseline")
    parser.add_argument(
        "--torch-args", type=_json, default={}, metavar="JSON", help="its constructor's arguments"
    )
    parser.add_argument("--checkpoint", type=Path, help="its weights (else its own random ones)")
    parser.add_argument("--size", type=_size, metavar="HxW", help="of the input pictures")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of outputs, relative")
    parser.add_argument(
        "--gradient-tolerance", type=float, default=1e-2, help="of gradients, relative norm"
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights and inputs")
    return parser


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as exc:
        raise argparse.ArgumentTypeError(f"no JSON: {exc}") from exc
    if not isinstance(value, dict | list):
        raise argparse.ArgumentTypeError('expected an object or a list, as {"width": 64}')
    return value


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected HEIGHTxWIDTH, as 256x448")
    return int(height), int(width)


def _list_networks() -> int:
    from hueshift_jax.interop.networks import networks

    for network in networks().values():
        print(f"{network.name:<28} {network.source}")
    return 0


def _compare_references(folder: Path, names: list[str]) -> int:
    from hueshift_jax.parity import run

    counts: dict[str, int] = {}
    for outcome in run.run(folder, names):
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        print(f"{outcome.name:<28} {outcome.status}{': ' * bool(outcome.problem)}{outcome.problem}")
        for check in outcome.checks:
            print(
                f"    {check.what:<24} {check.error:9.2e} of {check.tolerance:.0e}"
                f" {check.measure}{_mark(check.passed)}",
                flush=True,
            )
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    return int(bool(counts.get("failed") or counts.get("not covered")))


def _mark(passed: bool) -> str:
    return "" if passed else "  <-- beyond"


def _compare_baseline(name: str, options: argparse.Namespace) -> int:
    import numpy as np

    from hueshift_jax.interop.networks import network
    from hueshift_jax.parity import baseline

    published = network(name)
    path, _, cls = options.torch.rpartition(":")
    if not path or not cls:
        raise UsageError(f"--torch {options.torch}: expected FILE.py:CLASS")
    theirs, arguments = baseline.Baseline(Path(path), cls, options.torch_args).load(
        options.checkpoint, options.seed
    )
    pair = baseline.Pair(published, theirs, arguments)
    rng = np.random.default_rng(options.seed)
    inputs = published.inputs(arguments, options.size or published.size, rng)
    found = pair.compare(inputs)
    _print_comparison(found, options)
    return int(not found.within(options.tolerance, options.gradient_tolerance))


def _print_comparison(found: Any, options: argparse.Namespace) -> None:
    ours, theirs = found.parameters
    print(f"parameters                {ours:,} here, {theirs:,} there{_mark(ours == theirs)}")
    for agreements, tolerance in (
        (found.outputs, options.tolerance),
        (found.gradients, options.gradient_tolerance),
    ):
        for a in agreements:
            print(
                f"{a.what:<25} largest error {a.largest:.2e} of {tolerance:.0e},"
                f" mean {a.mean:.2e}{_mark(a.largest <= tolerance)}"
            )
    print(f"time                      {found.ratio:.2f} of PyTorch's (median of pairs)")
