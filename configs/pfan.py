"""PFAN for gray pictures, which finds what catches the eye.

Source: see `hueshift_jax.systems.pfan`.
Data: pictures with masks, images/NAME.webp and masks/NAME.png; see docs/data.md.
Time: about 15 minutes of two quiet CPU cores; the bundled weights are of step 660, see their card.
Reaches: the figures of the model card of the bundled weights.
Command: python train.py pfan --data FOLDER --data.backgrounds LANDSCAPES
"""

from hueshift_jax.data.saliency import MaskedDataConfig
from hueshift_jax.systems.pfan import PfanConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The experiment that made the bundled weights."""
    data = MaskedDataConfig(
        sizes=(96, 128),
        phase_ends=(0.5,),
        smallest_crop=0.75,
        batch_size=16,
        held_out=40,
        wear=0.5,
    )
    return TrainConfig(system=PfanConfig(), data=data, steps=1000, evaluate_every=250)
