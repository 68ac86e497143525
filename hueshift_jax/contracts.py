"""The records and protocols by which the rooms know one another.

Letters: b batch, h rows, w columns. Sizes are (height, width). `luma` is gamma-encoded and, where
it is a float, full range 0..1; `ab` is chroma in CIELAB units; confidence is 0..1.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np

Array = jax.Array | np.ndarray
Memory = Any
"""What a colorizer carries from frame to frame: any tree of arrays, `()` for a stateless one."""
State = Any
"""What a system trains: any tree of arrays."""
Logs = dict[str, Array]
"""Scalars of one training step, by name."""


class Batch(NamedTuple):
    """Pictures to train on.

    luma: float32 (b, h, w), gamma-encoded gray as a black-and-white film would have it, 0..1.
    rgb_u8: uint8 (b, h/s, w/s, 3), the true colors, smaller by a whole factor s.
    """

    luma: Array
    rgb_u8: Array


class MaskedBatch(NamedTuple):
    """Pictures whose salient part is known.

    luma: as in `Batch`.
    mask: float32 (b, h, w), 1 where something is salient, 0 elsewhere.
    """

    luma: Array
    mask: Array


class Trainable(Protocol):
    """What training needs to know of a system."""

    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        ...

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        """One optimizer step (all networks of an adversarial game included)."""
        ...


@runtime_checkable
class Phased(Protocol):
    """A trainable thing whose steps are of several kinds, each a program of its own."""

    def phase(self, done: int) -> int:
        """The kind of the step that follows after so many."""
        ...

    def step(
        self, state: State, batch: Batch, key: jax.Array, phase: int = 0
    ) -> tuple[State, Logs]:
        """One optimizer step of this kind, which is static."""
        ...


class System(Trainable, Protocol):
    """A trainable thing that colors: networks, losses and optimizers."""

    def colorizer(self, state: State) -> "Colorizer":
        """What the trained state does to a film."""
        ...


@runtime_checkable
class FlowSystem(Trainable, Protocol):
    """A trainable thing that sees motion."""

    def estimator(self, state: State) -> "FlowEstimator":
        """The motion that the trained state sees."""
        ...


@runtime_checkable
class SaliencySystem(Trainable, Protocol):
    """A trainable thing that sees what catches the eye; its batches are `MaskedBatch`."""

    def detector(self, state: State) -> "SaliencyDetector":
        """What the trained state finds."""
        ...


class Colorizer(Protocol):
    """Luma in, chroma out; one call per batch of consecutive frames of one shot."""

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) at which frames of this display size are to be handed over."""
        ...

    def start(self, height: int, width: int) -> Memory:
        """The memory before the first frame of a shot."""
        ...

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """Colors `luma` (b, h, w), at the working size.

        Returns:
          The next memory, ab (b, h/s, w/s, 2) and confidence (b, h/s, w/s).
        """
        ...


class SaliencyDetector(Protocol):
    """What in a picture catches the eye."""

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) at which pictures of this display size are to be handed over."""
        ...

    def __call__(self, luma: Array) -> jax.Array:
        """Saliency (b, h/s, w/s), 0..1, of luma (b, h, w) at the working size."""
        ...


class FlowEstimator(Protocol):
    """Motion between two frames."""

    def __call__(self, target: Array, source: Array) -> tuple[jax.Array, jax.Array]:
        """Backward flow (b, h, w, 2) in pixels from `target` to `source`, and its confidence."""
        ...


class Evaluator(Protocol):
    """Measures a state."""

    def __call__(self, state: State) -> Iterator[tuple[str, float]]:
        """Yields named figures."""
        ...
