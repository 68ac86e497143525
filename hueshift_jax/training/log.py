"""What a run says while it trains: JSON lines in its folder, a board, the terminal."""

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import jax
import numpy as np

from hueshift_jax.training.screen import Screen, in_words


class Board(Protocol):
    """Another place where figures go."""

    def figures(self, step: int, figures: dict[str, float]) -> None:
        """Notes the figures of a step."""
        ...


class Log:
    """Appends to `log.jsonl`; figures are averaged between two written lines.

    Args:
      folder: of the run.
      every: steps between two lines.
      after: lines of later steps are dropped: a killed run had got further than its checkpoint.
      screen: the terminal; None writes nothing at all, as all but the first of several processes.
      board: receives the figures too.
      peak_gflops: what a device computes at best, in 10^9 operations a second; 0 if not known.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every: int,
        after: int = 0,
        screen: Screen | None = None,
        board: Board | None = None,
        peak_gflops: float = 0.0,
    ):
        self._path = folder / "log.jsonl"
        self._every = every
        self._screen = screen
        self._board = board
        self._peak_gflops = peak_gflops
        self._pending: list[dict] = []
        self._begin()
        if screen is not None:
            # A run that begins anew has no step at all: what it measured before the first goes too.
            _trim(self._path, after or -1)

    def _begin(self) -> None:
        """Starts to count for the next line."""
        self._pending, self._pictures, self._gflop = [], 0, 0.0
        self._waited_s, self._since = 0.0, time.monotonic()

    def waited(self, seconds: float) -> None:
        """Notes how long the loop has waited for a batch."""
        self._waited_s += seconds

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What happens inside is no training, and its time does not count for the speed."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._since += time.monotonic() - began

    def step(
        self, step: int, logs: dict, pictures: int, *, gflop: float = 0.0, last: bool = False
    ) -> dict | None:
        """Notes one step; every so many steps and after the last writes and returns the means.

        With them go `pictures_per_s`, `input_share` (0..1, the part of the time in which the
        device waited for pictures), `memory_mib` (the most in use so far, of one device or, on
        a CPU, of the process) and `peak_share` (0..1: what was computed per second, beside what the
        device can at best).
        """
        self._pending.append(logs)
        self._pictures += pictures
        self._gflop += gflop
        return self.flush(step) if last or step % self._every == 0 else None

    def flush(self, step: int) -> dict[str, float]:
        """Writes and returns the means of what was noted since the last line; {} for nothing."""
        if not self._pending:
            return {}
        # Steps of other kinds have other figures: a mean is over the steps that have it.
        named = dict.fromkeys(name for entry in self._pending for name in entry)
        means = {
            name: float(
                np.mean([np.asarray(e[name], np.float64) for e in self._pending if name in e])
            )
            for name in sorted(named, key=lambda name: name != "loss")
        }
        # Reading the figures waited for the device, so the clock now shows finished steps.
        seconds = max(time.monotonic() - self._since, 1e-6)
        speed = {
            "pictures_per_s": round(self._pictures / seconds, 2),
            "input_share": round(min(self._waited_s / seconds, 1.0), 3),
            "memory_mib": _memory_mib(),
        }
        if self._peak_gflops and self._gflop:
            speed["peak_share"] = round(self._gflop / seconds / self._peak_gflops, 3)
        self._begin()
        self._record(step, means | speed)
        if self._screen is not None:
            self._screen.progress(step, means | speed)
        return means

    def write(self, step: int, figures: Mapping[str, float], *, shown: bool = True) -> None:
        """One object of `figures` for this step; a figure that is not finite becomes null.

        shown: on the terminal too.
        """
        self._record(step, figures)
        if shown:
            self.say(in_words(step, figures))

    def _record(self, step: int, figures: Mapping[str, float]) -> None:
        if self._screen is None:
            return
        kept = {k: v if math.isfinite(v) else None for k, v in figures.items()}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **kept}) + "\n")
        except OSError as exc:  # a full disk must not end a run that could still be saved
            print(f"{self._path} cannot be written: {exc.strerror}", file=sys.stderr)
        if self._board is not None:
            self._board.figures(step, figures)

    def say(self, message: str) -> None:
        """A line on the terminal."""
        if self._screen is not None:
            self._screen.line(message)


def _trim(path: Path, after: int) -> None:
    """Drops what does not belong to the first `after` steps, a line cut off in the middle too."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if _step_of(line) <= after]
    if len(kept) < len(lines):
        shorter = path.with_suffix(".tmp")
        shorter.write_text("".join(kept), encoding="utf-8")
        os.replace(shorter, path)


def _step_of(line: str) -> float:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return json.loads(line)["step"]
    return math.inf


def _memory_mib() -> float:
    stats = jax.local_devices()[0].memory_stats()
    if stats and "peak_bytes_in_use" in stats:
        return round(stats["peak_bytes_in_use"] / 2**20)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
