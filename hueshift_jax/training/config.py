"""What a training run is made of."""

from dataclasses import dataclass
from typing import Any

from hueshift_jax.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """One experiment.

    `system` and `data` are configs of their own rooms; the loop only builds and passes them on.
    """

    system: Any
    """The config of what is trained."""
    data: Any
    """The config of the batches."""
    steps: int = 8000
    """Optimizer steps of the whole run."""
    log_every: int = 20
    """Steps between two lines of the log."""
    save_every_s: float = 240.0
    """Seconds between two checkpoints."""
    keep: int = 2
    """Checkpoints that stay."""
    sample_every: int = 500
    """Steps between two sheets of sample pictures."""
    seed: int = 0
    """Of the initial parameters."""

    def __post_init__(self):
        for name in ("steps", "log_every", "sample_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1")
