"""What a training run is made of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hueshift_jax.errors import ConfigError
from hueshift_jax.sharding import MeshConfig


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
    """Newest checkpoints that stay."""
    best: str = ""
    """Figure of the evaluation by which the best checkpoint stays too; empty for none."""
    best_is_highest: bool = False
    """Whether a higher figure is better."""
    patience: int = 0
    """Evaluations without a better one after which the run ends; 0 for never."""
    sample_every: int = 500
    """Steps between two sheets of sample pictures."""
    evaluate_every: int = 500
    """Steps between two evaluations."""
    tensorboard: bool = False
    """Write figures and samples for TensorBoard too."""
    mesh: MeshConfig = field(default_factory=MeshConfig)
    """Devices, and what they share."""
    seed: int = 0
    """Of the initial parameters and of every step's randomness."""

    def __post_init__(self):
        for name in ("steps", "log_every", "sample_every", "evaluate_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1")


def changes(before: str, after: str) -> list[str]:
    """What differs between two configurations as JSON, as `name old -> new`."""
    old, new = (dict(_flat(json.loads(text), "")) for text in (before, after))
    names = [*new, *(name for name in old if name not in new)]
    return [f"{n} {old.get(n)} -> {new.get(n)}" for n in names if old.get(n) != new.get(n)]


def _flat(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    else:
        yield name, tree
