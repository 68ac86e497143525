"""The default system with a network that compiles in seconds."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import sharding
from hueshift_jax.contracts import Batch
from hueshift_jax.models import efficientnet_lite
from hueshift_jax.models.efficientnet_lite import LITE0
from hueshift_jax.systems import hueshift_gan
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig, OptimConfig, State
from hueshift_jax.training.program import Program
from tests.models.weights import quick_compilation, random_weights

STAGES = (
    # kernel, stride, expansion, width, depth
    (3, 1, 1, 8, 1),
    (3, 2, 2, 8, 1),
    (3, 2, 2, 16, 1),
    (3, 2, 2, 16, 1),
    (3, 2, 2, 24, 1),
)
"""The strides of Lite2 in as few and narrow blocks as there can be."""

CONFIG = HueShiftGanConfig(
    widths=(32, 16, 16, 8),
    frozen_blocks=2,
    pretrained=False,
    optim=OptimConfig(lr=5e-3, encoder_lr=1e-3, steps=40, warmup=2),
)


@contextlib.contextmanager
def small_and_quick():
    """Puts the short encoder in place of Lite2."""
    with quick_compilation(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(efficientnet_lite, "STAGES", STAGES)
        patch.setattr(hueshift_gan, "LITE2", LITE0)
        yield


def initial(system):
    """What `system.init` returns, with random weights made by NumPy."""
    params = random_weights(system.network.params)
    stats = random_weights(system.network.stats)
    optimizer = jax.jit(system._optimizer.init)(params)
    count = len(system.bins)
    ema = {name: jnp.array(value) for name, value in (params | stats).items()}
    critics = jax.jit(system.game.init)(jax.random.key(1)) if system.game.critics else None
    return State(params, stats, ema, optimizer, jnp.full(count, 1.0 / count), critics)


def first_steps(system, shape, batches):
    """The figures of a run's first steps on a mesh, each (n,) by name, and the last state."""
    program = Program(system, sharding.make_mesh(*shape), jax.random.key(0))
    state, found = program.init(), []
    for n, batch in enumerate(batches, 1):
        placed = program.place(batch)
        assert program.prepare(state, placed, lambda: False, number=n)
        state, logs = program.step(state, placed, n)
        found.append(logs)
    return {name: np.array([logs[name] for logs in found]) for name in found[0]}, state


def batch(seed=0, count=4, size=64):
    """Gray pictures whose colors follow from their brightness and place."""
    rng = np.random.default_rng(seed)
    y = np.linspace(0, 1, size, dtype=np.float32)[None, :, None]
    bumps = rng.uniform(0.5, 3.0, (count, 1, 1)).astype(np.float32)
    luma = 0.5 + 0.3 * np.sin(6.0 * bumps * (y + y.transpose(0, 2, 1)))
    small = luma[:, ::4, ::4]
    rgb = np.stack([small, 0.7 * small, 0.9 * small[:, ::-1]], -1)
    return Batch(luma.astype(np.float32), np.rint(255 * rgb).astype(np.uint8))
