"""SCGAN at its published size, through both its stages.

Source: see `hueshift_jax.systems.scgan`.
Data: any folder of color pictures; the authors used ImageNet. Sides of 256 pixels, as published.
Reaches: nothing yet; at this size it has not been trained here. The bundled weights are from
  `scgan_small`.
Device: an accelerator; 59 million parameters, a million multiply-adds per pixel.
Command: python train.py scgan --data FOLDER --run runs/scgan
  As its authors trained it: --system.as_published True --system.attention_critic False
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.scgan import ScganConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The published widths, weights and rates; the film is as clean as the published data."""
    data = DataConfig(
        short_side=256,
        batch_size=16,
        sizes=(256,),
        phase_ends=(),
        smallest_crop=1.0,
        spectral_spread=0.0,
        wear=0.0,
    )
    return TrainConfig(system=ScganConfig(), data=data, steps=8000)
