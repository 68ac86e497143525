"""`hueshift colorize`: gives black-and-white films, folders of frames and pictures their colors."""

import argparse
import difflib
import math
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hueshift_jax.errors import ConfigError, HueShiftError, UsageError

PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
_USAGE = "infer.py --video IN [IN ...] [--output OUT] [options]      (--help lists them)"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(argv: Sequence[str]) -> int:
    """Runs the command; 1 if one of several inputs failed."""
    if not argv:
        print(f"usage: {_USAGE}\n       infer.py --demo", file=sys.stderr)
        return UsageError.exit_code
    options = parse(argv)
    from hueshift_jax.cli import progress

    with (
        _stop_on_termination(),
        progress.printer(as_json=options.json, quiet=options.quiet) as tell,
    ):
        if options.demo:
            from hueshift_jax.cli import demo

            return demo.run(options, tell)
        return _color_all(options, tell)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options, checked one by one.

    Raises:
      UsageError: an option is unknown, or has a value that it cannot have.
    """
    options, unknown = _parser().parse_known_args(argv)
    if unknown:
        raise UsageError(_unknown(unknown[0]))
    if options.demo:
        return options
    if not options.video:
        raise UsageError("no film was named; use --video FILM")
    if options.end is not None and (options.start or 0.0) >= options.end:
        raise UsageError("--end must be later than --start")
    if options.preview == 0:
        raise UsageError("--preview must be longer than 0 seconds")
    if options.preview is not None:
        if options.end is not None:
            raise UsageError("--preview and --end exclude each other")
        options.end = (options.start or 0.0) + options.preview
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("hueshift colorize", usage=_USAGE, description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--video", nargs="+", metavar="IN", help="films, folders of frames or films, or pictures")
    add("--output", metavar="OUT", help="result, or an existing folder (IN with .color)")
    add("--system", metavar="NAME|FILE", help="what colors: a system's name or a weights file")
    add("--temporal", choices=("auto", "none"), default="auto", help="steady colors over time")
    add("--motion", choices=("fast", "medium", "network"), default="fast", help="what follows")
    add("--preview", type=_time, metavar="10s", help="only so much of the beginning")
    add("--start", type=_time, metavar="T", help="begin there: seconds or h:m:s")
    add("--end", type=_time, metavar="T", help="end there: seconds or h:m:s")
    _add_color(parser.add_argument_group("colors"))
    _add_given(parser.add_argument_group("colors that you give, carried through their shots"))
    _add_result(parser.add_argument_group("result"))
    _add_run(parser.add_argument_group("run"))
    return parser


def _add_color(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--saturation", type=_number(0, 4), default=1.0, metavar="X", help="0 gray .. 1 .. 4")
    add("--warmth", type=_number(-1, 1), default=0.0, metavar="X", help="-1 cool .. 1 warm")
    add("--strength", type=_number(0, 1), default=1.0, metavar="X", help="0 gray film .. 1 colored")
    add("--tint", type=_number(-1, 1), default=0.0, metavar="X", help="-1 green .. 1 magenta")
    add("--dark", type=_number(0, 1), default=0.0, metavar="X", help="0 .. 1 no color in black")
    add("--cast", type=_number(0, 1), default=0.0, metavar="X", help="0 .. 1 no color cast")
    add("--hue", type=_repairs, action="append", metavar="R", help='as "300:340|0.4,0.2"')
    add("--temperature", type=_number(0.01, 2), metavar="X", help="lower: more decided colors")
    add("--seed", type=_whole(0, 2**31 - 1), default=0, metavar="N", help="of random choices")
    add("--size", type=_whole(32, 1024), metavar="N", help="short side at which the network works")


def _add_given(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    several: dict = {"action": "append", "default": []}
    keyframe = "picture of the frame at T (12.5=frame.png), or a folder of ref_000123.png"
    add("--keyframe", type=_keyframe, metavar="T=PICTURE|DIR", help=keyframe, **several)
    reference = "picture or folder; what looks alike takes its colors"
    add("--reference", type=Path, metavar="PICTURE|DIR", help=reference, **several)
    points = "lines of time, x, y and color: 12.5,320,180,#c08060"
    add("--points", type=Path, metavar="CSV", help=points, **several)
    cuts = "where shots begin, in place of detection: a list as OUT.hueshift/shots.csv"
    add("--cuts", type=Path, metavar="FILE", help=cuts)
    keep = "shots in color already: kept if clearly so, with any chroma, never"
    add("--keep-color", choices=("auto", "yes", "no"), default="auto", help=keep)


def _add_result(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--crf", type=_whole(0, 51), default=17, metavar="N", help="0 large .. 17 .. 51 poor")
    add("--lossless", action="store_true", help="keep every code value of the luma")
    add("--preset", choices=PRESETS, default="superfast", metavar="NAME", help=", ".join(PRESETS))
    add("--fps", type=_rate, metavar="N", help="frames/s of a folder of frames (24)")
    add("--frames", type=Path, metavar="DIR", help="write every frame as PNG there too")
    add("--side-by-side", action="store_true", help="a second film: gray beside color")
    add("--pictures", action="store_true", help="folders hold separate pictures, not frames")


def _add_run(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--overwrite", action="store_true", help="replace a result that is there already")
    add("--no-resume", action="store_true", help="begin anew instead of continuing")
    add("--json", action="store_true", help="one JSON object per event on stdout")
    add("--quiet", action="store_true", help="no lines but errors and damage")
    add("--demo", action="store_true", help="make a short film of photographs and color it")


def _unknown(name: str) -> str:
    if not name.startswith("-"):
        return f"{name!r} stands alone; films are named after --video"
    name = name.partition("=")[0]
    known = [o for action in _parser()._actions for o in action.option_strings]
    close = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {close[0]}?" if close else "; --help lists the options"
    return f"there is no option {name}{hint}"


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse_number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a number between {least:g} and {most:g}"
            )
        return value

    return parse_number


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse_whole(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number between {least} and {most}"
            )
        return int(text)

    return parse_whole


def _repairs(text: str) -> str:
    from hueshift_jax.pipeline import hue

    try:
        hue.parse(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _time(text: str) -> float:
    """Seconds, from `12.5`, `12.5s`, `1:02` or `1:00:02`."""
    from hueshift_jax.pipeline.points import seconds

    found = seconds(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90, 10s or 1:30")
    return found


def _keyframe(text: str) -> tuple[float | None, Path]:
    """Time and picture, or None and a folder."""
    time, equals, name = text.partition("=")
    if not equals or Path(text).is_dir():
        return None, Path(text)
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} names no picture after the time")
    return _time(time), Path(name)


def _rate(text: str) -> Fraction:
    """Frames per second, such as 24, 23.976 or 24000/1001."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not Fraction(1, 100) <= rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of frames per second")
    return rate.limit_denominator(1001)


