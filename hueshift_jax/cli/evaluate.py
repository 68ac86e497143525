"""`hueshift evaluate`: how good a colorization is, by the field's definitions."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hueshift_jax.errors import UnwritableMediaError, UsageError

if TYPE_CHECKING:
    from hueshift_jax.metrics.clips import Clip, Pair
    from hueshift_jax.metrics.evaluate import Evaluation

_EPILOG = """\
three ways to name what is measured:
  hueshift evaluate RESULT --truth TRUTH
  hueshift evaluate --compare A B C --truth TRUTH
  hueshift evaluate --system NAME --clips DIR      makes gray of the clips and colors them first
results and truths are pictures, films, folders of frames, or folders of any of these; they
belong together by name. Beside FILE.json, every frame's figures go to FILE.frames.csv.
"""


def main(argv: list[str]) -> int:
    """Measures, prints a table, writes what was asked for; returns the exit code."""
    options = _parser().parse_args(argv)
    _check(options)
    from hueshift_jax.cli import instruments
    from hueshift_jax.metrics import evaluate, table

    setup = instruments.build(
        instruments.Wanted(
            options.without,
            options.flow,
            options.flow_weights,
            options.lpips_weights and tuple(options.lpips_weights),
            options.fid_weights,
            options.effnet_weights,
            options.references or options.report is not None,
            options.as_published,
        )
    )
    with _pairs(options) as pairs:
        found = evaluate.evaluate(pairs, setup, tell=_Teller(options.quiet))
        print(table.markdown(found))
        print(f"\n{table.ADVICE}")
        _write(found, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hueshift evaluate",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("result", nargs="?", type=Path, metavar="RESULT", help="what is measured")
    add("--truth", type=Path, metavar="TRUTH", help="the true colors")
    add("--compare", type=Path, nargs="+", metavar="RESULT", help="several results side by side")
    add("--system", metavar="NAME", help="colors --clips and measures that; or a weights file")
    add("--clips", type=Path, metavar="DIR", help="films or pictures in color")
    add("--output", type=Path, metavar="FILE.json", help="figures, intervals, clips and protocol")
    add("--frames", type=Path, metavar="FILE.csv", help="figures of every frame, under this name")
    add("--report", type=Path, metavar="FILE.html", help="a page to look at; implies --references")
    add("--pictures", action="store_true", help="folders hold separate pictures, not frames")
    add("--references", action="store_true", help="measure gray, mean colors and the truth too")
    add("--as-published", action="store_true", help="defective published figures too, marked so")
    add(
        "--without",
        nargs="+",
        default=[],
        choices=("flow", "frechet"),
        help="leave out what takes long: warp errors, Frechet distances",
    )
    add("--lpips-weights", type=Path, nargs=2, metavar=("NETWORK", "HEADS"), help="SqueezeNet 1.1")
    add("--fid-weights", type=Path, metavar="FILE", help="Inception-v3 of pytorch-fid")
    add("--effnet-weights", type=Path, metavar="FILE", help="EfficientNet-Lite0 that sees RGB")
    add("--flow", metavar="NETWORK", help="raft, raft_small, pwc_net, ... in place of OpenCV's DIS")
    add("--flow-weights", type=Path, metavar="FILE", help="its weights")
    add("--quiet", action="store_true", help="nothing but the table")
    return parser


def _check(options: argparse.Namespace) -> None:
    """Refuses combinations before anything is loaded."""
    ways = [options.result, options.compare, options.system]
    if sum(way is not None for way in ways) != 1:
        raise UsageError("name one of RESULT, --compare A B C and --system NAME")
    if (options.system is None) != (options.clips is None):
        raise UsageError("--system NAME and --clips DIR go together")
    if options.system is None and options.truth is None:
        raise UsageError("name the true colors: --truth TRUTH")
    if options.system is not None and options.truth is not None:
        raise UsageError("--clips are the truth of --system; leave --truth out")
    if options.flow is not None:
        from hueshift_jax.cli.instruments import FLOWS

        if options.flow not in FLOWS:
            raise UsageError(f"there is no flow {options.flow!r}; there are {', '.join(FLOWS)}")
    for path in (options.output, options.frames, options.report):
        if path is not None and not path.resolve().parent.is_dir():
            raise UsageError(f"the folder of {path} does not exist")


class _Teller:
    """Names each clip on stderr as it begins."""

    def __init__(self, quiet: bool):
        self._quiet = quiet

    def __call__(self, clip: str, measured: Any) -> None:
        if measured.number == 0 and not self._quiet:
            print(f"measuring {clip}", file=sys.stderr, flush=True)


@contextmanager
def _pairs(options: argparse.Namespace) -> "Iterator[list[Pair]]":
    from hueshift_jax.metrics.clips import pair

    if options.system is None:
        paths = options.compare or [options.result]
        yield pair(options.truth, _named(paths), as_pictures=options.pictures)
        return
    with tempfile.TemporaryDirectory(prefix="hueshift-") as folder:
        yield _colored(options, Path(folder))


def _named(paths: list[Path]) -> dict[str, Path]:
    """Results by their own names, or by the whole paths where those are not different."""
    names = [path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise UsageError("--compare names the same result twice")
    return dict(zip(names, paths, strict=True))


def _colored(options: argparse.Namespace, folder: Path) -> "list[Pair]":
    """The clips, each with what the system makes of its gray version."""
    from hueshift_jax import api
    from hueshift_jax.metrics.clips import Pair, find

    truths = find(options.clips, as_pictures=options.pictures)
    colorizer = api.choose(options.system)
    pairs = []
    for number, truth in enumerate(truths.values()):
        name = truth.name or truth.path.stem
        if not options.quiet:
            print(f"coloring {name}", file=sys.stderr, flush=True)
        result = _color(truth, folder / str(number), colorizer)
        pairs.append(Pair(name, truth, {str(options.system): result}))
    return pairs


def _color(truth: "Clip", target: Path, colorizer: Any) -> "Clip":
    """Only the luma of the truth is read; films are kept without loss, in 4:2:0."""
    from hueshift_jax import api
    from hueshift_jax.metrics.clips import Clip
    from hueshift_jax.pipeline.film import ColorizeOptions
    from hueshift_jax.video.writer import Encoding

    if truth.film is None and len(truth.pictures) == 1:
        picture = target.with_suffix(".png")
        api.colorize_picture_file(truth.pictures[0], picture, colorizer, ColorizeOptions())
        return Clip(truth.name, picture, pictures=(picture,))
    film = target.with_suffix(".mkv")
    encoding = Encoding(preset="ultrafast", lossless=True)
    options = ColorizeOptions(encoding=encoding, keep_color="no")
    api.colorize_video(truth.path, film, colorizer, options)
    return Clip(truth.name, film, film=film)


def _write(found: "Evaluation", options: argparse.Namespace) -> None:
    """Everything that was asked for; the clips must still be there for the report."""
    from hueshift_jax.metrics import evaluate, report

    frames = options.frames or (options.output and evaluate.frames_path(options.output))
    try:
        if options.output is not None:
            text = json.dumps(evaluate.as_json(found), indent=2, allow_nan=False)
            options.output.write_text(f"{text}\n", encoding="utf-8")
        if frames is not None:
            with frames.open("w", encoding="utf-8", newline="") as file:
                evaluate.write_frames(found, file)
    except OSError as error:
        raise UnwritableMediaError(
            f"{error.filename} cannot be written: {error.strerror}."
        ) from None
    if options.report is not None:
        report.write(found, options.report)
