"""What the systems with bundled weights score: stored beside the weights, made by a command.

`hueshift bench systems` measures and stores; `hueshift systems` and the README's table show it. A
score belongs to one file of weights: under other weights it is not shown.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hueshift_jax.weights import FOLDER

PATH = FOLDER / "measured.json"
"""Where it is stored."""
FIGURES = ("ciede2000", "psnr", "colorfulness_ratio")
"""What is kept of an evaluation: PSNR never stands alone."""


@dataclass(frozen=True)
class Quality:
    """What one system scored.

    weights: SHA-256 of the file that was measured.
    figures: means over the clips, by name.
    """

    weights: str
    figures: dict[str, float]


@dataclass(frozen=True)
class Speed:
    """Frames of 854x480 a second, from file to file, and the machine that did so."""

    frames_per_s: float
    machine: str


@dataclass(frozen=True)
class Record:
    """All that is stored.

    named: the clips, in words.
    references: what needs no colorizer, on the same clips.
    """

    named: str = ""
    clips: int = 0
    systems: dict[str, Quality] = field(default_factory=dict)
    references: dict[str, dict[str, float]] = field(default_factory=dict)
    speeds: dict[str, Speed] = field(default_factory=dict)

    def quality(self, name: str, weights: str) -> dict[str, float] | None:
        """The figures of a system, if these weights are the ones that were measured."""
        found = self.systems.get(name)
        return found.figures if found is not None and found.weights == weights else None


def load(path: Path = PATH) -> Record:
    """What is stored; an empty record if nothing is."""
    if not path.is_file():
        return Record()
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Record(
        stored["named"],
        stored["clips"],
        {name: Quality(**quality) for name, quality in stored["systems"].items()},
        stored["references"],
        {name: Speed(**speed) for name, speed in stored["speeds"].items()},
    )


def save(record: Record, path: Path = PATH) -> None:
    """Stores it as JSON."""
    text = json.dumps(dataclasses.asdict(record), indent=2, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def kept(mean: Mapping[str, float]) -> dict[str, float]:
    """Of the means of an evaluation what is stored."""
    return {name: round(mean[name], 4) for name in FIGURES}
