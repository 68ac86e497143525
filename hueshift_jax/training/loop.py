"""One training run, from the newest checkpoint to the last step."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hueshift_jax import checkpoint, config
from hueshift_jax.contracts import Batch, State, System
from hueshift_jax.errors import TrainingError
from hueshift_jax.training.config import TrainConfig
from hueshift_jax.training.log import Log

Hook = Callable[[int, State], None]


def run(
    settings: TrainConfig,
    system: System,
    batches: Callable[[int], Iterator[Batch]],
    *,
    folder: Path,
    hooks: tuple[Hook, ...] = (),
) -> State:
    """Trains until `settings.steps` and returns the last state.

    Args:
      settings: the experiment, saved with every checkpoint.
      system: what is trained.
      batches: gives the batches from a step on; called once, with the first step to do.
      folder: of the run; checkpoints go to `folder/checkpoints`, figures to `folder/log.jsonl`.
      hooks: called every `sample_every` steps and after the last with (step, state).

    Raises:
      TrainingError: a logged figure is not finite; the last good checkpoint stays.
    """
    keeper = checkpoint.Checkpoints(folder / "checkpoints", settings.keep)
    log = Log(folder, every=settings.log_every)
    key = jax.random.key(settings.seed)
    state = system.init(key)
    restored = keeper.restore(state)
    first, state = (restored.step, restored.state) if restored else (0, state)
    saved = time.monotonic()
    text = config.to_json(settings)
    for step, batch in enumerate(batches(first), start=first + 1):
        state, logs = system.step(state, batch, jax.random.fold_in(key, step))
        last = step == settings.steps
        means = log.step(step, logs, len(batch.luma), last=last)
        if means:
            _check_finite(means, step, settings.log_every)
        if last or (means and time.monotonic() - saved > settings.save_every_s):
            keeper.save(step, state, text)
            saved = time.monotonic()
        if last or step % settings.sample_every == 0:
            for hook in hooks:
                hook(step, state)
    return state


def _check_finite(means: dict[str, Any], step: int, every: int) -> None:
    bad = [name for name, value in means.items() if not np.isfinite(value)]
    if bad:
        first = (step - 1) // every * every
        raise TrainingError(
            f"{', '.join(bad)} became non-finite between steps {first} and {step}; the last "
            "checkpoint is good: lower the learning rate and run the command again"
        )
