"""What is found out about a shot from its first frames, and holds for all of them."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from hueshift_jax.video.frame import NO_BARS, Bars

Found = Literal["start", "cut", "dissolve", "given"]
"""Why a shot begins: the film does, a cut or dissolve was seen, or a person says so."""


@dataclass(frozen=True)
class ShotFacts:
    """How a shot's beginning was found, whether its own colors are kept, and its black bars."""

    found: Found = "start"
    kept: bool = False
    bars: Bars = NO_BARS

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ShotFacts":
        """The inverse of `as_json`; raises KeyError or TypeError where values are missing."""
        return cls(value["found"], value["kept"], Bars(*value["bars"]))
