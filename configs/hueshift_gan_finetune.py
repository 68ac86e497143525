"""The default system, taught your own pictures: from the bundled weights, at a low rate.

Source: see `hueshift_jax.systems.hueshift_gan`.
Data: some hundred color pictures of the kind that the films show; a tenth of them is held out.
Time: about ten minutes of two busy CPU cores, 4,800 crops.
Reaches: see docs/training.md; the log has the held-out figures before, during and after.
Command: python train.py hueshift_gan_finetune --data FOLDER --run runs/mine
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig, OptimConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """A thirtieth of the rates, averages over fifty steps, and the bundled weights' way to color.

    A tenth of the rates learns 424 pictures by heart: the held-out ones then get worse.
    """
    optim = OptimConfig(lr=3e-5, encoder_lr=6e-6, warmup=30)
    system = HueShiftGanConfig(
        begin_with="hueshift_gan",
        ema_decay=0.98,
        optim=optim,
        strength=1.36,
        equalize=0.257,
        spread=1.113,
        fade=0.542,
        short_side=288,
        views=(0.45, 1.0),
    )
    data = DataConfig(sizes=(128,), phase_ends=(), batch_size=16)
    return TrainConfig(
        system=system, data=data, steps=300, log_every=10, sample_every=100, evaluate_every=50
    )
