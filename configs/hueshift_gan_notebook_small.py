"""The published HueShift notebook, repaired, and narrow enough for two CPU cores.

Source: see `hueshift_jax.systems.hueshift_gan_notebook`.
Data: 54,650 photographs of 160 px, named in the model card of `hueshift_gan`. Crops of 128 pixels,
  because the network learns at a quarter of them: at 32.
Time: about five minutes of two quiet CPU cores, 19,200 crops.
Reaches: the figures of the model card of the bundled weights.
Command: python train.py hueshift_gan_notebook_small --data FOLDER --run runs/notebook
"""

from dataclasses import replace

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan_notebook import (
    CRITICS_ADAM,
    HueShiftGanNotebookConfig,
    OptimConfig,
)
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The experiment that made the bundled weights."""
    system = HueShiftGanNotebookConfig(
        widths=(32, 16, 16, 16),
        feature_widths=(16, 32, 64, 128, 64),
        critic_widths=(16, 32, 64, 128),
        adversarial_weight=0.1,
        reconstruction_steps=421,
        optim=OptimConfig(lr=2e-3, descent=0.25),
        adversary=replace(CRITICS_ADAM, lr=5e-4),
        strength=0.75,
        short_side=64,
    )
    data = DataConfig(sizes=(128,), phase_ends=(), smallest_crop=0.5, spectral_spread=0.0, wear=0.0)
    return TrainConfig(system=system, data=data, steps=600, evaluate_every=200, sample_every=200)
