"""A colorizer with the way it is called."""

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from hueshift_jax.contracts import Colorizer
from hueshift_jax.pipeline.clockwork import Shares
from hueshift_jax.pipeline.frames import View

_PACE_CALLS = 3


class Painter:
    """A colorizer with the way it is called.

    Args:
      colorizer: what is called.
      size: the working size.
      batch: how many frames one call takes, the last of a segment being padded; a colorizer with
        a memory is called frame by frame.
      seed: makes its random choices repeatable.
      shares: takes the time that is spent.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        size: tuple[int, int],
        *,
        batch: int = 1,
        seed: int = 0,
        shares: Shares | None = None,
    ):
        self.colorizer = colorizer
        self.size = size
        self.batch = batch
        self.shares = shares or Shares()
        self._key = jax.random.key(seed)

    def memory_from(self, leaves: Sequence[np.ndarray]) -> Any:
        """The memory whose arrays are `leaves`, in their order; none stand for a fresh one."""
        fresh = self.colorizer.start(*self.size)
        if not leaves:
            return fresh
        return jax.tree.unflatten(jax.tree.structure(fresh), list(leaves))

    def call(self, memory: Any, views: Sequence[View]) -> tuple[Any, jax.Array, jax.Array]:
        """The colorizer's answer for up to `batch` frames; it may still be under way."""
        gray = [view.gray for view in views]
        gray += [gray[-1]] * (self.batch_for(memory) - len(gray))
        luma = np.stack(gray).astype(np.float32) * np.float32(1 / 255)
        key = jax.random.fold_in(self._key, views[0].frame.index)
        with self.shares.during("network"):
            return self.colorizer(memory, luma, key)

    def frames_per_s(self) -> float:
        """The network's own pace, measured on a gray frame after its program is compiled."""
        memory = self.colorizer.start(*self.size)
        count = self.batch_for(memory)
        luma = np.full((count, *self.size), 0.5, np.float32)
        jax.block_until_ready(self.colorizer(memory, luma, self._key)[1:])
        begin = time.perf_counter()
        for _ in range(_PACE_CALLS):
            jax.block_until_ready(self.colorizer(memory, luma, self._key)[1:])
        return _PACE_CALLS * count / max(time.perf_counter() - begin, 1e-6)

    @property
    def remembers(self) -> bool:
        """Whether the colorizer has a memory of its own, so that it has to see every frame."""
        return bool(jax.tree.leaves(self.colorizer.start(*self.size)))

    def batch_for(self, memory: Any) -> int:
        """Frames per call."""
        return 1 if jax.tree.leaves(memory) else self.batch
