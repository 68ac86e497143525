"""The default system, second half: the critics alone, then a short game.

Source: see `hueshift_jax.systems.hueshift_gan` and `hueshift_jax.systems.saliency_game`.
Data: that of `hueshift_gan`, whose finished weights it begins with: --system.begin-with FILE.
Time: eight minutes of two CPU cores, 8,640 crops.
Reaches: a Frechet distance of EfficientNet-Lite0's features lower by 16 to 18 % on photographs at
  equal colorfulness, and the same PSNR within 0.1 dB; see "The adversarial phase" in BENCHMARKS.md.
Command: python train.py hueshift_gan_adversarial --data FOLDER --run runs/hueshift_gan_adversarial
"""

from hueshift_jax.data.batches import DataConfig
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.systems.saliency_game import GameConfig
from hueshift_jax.training.config import TrainConfig


def config() -> TrainConfig:
    """Critics of half the published width, which a CPU can train."""
    game = GameConfig(
        weight=0.1,
        attention_weight=0.5,
        saliency_weight=0.1,
        perceptual_weight=5.0,
        perceptual_network="efficientnet",
        critic_steps=60,
        lr=4e-4,
        encoder_lr=1e-4,
        width=32,
    )
    system = HueShiftGanConfig(
        begin_with="hueshift_gan",
        game=game,
        strength=1.36,
        equalize=0.257,
        spread=1.113,
        fade=0.542,
        short_side=288,
        views=(0.45, 1.0),
    )
    data = DataConfig(sizes=(128,), phase_ends=(), batch_size=24)
    return TrainConfig(system=system, data=data, steps=360, log_every=10, evaluate_every=60)
