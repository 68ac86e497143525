"""SCGAN at an eighth of its widths, which two CPU cores can train.

Source: see `hueshift_jax.systems.scgan`.
Data: photographs of 160 px, named in the model card of the bundled weights.
Time: about ten seconds a step on a tenth of two CPU cores; the bundled weights are an early state
  of the first stage, see their card.
Reaches: the figures of the model card of the bundled weights.
Command: python train.py scgan_small --data FOLDER --run runs/scgan_small
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.adversary import AdversaryConfig
from hueshift_jax.systems.scgan import OptimConfig, ScganConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The run that the bundled weights are an early state of."""
    data = DataConfig(
        batch_size=4,
        sizes=(256,),
        phase_ends=(),
        smallest_crop=0.8,
        spectral_spread=0.0,
        wear=0.3,
        held_out=40,
        threads=1,
    )
    system = ScganConfig(
        width=8,
        saliency_width=8,
        feature_widths=(4, 8, 16, 32, 64),
        reconstruction_steps=1500,
        critic_width=8,
        adversary=AdversaryConfig(kind="lsgan", lr=4e-4),
        optim=OptimConfig(lr=1e-3, game_lr=2e-4),
    )
    return TrainConfig(
        system=system, data=data, steps=1600, evaluate_every=800, sample_every=800, log_every=10
    )
