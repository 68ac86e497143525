"""The published HueShift generator with its feature encoder, trained by reconstruction.

Source: see `hueshift_jax.systems.hueshift_gan_published`.
Data: any folder of color pictures; the authors used frames of UCF101. Crops of 512 pixels, because
  the network learns at a quarter of them: at 128, as published.
Reaches: nothing yet; it has not been trained here and no weights are bundled.
Device: an accelerator; 27 million parameters, ten million multiply-adds per pixel. For a small
  machine: --system.widths 64 32 32 16 --system.feature_widths 16 32 32 64 64
Command: python train.py hueshift_gan_published --data FOLDER --run runs/hueshift_gan_published
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan_published import HueShiftGanPublishedConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The published size, batch and rate; the film is as clean as the published data."""
    data = DataConfig(
        short_side=512,
        batch_size=32,
        sizes=(512,),
        phase_ends=(),
        smallest_crop=1.0,
        spectral_spread=0.0,
        wear=0.0,
    )
    return TrainConfig(system=HueShiftGanPublishedConfig(), data=data, steps=8000)
