"""How noise grows: a clean sample becomes pure noise in so many steps.

The state of step t is sqrt(kept[t]) clean + sqrt(1 - kept[t]) noise, both of deviation 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class NoiseSchedule(NamedTuple):
    """One number a step.

    added: the variance that the step adds (beta).
    kept: the variance of the clean sample that is left after it (alpha-bar, alpha-hat).
    """

    added: jax.Array
    kept: jax.Array

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.added.shape[0]


def linear(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> NoiseSchedule:
    """Added variances at equal distances from `first` to `last`, both included.

    Source: Ho et al. 2020, section 4.
    """
    added = np.linspace(first, last, steps)
    kept = np.cumprod(1.0 - added)
    return NoiseSchedule(*(jnp.asarray(x, jnp.float32) for x in (added, kept)))


def noised(
    schedule: NoiseSchedule, clean: jax.Array, noise: jax.Array, steps: jax.Array
) -> jax.Array:
    """The states of `steps`, one for each sample along the first axis."""
    kept = _spread(schedule.kept[steps], clean.ndim)
    return jnp.sqrt(kept) * clean + jnp.sqrt(1.0 - kept) * noise


def _spread(values: jax.Array, rank: int) -> jax.Array:
    return values.reshape(*values.shape, *(1,) * (rank - values.ndim))
