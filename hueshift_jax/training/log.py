"""What a run says while it trains: JSON lines in its folder, one line at a time on the terminal."""

import json
import math
import time
from pathlib import Path

import numpy as np


class Log:
    """Appends to `log.jsonl`; figures are averaged between two written lines."""

    def __init__(self, folder: Path, *, every: int, quiet: bool = False):
        self._path = folder / "log.jsonl"
        self._every = every
        self._quiet = quiet
        self._pending: list[dict] = []
        self._since = time.monotonic()

    def step(self, step: int, logs: dict, pictures: int, *, last: bool = False) -> dict | None:
        """Notes one step; every so many steps and after the last writes and returns the means."""
        self._pending.append(logs)
        if step % self._every and not last:
            return None
        means = {
            name: float(np.mean([np.asarray(entry[name]) for entry in self._pending]))
            for name in logs
        }
        # Reading the figures waited for the device, so the clock now shows finished steps.
        seconds = time.monotonic() - self._since
        means["pictures_per_s"] = round(pictures * len(self._pending) / seconds, 2)
        self._pending, self._since = [], time.monotonic()
        self.write(step, means)
        return means

    def write(self, step: int, figures: dict) -> None:
        """One object of `figures` for this step; a figure that is not finite becomes null."""
        kept = {k: v if math.isfinite(v) else None for k, v in figures.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **kept}) + "\n")
        if not self._quiet:
            shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
            print(f"step {step}  {shown}", flush=True)
