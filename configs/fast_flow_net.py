"""FastFlowNet, which follows motion from frame to frame: the first, coarse run of its training.

Source: see `hueshift_jax.systems.flow`.
Data: 12,000 of the photographs of 160 px that trained the default system, set in motion.
Time: about 26 minutes of half of two CPU cores, 22,400 pairs of 128x128.
Reaches: 0.21 of the error of no motion, without the level at stride 4. The model card of the
  bundled weights has the commands of the two runs that follow, and their figures.
Command: python train.py fast_flow_net --data FOLDER --run runs/coarse
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.flow import FlowConfig, FlowOptimConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The first of the runs that made the bundled weights."""
    data = DataConfig(
        sizes=(160,), phase_ends=(), smallest_crop=1.0, wear=0.3, batch_size=8, limit=12000
    )
    system = FlowConfig(finest=3, ema_decay=0.998, optim=FlowOptimConfig(lr=1e-3))
    return TrainConfig(system=system, data=data, steps=2800, evaluate_every=400)
