"""A trained chroma U-Net at work."""

import functools
import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from hueshift_jax.contracts import Array, Memory
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems.chroma_level import level_of, leveled
from hueshift_jax.systems.stateless import MULTIPLE, StatelessColorizer

if TYPE_CHECKING:
    from hueshift_jax.systems.hueshift_gan import HueShiftGan


class ChromaColorizer(StatelessColorizer):
    """A trained chroma U-Net as a `contracts.Colorizer`; it has no memory.

    Of the configuration, `views`, `temperature` and the fields of `ChromaLevel` apply here.

    `temperature` 1 gives the regression alone; lower values mix in the ab cells' annealed mean, the
    more of it and the more decided the lower the temperature.
    """

    def __init__(self, system: "HueShiftGan", params: dict, stats: dict):
        super().__init__(system.config.short_side)
        self._weights = (params, stats)
        self._run = functools.partial(_colorize, system)
        self._see = functools.partial(_features, system)
        self._find = functools.partial(_saliency, system)

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """ab and confidence of luma (b, h, w), both at a quarter of its size."""
        del key
        ab, confidence = self._run(*self._weights, luma)
        return memory, ab, confidence

    def features(self, luma: Array) -> jax.Array:
        """What is seen in luma (b, h, w): (b, h/8, w/8, 264), alike where things are alike.

        Each of the network's features has mean 0 over the picture; vectors have length 1.
        """
        return self._see(*self._weights, luma)

    def saliency(self, luma: Array) -> jax.Array:
        """What catches the eye in luma (b, h, w): (b, h/4, w/4), 0..1."""
        return self._find(*self._weights, luma)


@functools.partial(jax.jit, static_argnums=0)
def _colorize(system: "HueShiftGan", params, stats, luma):
    # Compiled once per system, so that the samples of a training run do not compile anew.
    temperature = system.config.temperature
    seen, logits = _viewed(system, params, stats, luma)
    log_share = jax.nn.log_softmax(logits)
    entropy = -jnp.sum(jnp.exp(log_share) * log_share, -1)
    confidence = 1.0 - entropy / jnp.log(float(log_share.shape[-1]))
    share = jax.nn.softmax(logits / temperature)
    annealed = share @ jnp.asarray(system.bins)
    doubled = jnp.repeat(jnp.repeat(annealed, 2, 1), 2, 2)
    ab = temperature * seen + (1.0 - temperature) * doubled
    small = average_pool(luma[..., None], luma.shape[1] // ab.shape[1])[..., 0]
    ab = leveled(ab, small, level_of(system.config))
    return ab, jnp.repeat(jnp.repeat(confidence, 2, 1), 2, 2)


def _viewed(system: "HueShiftGan", params, stats, luma) -> tuple[jax.Array, jax.Array]:
    """ab and logits, means over the views: things are known best at different sizes."""
    evaluate = functools.partial(system.network.evaluate, params, stats)
    seen = [
        _view(evaluate, luma, part, mirrored=n % 2 == 1)
        for n, part in enumerate(system.config.views)
    ]
    ab, logits = zip(*seen, strict=True)
    return sum(ab) / len(ab), sum(logits) / len(logits)


def _view(evaluate, luma, part: float, *, mirrored: bool) -> list[jax.Array]:
    """ab and logits of luma at a part of its size, brought to the grids of the whole size."""
    count, height, width = luma.shape
    size = [max(MULTIPLE, MULTIPLE * round(part * side / MULTIPLE)) for side in (height, width)]
    back = slice(None, None, -1 if mirrored else None)
    prediction = evaluate(jax.image.resize(luma, (count, *size), "linear")[:, :, back])
    return [
        jax.image.resize(
            found[:, :, back],
            (count, height // stride, width // stride, found.shape[-1]),
            "linear",
        )
        for found, stride in ((prediction.ab, 4), (prediction.logits, 8))
    ]


@functools.partial(jax.jit, static_argnums=0)
def _saliency(system: "HueShiftGan", params, stats, luma):
    return jax.nn.sigmoid(system.network.evaluate(params, stats, luma).saliency_logits)


@functools.partial(jax.jit, static_argnums=0)
def _features(system: "HueShiftGan", params, stats, luma):
    module = system.network.merged(params, stats)
    module.eval()
    seen = module.seen(luma)
    grid = seen[0].shape[1:3]
    parts = [
        _unit(jax.image.resize(part, (len(part), *grid, part.shape[-1]), "linear")) for part in seen
    ]
    return jnp.concatenate(parts, axis=-1) / math.sqrt(len(parts))


def _unit(seen: jax.Array) -> jax.Array:
    """Vectors (b, h, w, c) from their mean over the picture, of length 1."""
    centered = seen - seen.mean((1, 2), keepdims=True)
    return centered / jnp.maximum(jnp.linalg.norm(centered, axis=-1, keepdims=True), 1e-6)
