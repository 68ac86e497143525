"""PWC-Net, the larger of the two networks that follow motion.

Source: see `hueshift_jax.systems.flow`.
Data: as for `fast_flow_net`.
Time: not run to its end; a step takes about nine times as long as FastFlowNet's.
Reaches: not yet measured; no weights come with the package.
Command: python train.py pwc_net --data FOLDER --run runs/pwc_net
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.flow import FlowConfig, FlowOptimConfig
from hueshift_jax.systems.flow_networks import PWCNetConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """The recipe of FastFlowNet at a third of its rate, all levels from the first step."""
    data = DataConfig(
        sizes=(160,), phase_ends=(), smallest_crop=1.0, wear=0.3, batch_size=8, limit=12000
    )
    optim = FlowOptimConfig(lr=3e-4)
    return TrainConfig(system=FlowConfig(network=PWCNetConfig(), optim=optim), data=data)
