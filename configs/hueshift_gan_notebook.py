"""The published HueShift notebook at its published size, repaired.

Source: see `hueshift_jax.systems.hueshift_gan_notebook`.
Data: any folder of color pictures; the authors used frames of UCF101. Crops of 512 pixels, because
  the network learns at a quarter of them: at 128, as published.
Reaches: nothing yet; at this size it has not been trained here. The bundled weights are from
  `hueshift_gan_notebook_small`.
Device: an accelerator; 27 million parameters and 3 million of the critics, ten million
  multiply-adds per pixel.
Command: python train.py hueshift_gan_notebook --data FOLDER --run runs/hueshift_gan_notebook
  As its authors trained it: --system.as_published True
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan_notebook import HueShiftGanNotebookConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The published size, weights, batch and rates; the film is as clean as the published data."""
    data = DataConfig(
        short_side=512,
        batch_size=32,
        sizes=(512,),
        phase_ends=(),
        smallest_crop=1.0,
        spectral_spread=0.0,
        wear=0.0,
    )
    return TrainConfig(system=HueShiftGanNotebookConfig(), data=data, steps=8000)
