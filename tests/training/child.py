"""A training run of a system that compiles at once; the tests start it as a process of its own.

    python -m tests.training.child FOLDER STEPS [--slow S] [--coordinator ...] [--hang]

Adam on a small convolution with averages and noise from the step's key, on pictures that grain
shuffles and disturbs: all that a real run restores.
"""

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from hueshift_jax import checkpoint, sharding
from hueshift_jax.data import batches
from hueshift_jax.data.batches import DataConfig
from hueshift_jax.sharding import MeshConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.systems.network import averaged, gradients
from hueshift_jax.training import loop
from hueshift_jax.training.config import TrainConfig

DATA = DataConfig(batch_size=8, sizes=(32, 64), phase_ends=(0.5,), threads=1)


class State(NamedTuple):
    """Parameters, running mean, averages, optimizer."""

    params: dict
    stats: dict
    ema: dict
    optimizer: optax.OptState


class Small:
    """One convolution of luma, normalized over the batch, predicts the colors."""

    optimizer = optax.adam(1e-2)

    def init(self, key):
        kernel = 0.1 * jax.random.normal(key, (5, 5, 1, 12))
        params = {"kernel": kernel, "large": jnp.zeros((128, 192)), "out": jnp.ones((12, 3)) / 12}
        return State(params, {"mean": jnp.zeros(12)}, params, self.optimizer.init(params))

    def step(self, state, batch, key):
        noise = 0.01 * jax.random.normal(key, batch.luma.shape)

        def loss_of(params, stats, part):
            luma, rgb = part
            found = jax.lax.conv_general_dilated(
                luma[..., None],
                params["kernel"],
                (4, 4),
                "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            mean = found.mean((0, 1, 2))
            found = jnp.tanh(found - mean[None, None, None]) @ params["out"]
            loss = jnp.square(found - rgb / 255.0).mean() + jnp.square(params["large"] - 1).mean()
            return loss, ({"loss": loss}, {"mean": 0.9 * stats["mean"] + 0.1 * mean})

        part = (batch.luma + noise, jnp.asarray(batch.rgb_u8, jnp.float32))
        gradient, stats, logs = gradients(loss_of, state.params, state.stats, part)
        updates, optimizer = self.optimizer.update(gradient, state.optimizer)
        params = optax.apply_updates(state.params, updates)
        return State(params, stats, averaged(state.ema, params, 0.9), optimizer), logs


def pictures():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40, 56, 3), np.uint8) for _ in range(30)]


def slowly(source, pause_s):
    for batch in source:
        time.sleep(pause_s)
        yield batch


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--save-every", type=float, default=0.0)
    parser.add_argument("--fsdp", type=int, default=1)
    parser.add_argument("--coordinator")
    parser.add_argument("--process-id", type=int)
    parser.add_argument("--num-processes", type=int)
    options = parser.parse_args()
    sharding.connect(options.coordinator, options.process_id, options.num_processes)
    settings = TrainConfig(
        HueShiftGanConfig(),
        DATA,
        steps=options.steps,
        log_every=1,
        save_every_s=options.save_every,
        mesh=MeshConfig(fsdp=options.fsdp),
    )
    options.folder.mkdir(exist_ok=True, parents=True)
    state = loop.run(
        settings,
        Small(),
        lambda start: slowly(
            batches.batches(
                pictures(),
                DATA,
                steps=settings.steps,
                start=start,
                host=jax.process_index(),
                hosts=jax.process_count(),
            ),
            options.slow,
        ),
        folder=options.folder,
        mesh=settings.mesh.build(DATA.batch_size),
    )
    flat = checkpoint.flatten(sharding.to_local(state, settings.mesh.build(DATA.batch_size)))
    print(json.dumps({name: float(jnp.abs(value).sum()) for name, value in flat.items()}))


if __name__ == "__main__":
    main()
