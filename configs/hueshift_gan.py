"""The default system, first half: the generator with its reconstruction losses.

Source: see `hueshift_jax.systems.hueshift_gan`.
Command: python train.py hueshift_gan --data FOLDER --run runs/hueshift_gan
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The experiment that made the bundled weights."""
    return TrainConfig(system=HueShiftGanConfig(), data=DataConfig(), steps=8000)
