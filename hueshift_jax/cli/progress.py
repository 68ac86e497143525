"""How a run is told: a bar on a terminal, plain lines elsewhere, or one JSON object per event."""

import dataclasses
import json
import math
import sys
import threading
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from hueshift_jax.pipeline.events import Advance, Device, Event, Finished, Found, Note

_PLAIN_LINE_S = 10.0


def printer(*, as_json: bool, quiet: bool) -> "Printer":
    """The printer for this terminal and these options."""
    if as_json:
        return JsonPrinter()
    if quiet:
        return QuietPrinter()
    return BarPrinter() if sys.stdout.isatty() else Printer()


class Printer(AbstractContextManager):
    """Plain lines on stdout; progress every ten seconds. Called from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._last = -math.inf

    def __call__(self, event: Event) -> None:
        """Tells one event."""
        with self._lock:
            if isinstance(event, Advance):
                self.advance(event)
            else:
                self.line(sentence(event))

    def line(self, text: str) -> None:
        """Prints one line."""
        print(text, flush=True)

    def advance(self, event: Advance) -> None:
        """Tells how far the work is."""
        now = time.monotonic()
        if now - self._last >= _PLAIN_LINE_S and event.frames_per_s is not None:
            self._last = now
            self.line(sentence(event))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is left open."""


class QuietPrinter(Printer):
    """Nothing but what must not be missed."""

    def __call__(self, event: Event) -> None:
        """Tells damage only."""
        if isinstance(event, Finished) and _damage(event):
            self.line(_damage(event))


class JsonPrinter(Printer):
    """One JSON object per line; `event` names its kind."""

    def __call__(self, event: Event) -> None:
        """Prints the event."""
        content = {"event": type(event).__name__.lower(), **dataclasses.asdict(event)}
        with self._lock:
            print(json.dumps(content, default=str), flush=True)


class BarPrinter(Printer):
    """A bar that stays on the last line of the terminal."""

    def __init__(self):
        super().__init__()
        from rich.progress import BarColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}")
        self._progress = Progress(*columns, transient=True)
        self._task = self._progress.add_task("", total=None, visible=False, facts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Takes the bar away."""
        self._progress.stop()

    def line(self, text: str) -> None:
        """Prints one line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def advance(self, event: Advance) -> None:
        """Moves the bar."""
        self._progress.update(
            self._task,
            completed=event.done,
            total=event.total,
            description=event.stage,
            facts=_facts(event),
            visible=True,
        )


def sentence(event: Event) -> str:
    """The event in words."""
    if isinstance(event, Found):
        return _found(event)
    if isinstance(event, Device):
        return _device(event)
    if isinstance(event, Note):
        return event.text
    if isinstance(event, Advance):
        return f"{event.stage}: {_facts(event)}"
    return _finished(event)


def _found(event: Found) -> str:
    facts = [f"{event.width}x{event.height}"]
    if event.frames is not None:
        facts.append(_count(event.frames, "frame"))
    if event.frames_per_s is not None and event.kind != "picture":
        facts.append(f"{event.frames_per_s:g} frames/s")
    if event.codec:
        facts.append(event.codec)
    if event.kind == "film":
        tracks = event.sound_tracks
        facts.append(_count(tracks, "sound track") if tracks else "no sound")
    if event.colors:
        facts.append(event.colors)
    return f"{event.source}: {', '.join(facts)} -> {event.output}"


def _device(event: Device) -> str:
    text = f"The network runs on {event.name}, because {event.reason}"
    rate = event.frames_per_s
    return f"{text}." if rate is None else f"{text}; about {rate:.0f} frames/s are expected."


def _facts(event: Advance) -> str:
    whole = event.done if event.total is None else f"{event.done} of {event.total}"
    text = f"{whole} frames"
    if event.frames_per_s is not None:
        text += f", {event.frames_per_s:.1f} frames/s"
    if event.left_s is not None:
        text += f", {clock(event.left_s)} left"
    return text


def _finished(event: Finished) -> str:
    if event.already:
        return f"{event.output} is already finished."
    made = _count(event.frames, "frame")
    text = f"Wrote {event.output}: {made} in {clock(event.seconds)}"
    if event.shares:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in event.shares.items())
        text += f" ({event.new_frames / max(event.seconds, 1e-3):.1f} frames/s; {shares})"
    return f"{text}. {_damage(event)}".rstrip()


def _damage(event: Finished) -> str:
    parts = []
    if event.undecodable:
        parts.append(f"{_count(event.undecodable, 'damaged packet')} gave no picture")
    if event.corrupt:
        verb = "was" if event.corrupt == 1 else "were"
        parts.append(f"{_count(event.corrupt, 'frame')} {verb} decoded with errors")
    if event.missing_s:
        parts.append(f"the last {event.missing_s:.1f} s are missing")
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
    return f"The input is damaged: {listed}." if parts else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def clock(seconds: float) -> str:
    """A duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