@contextmanager
def _stop_on_termination() -> Iterator[None]:
    """A request to terminate ends the run like Ctrl-C does: progress stays."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread, where signals do not arrive anyway
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _color_all(options: argparse.Namespace, tell: Callable) -> int:
    from hueshift_jax import api
    from hueshift_jax.pipeline.inputs import sort_out

    named = [
        work
        for name in options.video
        for work in sort_out(Path(name), as_pictures=options.pictures)
    ]
    if len(named) > 1 and options.output and not Path(options.output).is_dir():
        raise UsageError(f"{options.output} must be an existing folder for several results")
    if len(named) > 1 and options.cuts is not None:
        raise UsageError("--cuts lists the shots of one film; color several films one by one")
    settings = {"size": options.size, "temperature": options.temperature}
    colorizer = api.choose(options.system or api.DEFAULT_SYSTEM, **settings)
    if len(named) == 1:
        return _color(named[0], options, colorizer, tell)
    tell = _NoTwice(tell)
    failures = sum(_color_or_say(work, options, colorizer, tell) for work in named)
    return 1 if failures else 0


class _NoTwice:
    """Hands events on; refuses an input whose result would replace that of an earlier one."""

    def __init__(self, tell: Callable):
        self._tell = tell
        self._sources: dict[Path, Path] = {}

    def __call__(self, event) -> None:
        from hueshift_jax.pipeline.events import Found

        if isinstance(event, Found):
            earlier = self._sources.setdefault(event.output.resolve(), event.source)
            if earlier != event.source:
                raise UsageError(
                    f"{event.output} holds the colors of {earlier} already; "
                    f"color {event.source} by itself, with another --output"
                )
        self._tell(event)


def _color_or_say(work, options: argparse.Namespace, colorizer, tell: Callable) -> int:
    """Like `_color`, but an error is printed and counted, so that the other inputs have a turn."""
    from hueshift_jax.pipeline.events import Note

    if work.kind == "picture" and not options.overwrite:
        output = _picture_output(work.path, options.output)
        if output.exists():
            tell(Note(f"{output} is there already; --overwrite replaces it."))
            return 0
    try:
        return _color(work, options, colorizer, tell)
    except HueShiftError as error:
        print(f"error: {error}", file=sys.stderr)
        tell(Note(f"{work.path} was left out."))
        return 1


def _color(work, options: argparse.Namespace, colorizer, tell: Callable) -> int:
    from hueshift_jax import api

    chosen = resolve(options)
    if work.kind == "picture":
        output = _picture_output(work.path, options.output)
        api.colorize_picture_file(work.path, output, colorizer, chosen, tell)
        return 0
    try:
        api.colorize_video(work.path, options.output, colorizer, chosen, tell)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped; the same command continues where it was.") from None
    return 0


def _picture_output(source: Path, output: str | None) -> Path:
    if output is not None and not Path(output).is_dir():
        return Path(output)
    folder = source.parent if output is None else Path(output)
    return folder / f"{source.stem}.color{source.suffix}"


def _controls(options: argparse.Namespace):
    from hueshift_jax.pipeline.controls import LIMITS, Controls

    numbers = {name: getattr(options, name) for name in LIMITS}
    return Controls(**numbers, hue=";".join(options.hue or ()))


def resolve(options: argparse.Namespace):
    """`pipeline.film.ColorizeOptions` from the command line."""
    from hueshift_jax.pipeline.film import ColorizeOptions
    from hueshift_jax.pipeline.given_files import Paths
    from hueshift_jax.video.probe import PICTURE_RATE
    from hueshift_jax.video.writer import Encoding

    return ColorizeOptions(
        controls=_controls(options),
        encoding=Encoding(crf=options.crf, preset=options.preset, lossless=options.lossless),
        temporal=options.temporal,
        motion=options.motion,
        cuts=options.cuts,
        keep_color=options.keep_color,
        start_s=options.start,
        end_s=options.end,
        seed=options.seed,
        frames_rate=options.fps or PICTURE_RATE,
        frames_folder=options.frames,
        given=Paths(tuple(options.keyframe), tuple(options.reference), tuple(options.points)),
        side_by_side=options.side_by_side,
        overwrite=options.overwrite,
        resume=not options.no_resume,
    )
