"""FastFlowNet, which follows motion from frame to frame.

Source: see `hueshift_jax.systems.flow`.
Data: 12,000 of the photographs of 160 px that trained the default system, set in motion.
Time: TIME
Reaches: the figures of the model card of the bundled weights.
Command: python train.py fast_flow_net --data FOLDER --run runs/coarse --system.finest 3
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.flow import FlowConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The experiment that made the bundled weights."""
    data = DataConfig(
        sizes=(160,), phase_ends=(), smallest_crop=1.0, wear=0.3, batch_size=8, limit=12000
    )
    return TrainConfig(system=FlowConfig(), data=data, steps=2800)
