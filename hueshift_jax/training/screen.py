"""A run on the terminal: one line that moves, or plain lines where nobody watches."""

import sys
import time
from collections.abc import Mapping


class Screen:
    """Plain lines on stdout, one for every line of the log."""

    def line(self, text: str) -> None:
        """Prints one line."""
        print(text, flush=True)

    def progress(self, step: int, figures: Mapping[str, float]) -> None:
        """Tells the figures of a step."""
        self.line(in_words(step, figures))

    def close(self) -> None:
        """Nothing is left open."""


class LiveScreen(Screen):
    """A bar on the last line of a terminal: step, loss, speed, and the time that is left.

    Args:
      steps: of the whole run.
      done: of them, before this part of it.
    """

    def __init__(self, steps: int, done: int = 0):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(None),
            TextColumn("{task.fields[facts]}"),
        )
        # A console of its own: the library's shared one knows the terminal of its first use.
        self._progress = Progress(*columns, console=Console(), transient=True, expand=True)
        self._task = self._progress.add_task(f"step {done} of {steps}", total=steps, completed=done)
        self._progress.update(self._task, facts="compiling")
        self._steps, self._done, self._since = steps, done, time.monotonic()
        self._progress.start()

    def line(self, text: str) -> None:
        """Prints one line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def progress(self, step: int, figures: Mapping[str, float]) -> None:
        """Moves the bar."""
        spent = time.monotonic() - self._since
        left = (self._steps - step) * spent / max(step - self._done, 1)
        self._progress.update(
            self._task,
            completed=step,
            description=f"step {step} of {self._steps}",
            facts=f"{facts(figures)}, {_clock(left)} left",
        )

    def close(self) -> None:
        """Takes the bar away."""
        self._progress.stop()


def screen(steps: int, done: int = 0) -> Screen:
    """What suits this terminal."""
    return LiveScreen(steps, done) if sys.stdout.isatty() and done < steps else Screen()


def in_words(step: int, figures: Mapping[str, float]) -> str:
    """All figures of a step in one line."""
    return "  ".join([f"step {step}", *(f"{k} {v:.4g}" for k, v in figures.items())])


def facts(figures: Mapping[str, float]) -> str:
    """What one looks at while a run goes on."""
    parts = []
    if "loss" in figures:
        parts.append(f"loss {figures['loss']:.4g}")
    parts.append(f"{figures['pictures_per_s']:.3g} pictures/s")
    parts.append(f"waiting {figures['input_share']:.0%}")
    parts.append(f"{figures['memory_mib']:.0f} MiB")
    if "peak_share" in figures:
        parts.append(f"{figures['peak_share']:.0%} of peak")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
