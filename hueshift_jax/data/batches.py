"""Batches of pictures for training: grain does the shuffling, the order is a function of the seed.

The n-th batch is the same in every run with the same settings, whatever was read before, so a run
that stops and resumes at step n sees what it would have seen.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import grain
import numpy as np
from absl import flags

from hueshift_jax.contracts import Batch
from hueshift_jax.data import transforms
from hueshift_jax.errors import ConfigError

TARGET_STRIDE = 4
"""Truth is given at a quarter of the luma's size, where the networks predict."""


@dataclass(frozen=True)
class DataConfig:
    """Which pictures, how large, how disturbed."""

    short_side: int = 160
    """Pictures are kept in memory at this short side, in pixels."""
    limit: int = 0
    """Use at most this many pictures; 0 uses all."""
    held_out: int = 200
    """Pictures that are evaluated and never trained on, where no folder is given for them; at most
    a tenth of all, 0 for none."""
    held_out_seed: int = 0
    """Of the choice of those."""
    batch_size: int = 32
    """Pictures in a batch, over all devices."""
    sizes: tuple[int, ...] = (96, 128, 160)
    """Side of the square crops, in pixels, one phase after the other; multiples of 32."""
    phase_ends: tuple[float, ...] = (0.45, 0.85)
    """At which part of the run one size gives way to the next."""
    smallest_crop: float = 0.6
    """Least part of the short side that a crop shows."""
    spectral_spread: float = 0.35
    """How much the film's color sensitivity varies; see `transforms.spectral_luma`."""
    wear: float = 0.6
    """How worn the film is, 0 to 1; see `transforms.develop`."""
    vignetted: float = 0.0
    """Part of the pictures that get darker corners."""
    damaged: float = 0.0
    """Part of the pictures that get scratches, dust and stains."""
    compressed: float = 0.0
    """Part of the pictures that go through JPEG."""
    seed: int = 0
    """Of the order and the augmentation."""
    threads: int = 2
    """Threads that prepare pictures."""
    workers: int = 0
    """Processes that read and prepare pictures, in place of threads; 0 for none. They pay where
    decoding limits, on machines with many cores."""
    memory_gb: float = 8.0
    """Decoded pictures are kept in memory if they take no more, in 10^9 bytes."""

    def __post_init__(self):
        if len(self.phase_ends) != len(self.sizes) - 1:
            raise ConfigError("data.phase_ends takes one value less than data.sizes")
        if list(self.phase_ends) != sorted(self.phase_ends) or any(
            not 0.0 <= end <= 1.0 for end in self.phase_ends
        ):
            raise ConfigError(f"data.phase_ends are {self.phase_ends}, expected rising, 0 to 1")
        if any(size < 32 or size % 32 for size in self.sizes):
            raise ConfigError(f"data.sizes are {self.sizes}, expected multiples of 32")
        if self.batch_size < 1:
            raise ConfigError(f"data.batch_size is {self.batch_size}, expected at least 1")
        if not 0.0 < self.smallest_crop <= 1.0:
            raise ConfigError(f"data.smallest_crop is {self.smallest_crop}, expected 0 to 1")
        if self.held_out < 0:
            raise ConfigError(f"data.held_out is {self.held_out}, expected 0 or more")
        if self.short_side < 1:
            raise ConfigError(f"data.short_side is {self.short_side}, expected at least 1")

    def size_at(self, progress: float) -> int:
        """The crop size at this part (0..1) of the run."""
        return self.sizes[sum(progress >= end for end in self.phase_ends)]


class Prepare(grain.transforms.RandomMap):
    """Picture -> (luma, target), both of the size that one phase asks for."""

    def __init__(self, config: DataConfig, size: int):
        self._config, self._size = config, size

    def random_map(
        self, rgb_u8: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Luma and the true colors at a quarter of its size."""
        config = self._config
        crop = transforms.random_crop(rgb_u8, config.smallest_crop, rng)
        shown = transforms.resize(crop, self._size)
        luma = filmed(shown, config, rng)
        return luma, transforms.resize(shown, self._size // TARGET_STRIDE)


def filmed(rgb_u8: np.ndarray, config: DataConfig, rng: np.random.Generator) -> np.ndarray:
    """Luma (h, w) float32, 0..1, of colors as an old film might show them."""
    luma = transforms.spectral_luma(rgb_u8, config.spectral_spread * _sometimes(rng), rng)
    luma = transforms.develop(luma, config.wear * _sometimes(rng), rng)
    for disturb, chance in (
        (transforms.vignette, config.vignetted),
        (transforms.damage, config.damaged),
        (transforms.compress, config.compressed),
    ):
        if chance and rng.random() < chance:
            luma = disturb(luma, config.wear, rng)
    return luma.astype(np.float32)


def _sometimes(rng: np.random.Generator) -> float:
    """A strength that is zero for a third of the pictures, which stay as they are."""
    return max(0.0, rng.uniform(-0.5, 1.0))


def _phases(config: DataConfig, steps: int) -> list[tuple[int, int, int]]:
    """(first step, last step + 1, size) of each phase."""
    ends = [*(round(end * steps) for end in config.phase_ends), steps]
    return list(zip([0, *ends], ends, config.sizes))


def batches(
    pictures: Sequence[Any],
    config: DataConfig,
    *,
    steps: int,
    start: int = 0,
    host: int = 0,
    hosts: int = 1,
    prepare: Callable[[DataConfig, int], grain.transforms.RandomMap] = Prepare,
    kind: Callable[..., Any] = Batch,
) -> Iterator[Any]:
    """The batches of steps `start` to `steps`, or the part of one host in each of them.

    Of `hosts`, each prepares its rows of every batch, in the order of hosts: together they see what
    one host would, each picture with the same augmentation. Each Batch has
    luma (b, s, s) float32 0..1 and the true colors as rgb_u8 (b, s/4, s/4, 3); s is the size of
    the phase that the step is in. With another `prepare`, batches are of its arrays and of another
    `kind`.
    """
    if config.batch_size % hosts:
        raise ConfigError(
            f"data.batch_size is {config.batch_size}, expected a multiple of the {hosts} hosts"
        )
    passes = -(-steps * config.batch_size // len(pictures))
    base = grain.MapDataset.source(pictures).seed(config.seed).shuffle().repeat(passes)
    for first, end, size in _phases(config, steps):
        begin = max(first, start)
        if begin >= end:
            continue
        parts = base.random_map(prepare(config, size)).batch(config.batch_size // hosts)
        prepared = parts[host::hosts]
        for arrays in _read(prepared[begin:end], config):
            yield kind(*arrays)


def _read(batches: grain.MapDataset, config: DataConfig) -> Iterator[tuple]:
    """The elements in order, prepared ahead by threads or by processes."""
    reading = grain.ReadOptions(num_threads=config.threads, prefetch_buffer_size=8)
    ahead = batches.to_iter_dataset(reading)
    if config.workers:
        # The library's processes read flags that only its own programs parse.
        flags.FLAGS.mark_as_parsed()
        ahead = ahead.mp_prefetch(grain.MultiprocessingOptions(num_workers=config.workers))
    return iter(ahead)


def picture_counts(pictures: Sequence[Any], config: DataConfig, steps: int) -> dict:
    """What a run of this many steps sees: crops, passes over the pictures, crops by size."""
    per_phase = [end - first for first, end, _ in _phases(config, steps)]
    crops = [n * config.batch_size for n in per_phase]
    return {
        "crops": list(accumulate(crops))[-1],
        "passes": sum(crops) / len(pictures),
        "by_size": dict(zip(config.sizes, crops)),
    }
