"""`hueshift`: picks the sub-command and turns errors into one sentence and an exit code."""

import _thread
import difflib
import errno
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import hueshift_jax
from hueshift_jax.errors import ConversionError, HueShiftError, UsageError

COMMANDS = {
    "colorize": "color a film, a folder of frames or pictures",
    "train": "train a system: hueshift train NAME --data DIR",
    "pack": "pack training pictures, films or clips into shards",
    "convert": "convert weights of the published networks: PyTorch, Keras, safetensors",
    "saliency": "show what catches the eye in pictures and films",
    "evaluate": "measure how good a colorization is",
    "parity": "compare the networks with the published ones",
    "systems": "list the systems with quality, speed, size and license",
    "bench": "measure speed and memory on this machine",
    "doctor": "say what is installed, which device is used and why",
}
INTERRUPTED = 130
_LATER_S = 0.05


def main() -> int:
    """The `hueshift` program."""
    return run(dispatch, sys.argv[1:])


def run(command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """The exit code of `command(argv)`, its errors told on stderr in one sentence.

    `--debug`, anywhere before a bare `--`, is taken out of `argv` and shows the traceback.
    """
    argv, debug = _without_debug(argv)
    try:
        with _kept_interrupts():
            code = command(argv) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as exc:  # argparse has printed its own message
        return _code_of(exc)
    except (KeyboardInterrupt, Exception) as exc:
        if debug:
            traceback.print_exc()
        sentence, code = _told(exc)
        print(sentence, file=sys.stderr)
        return code


@contextmanager
def _kept_interrupts() -> Iterator[None]:
    """Ctrl-C inside a callback or finalizer, where Python drops exceptions, comes again later."""
    before = sys.unraisablehook

    def again(lost: "sys.UnraisableHookArgs") -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
            return
        timer = threading.Timer(_LATER_S, _thread.interrupt_main)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


def dispatch(argv: Sequence[str]) -> int:
    """Runs the sub-command that `argv` begins with.

    Raises:
      UsageError: There is none, or it is unknown.
    """
    name, rest = (argv[0], argv[1:]) if argv else ("--help", ())
    if name in ("--help", "-h", "help"):
        print(_usage())
        return 0 if argv else UsageError.exit_code
    if name == "--version":
        print(f"hueshift {hueshift_jax.__version__}")
        return 0
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(COMMANDS)}"
        raise UsageError(f"there is no command {name!r}{hint}")
    return importlib.import_module(f"hueshift_jax.cli.{name}").main(rest)


def _usage() -> str:
    lines = "\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())
    return (
        f"usage: hueshift COMMAND [options]\n\n{lines}\n\n"
        "hueshift COMMAND --help   the options of a command\n"
        "hueshift --version\n"
        "--debug                   with any command: show where an error came from"
    )


def _without_debug(argv: Sequence[str]) -> tuple[list[str], bool]:
    argv = list(argv)
    end = argv.index("--") if "--" in argv else len(argv)
    options = [token for token in argv[:end] if token != "--debug"]
    return options + argv[end:], len(options) < end


def _code_of(exc: SystemExit) -> int:
    if isinstance(exc.code, str):
        print(f"error: {exc.code}", file=sys.stderr)
    return exc.code if isinstance(exc.code, int) else int(exc.code is not None)


def _told(exc: BaseException) -> tuple[str, int]:
    """What to print about an error, and the exit code."""
    if isinstance(exc, ConversionError):  # names every tensor that does not fit
        return f"error: {_one_line(exc, None)}", exc.exit_code
    if isinstance(exc, HueShiftError):
        return f"error: {_one_line(exc)}", exc.exit_code
    if isinstance(exc, KeyboardInterrupt):
        return str(exc) or "interrupted", INTERRUPTED
    if isinstance(exc, MemoryError) or "RESOURCE_EXHAUSTED" in str(exc):
        return "error: there is not enough memory for this; try a smaller size or batch", 1
    if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" for {exc.filename}" if exc.filename else ""
        return f"error: there is no space left on the disk{where}", 1
    kind = type(exc).__name__
    return f"error: unexpected {kind}: {_one_line(exc)} (run again with --debug to see where)", 1


def _one_line(exc: BaseException, most: int | None = 500) -> str:
    return " ".join(str(exc).split())[:most]


if __name__ == "__main__":
    raise SystemExit(main())
