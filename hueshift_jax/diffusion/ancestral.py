"""Ancestral sampling: from noise back to a sample, one step of the schedule at a time.

Source: Ho et al. 2020, algorithm 2, with the added variance itself as variance of a step back.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from hueshift_jax.diffusion.schedule import NoiseSchedule

Denoiser = Callable[[jax.Array, jax.Array], jax.Array]
"""(states, steps) -> the noise in them; one step for each state along the first axis."""


def step_back(
    schedule: NoiseSchedule,
    state: jax.Array,
    predicted: jax.Array,
    step: jax.Array | int,
    noise: jax.Array | float,
) -> jax.Array:
    """The state before `step`, given the noise predicted in it; `noise` is fresh, 0 for none."""
    added, kept = schedule.added[step], schedule.kept[step]
    mean = (state - added / jnp.sqrt(1.0 - kept) * predicted) / jnp.sqrt(1.0 - added)
    return mean + jnp.sqrt(added) * noise


def sample(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    state: jax.Array,
    *,
    until: int = 0,
    key: jax.Array,
) -> jax.Array:
    """The sample at the end of all steps back from the last, of which `until` gets no fresh noise.

    state: noise of deviation 1, (samples, ...).
    """

    def back(state: jax.Array, step: jax.Array) -> tuple[jax.Array, None]:
        predicted = denoiser(state, jnp.full(state.shape[0], step))
        noise = jax.random.normal(jax.random.fold_in(key, step), state.shape)
        noise = jnp.where(step > until, noise, 0.0)
        return step_back(schedule, state, predicted, step, noise), None

    return lax.scan(back, state, jnp.arange(schedule.steps - 1, until - 1, -1))[0]
