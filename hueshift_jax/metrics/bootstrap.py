"""How far a mean over clips can be trusted."""

from collections.abc import Sequence

import numpy as np

from hueshift_jax.metrics.measure import DERIVED, Figures

Intervals = dict[str, tuple[float, float]]

_DRAWS = 2000
_SEED = 0


def intervals(clips: Sequence[Figures], level: float = 0.95) -> Intervals:
    """Percentile bootstrap intervals of the means over clips, drawn with replacement; repeatable.

    Nothing for fewer than two clips, nor for figures that not every clip has.
    """
    if len(clips) < 2:
        return {}
    rng = np.random.default_rng(_SEED)
    chosen = rng.integers(0, len(clips), (_DRAWS, len(clips)))
    base = {name: [clip.get(name) for clip in clips] for name in clips[0] if name not in DERIVED}
    draws = {
        name: np.asarray(values, np.float64)[chosen].mean(1)
        for name, values in base.items()
        if None not in values
    }
    for name, (first, second, function) in DERIVED.items():
        if first in draws and second in draws:
            values = map(function, draws[first], draws[second])
            draws[name] = np.array([np.nan if v is None else v for v in values])
    ends = (50.0 * (1.0 - level), 50.0 * (1.0 + level))
    return {
        name: tuple(float(end) for end in np.percentile(values, ends))
        for name, values in draws.items()
        if np.isfinite(values).all()
    }
