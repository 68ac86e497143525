"""What a run tells while it goes on; the command line prints these, a program may count them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """An input, before work on it begins; duration and frames are None where unknown."""

    source: Path
    output: Path
    kind: str
    width: int
    height: int
    frames: int | None = None
    frames_per_s: float | None = None
    duration_s: float | None = None
    codec: str = ""
    sound_tracks: int = 0
    colors: str = ""


@dataclass(frozen=True)
class Device:
    """Where the network runs, and why; the frames per second to be expected of the whole run."""

    name: str
    reason: str
    frames_per_s: float | None = None


@dataclass(frozen=True)
class Note:
    """A sentence for the person."""

    text: str


@dataclass(frozen=True)
class Advance:
    """Frames done, of how many, how fast, and how long it may still take; None where unknown."""

    stage: str
    done: int
    total: int | None
    frames_per_s: float | None
    left_s: float | None


@dataclass(frozen=True)
class Finished:
    """The end of one input. frames counts those of the result, new those made in this run.

    undecodable packets, corrupt frames and missing_s, the seconds by which the input ends early,
    say what was wrong with it.
    """

    output: Path
    frames: int
    new_frames: int
    seconds: float
    already: bool = False
    shares: dict[str, float] = field(default_factory=dict)
    undecodable: int = 0
    corrupt: int = 0
    missing_s: float = 0.0


Event = Found | Device | Note | Advance | Finished
Listener = Callable[[Event], None]
