"""`hueshift convert`: weights of the published networks, from one file format to another."""

import argparse
import json
from pathlib import Path
from typing import Any

from hueshift_jax.errors import UsageError


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hueshift convert",
        description=__doc__,
        epilog="`hueshift parity networks` lists what NAME can be",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="a weights file")
    parser.add_argument(
        "output", type=Path, metavar="OUT", help=".safetensors, or .pth for PyTorch"
    )
    parser.add_argument(
        "--network", metavar="NAME", help="whose weights they are, unless IN says it"
    )
    parser.add_argument(
        "--args", metavar="JSON", help="arguments of the published constructor, as a JSON object"
    )
    parser.add_argument(
        "--published", action="store_true", help="write safetensors with the published names"
    )
    parser.add_argument("--key", help="the entry of IN that holds the weights, such as params_ema")
    parser.add_argument("--prefix", help="take only tensors whose names begin so, and take it off")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Converts one file; returns the exit code."""
    options = _parse(argv)
    if options.output.exists() and not options.overwrite:
        raise UsageError(f"{options.output} exists; add --overwrite to replace it")
    args = _arguments(options.args)
    from hueshift_jax.interop import conversion

    report = conversion.convert(
        options.input,
        options.output,
        network=options.network,
        args=args,
        published_names=options.published,
        group=options.key,
        prefix=options.prefix,
    )
    print(_told(report, options.input, options.output))
    return 0


def _arguments(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        args = json.loads(text)
    except ValueError as exc:
        raise UsageError(f"--args is no JSON: {exc}") from exc
    if not isinstance(args, dict):
        raise UsageError(f"--args is {text}, expected a JSON object such as '{{\"width\": 32}}'")
    return args


def _told(report: Any, source: Path, target: Path) -> str:
    where = [f"entry {report.group}"] * bool(report.group)
    where += [f"without the prefix {report.prefix}"] * bool(report.prefix)
    lines = [
        f"{target}: {report.network}, {report.tensors} tensors, {report.numbers:,} numbers"
        f" from {', '.join([source.name, *where])}"
    ]
    if report.others:
        lines.append(f"it has others that fit: {', '.join(report.others)}; choose with --key")
    return "\n".join(lines)
