"""`hueshift pack SOURCE OUT`: training pictures, films or clips become shards; `--verify OUT`."""

import argparse
import dataclasses
import sys
from pathlib import Path

from hueshift_jax.errors import UsageError

_EPILOG = """\
SOURCE is a folder of any depth with pictures, tar files, packed shards and films, or
tfds:NAME[:SPLIT]. The same command continues a packing that was stopped. Train on the result
with `train.py NAME --data OUT`.
"""


def main(argv: list[str]) -> int:
    """Packs or verifies; returns the exit code."""
    options = _parser().parse_args(argv)
    if options.verify:
        if options.output is not None:
            raise UsageError("--verify takes one packed folder")
        return _verify(Path(options.source))
    if options.output is None:
        raise UsageError("say where to: hueshift pack SOURCE OUT")
    return _pack(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hueshift pack",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("output", metavar="OUT", nargs="?", type=Path)
    parser.add_argument("--short-side", type=int, metavar="PX", help="reduce larger pictures (256)")
    parser.add_argument("--quality", type=int, metavar="1..100", help="of JPEG (95)")
    parser.add_argument("--clip", type=int, metavar="N", help="clips of N frames within one shot")
    parser.add_argument("--every", type=int, metavar="N", help="every N-th frame of films (24)")
    parser.add_argument(
        "--keyframes", action="store_true", default=None, help="only frames with new content"
    )
    parser.add_argument("--per-shard", type=int, metavar="N", help="pictures in a shard (1000)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (2)")
    parser.add_argument("--verify", action="store_true", help="check a packed folder's checksums")
    return parser


def _pack(options: argparse.Namespace) -> int:
    from hueshift_jax.data.pack import PackConfig, pack

    names = [field.name for field in dataclasses.fields(PackConfig)]
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    summary = pack(options.source, options.output, PackConfig(**given), report=print)
    for name in summary.skipped:
        print(f"skipped: {name} cannot be read", file=sys.stderr)
    print(
        f"{summary.records} records in {summary.shards} shards, {summary.written} of them new,"
        f" {len(summary.skipped)} skipped: {options.output}"
    )
    return 0


def _verify(folder: Path) -> int:
    from hueshift_jax.data.pack import verify

    problems = verify(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{folder}: {len(problems) or 'no'} problem{'s' * (len(problems) != 1)}")
    return int(bool(problems))
