"""The default system, taught to agree with itself from frame to frame.

Each photograph is also seen a moment later, by a camera that has moved, in other light and with
other grain; the colors of the two are to agree (`losses.temporal`).

Source: see `hueshift_jax.systems.hueshift_gan`.
Data: photographs as for `hueshift_gan`; no films.
Time: 160 steps were tried, a quarter of an hour of two busy CPU cores; never all 800.
Reaches: after 160 steps, frame by frame, a tenth less flicker, and colors paler by a tenth. With
  `--temporal auto` films are as steady as without, so the bundled weights are not from here.
Command: python train.py hueshift_gan_temporal --data FOLDER --run runs/temporal
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig, OptimConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """A tenth of the rates, and the bundled weights' way to color."""
    optim = OptimConfig(lr=1e-4, encoder_lr=2e-5, warmup=50)
    system = HueShiftGanConfig(
        begin_with="hueshift_gan",
        temporal_weight=1.0,
        ema_decay=0.99,
        optim=optim,
        strength=1.36,
        equalize=0.257,
        spread=1.113,
        fade=0.542,
        short_side=288,
        views=(0.45, 1.0),
    )
    data = DataConfig(sizes=(128,), phase_ends=(), batch_size=16)
    return TrainConfig(system=system, data=data, steps=800, evaluate_every=200)
