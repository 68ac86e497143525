"""The default system, first half: the generator with its reconstruction losses.

Source: see `hueshift_jax.systems.hueshift_gan`.
Data: 54,650 photographs of 160 px, named in the model card of the bundled weights.
Time: about 70 minutes of two quiet CPU cores, 256,000 crops.
Reaches: a quarter of a dB less than the bundled weights, which were trained on; see their card.
Command: python train.py hueshift_gan --data FOLDER --run runs/hueshift_gan
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The experiment with which the bundled weights began."""
    data = DataConfig(sizes=(96, 128, 160), phase_ends=(0.53, 0.955))
    return TrainConfig(system=HueShiftGanConfig(), data=data, steps=8000)
