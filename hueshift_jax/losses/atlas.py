"""Losses that fit a layered neural atlas to one shot.

Networks are functions of points (x, y, t), normalized by `normalized`, and of places (u, v) in
the atlas. Means are over the samples. Lengths in the atlas are measured in pixels of the shot:
the mappings begin so that `SCALE` times the longer half of a frame is one unit.

Source: ChenyangLEI/All-In-One-Deflicker: src/models/stage_1/loss_utils.py and
src/stage1_neural_atlas{,_seg}.py, commit 1f39994. Departures: empty masks give 0, not NaN; the
gradient of a length is 0 where the length is; differences over the border of a frame do not count
and are normalized like everything else (see `with_border`, `by_width`).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

SCALE = 0.8
"""Of the identity that mappings begin as."""
FAR = 100
"""Pixels over which the global rigidity looks."""
ONE_LAYER_WEIGHTS = {
    "rgb": 5000.0,
    "gradient": 1000.0,
    "rigidity": 1.0,
    "global_rigidity": 5.0,
    "flow": 500.0,
}
TWO_LAYER_WEIGHTS = {
    **ONE_LAYER_WEIGHTS,
    "background_rigidity": 1.0,
    "background_global_rigidity": 50.0,
    "background_flow": 500.0,
    "opacity_flow": 4900.0,
    "sparsity": 1000.0,
    "bootstrap": 2000.0,
}
"""As published for strong flicker; for a weak one a flow of 5 and an opacity flow of 49."""
LAST_STEPS = {"global_rigidity": 5000, "background_global_rigidity": 5000, "bootstrap": 10000}
"""Terms that count up to a step only."""

_RIDGE = 1e-3
_TINY = 1e-12

Function = Callable[[jax.Array], jax.Array]
"""From (n, d) to (n, e)."""


class Shot(NamedTuple):
    """Height and width of a frame, number of frames."""

    height: int
    width: int
    frames: int

    @property
    def longer(self) -> int:
        """The longer side of a frame."""
        return max(self.height, self.width)


class Samples(NamedTuple):
    """Pixels drawn from a shot.

    points: (n, 3), x and y in pixels, t in frames.
    color: (n, 3), RGB 0..1; `right` and `below` what their neighbors there have more.
    forward: (n, 2), (dx, dy) in pixels to the same thing in the next frame; `backward` in the
      previous one.
    has_forward, has_backward: (n,), 1 where that flow can be believed, else 0.
    foreground: (n,), 0..1; two layers only.
    """

    points: Array
    color: Array
    right: Array
    below: Array
    forward: Array
    backward: Array
    has_forward: Array
    has_backward: Array
    foreground: Array | None = None


class Layers(NamedTuple):
    """What two layers are made of; all results as `models.atlas` defines them.

    place, background_place: points to places; color, background_color: places to RGB 0..1;
    opacity: points to (n, 1).
    """

    place: Function
    background_place: Function
    color: Function
    background_color: Function
    opacity: Function


class _Around(NamedTuple):
    """Values at the samples, and at what lies around them in space and time."""

    here: Array
    right: Array
    below: Array
    left: Array
    above: Array
    far_left: Array
    far_above: Array
    after: Array
    before: Array


def normalized(
    points: Float[Array, "n 3"], shot: Shot, longer: float | None = None
) -> Float[Array, "n 3"]:
    """(x, y, t) from pixels and frames to -1..1; the shorter side ends before 1."""
    side = longer or shot.longer
    return 2.0 * points / jnp.array([[side, side, shot.frames]], points.dtype) - 1.0


# -- Terms -------------------------------------------------------------------------------------


def color_error(rgb: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> Float[Array, ""]:
    """Mean squared distance of colors, summed over the channels."""
    return jnp.mean(_squares(rgb - truth))


def slope_error(
    rgb: tuple[Float[Array, "n 3"], ...], samples: Samples, counts: tuple[Array, Array]
) -> Float[Array, ""]:
    """How wrong the differences to the right and the lower neighbor are.

    rgb: of the samples, their right and their lower neighbors.
    counts: (n,) each, 0 where the neighbor lies outside.
    """
    here, right, below = rgb
    across = _squares(samples.right - (right - here))
    down = _squares(samples.below - (below - here))
    return jnp.mean(counts[0] * across + counts[1] * down)


def rigidity(
    uv: Float[Array, "n 2"], left: Float[Array, "n 2"], above: Float[Array, "n 2"], density: float
) -> Float[Array, "n"]:
    """How far each neighborhood is from a rotation, which gives 2 sqrt(2), the least.

    With the mapping's Jacobian J, in pixels: |J'J| + |(J'J + 0.001)^-1| in the Frobenius norm.

    left, above: places of the points one step to the left and above.
    density: pixels per unit of the atlas, divided by the step.
    """
    across, down = density * (uv - left), density * (uv - above)
    a, b, d = jnp.sum(across**2, -1), jnp.sum(across * down, -1), jnp.sum(down**2, -1)
    # From the Jacobian's own determinant: that of J'J cancels where the mapping is nearly flat.
    turned = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    determinant = turned**2 + _RIDGE * (a + d) + _RIDGE**2
    stretch = jnp.sqrt(a**2 + 2.0 * b**2 + d**2 + _TINY)
    # A 2x2 matrix and its adjugate have the same norm.
    raised = jnp.sqrt((a + _RIDGE) ** 2 + 2.0 * b**2 + (d + _RIDGE) ** 2)
    return stretch + raised / determinant


def flow_error(
    distances: tuple[Float[Array, "n"], Float[Array, "n"]], samples: Samples
) -> Float[Array, ""]:
    """Means over the samples with flow, of the forward and the backward distances, averaged."""
    after = _masked_mean(distances[0], samples.has_forward)
    return 0.5 * (after + _masked_mean(distances[1], samples.has_backward))


def sparsity(rgb: Float[Array, "n 3"], opacity: Float[Array, "n 1"]) -> Float[Array, ""]:
    """Mean squared foreground color where the foreground is not seen: it shall be black."""
    return jnp.mean(_squares(rgb * (1.0 - opacity)))


def bootstrap(opacity: Float[Array, "n 1"], foreground: Float[Array, "n"]) -> Float[Array, ""]:
    """Cross entropy of the opacity with a rough segmentation."""
    found = opacity[:, 0]
    entropy = foreground * jnp.log(found) + (1.0 - foreground) * jnp.log(1.0 - found)
    return -jnp.mean(entropy)


def identity_error(place: Function, points: Float[Array, "n 3"], shot: Shot) -> Float[Array, ""]:
    """Mean distance, not squared, of a mapping from a scaled identity: what it begins with.

    points: in pixels and frames.
    """
    at = normalized(points, shot)
    return jnp.mean(_length(SCALE * at[:, :2] - place(at)))


# -- Together ----------------------------------------------------------------------------------


def one_layer(
    place: Function,
    color: Function,
    samples: Samples,
    shot: Shot,
    *,
    with_border: bool = False,
    by_width: bool = False,
) -> dict[str, Float[Array, ""]]:
    """The terms of `ONE_LAYER_WEIGHTS`.

    place: points to places; color: places to RGB 0..1.
    with_border: as published, a sample on the last column (row) counts with a true difference of
      zero to the neighbor that does not exist.
    by_width: as published, the right and lower neighbors are normalized by the width, which is
      wrong for upright frames.
    """
    points = _points_around(samples, shot, by_width)
    uv = _at_all(place, points)
    rgb = _at_all(color, uv[:3])
    counts = _neighbors_inside(samples, shot, with_border)
    return {
        "rgb": color_error(rgb[0], samples.color),
        "gradient": slope_error(rgb, samples, counts),
        **_layer_terms(uv, samples, shot, 1.0),
    }


def two_layers(
    layers: Layers,
    samples: Samples,
    shot: Shot,
    *,
    with_border: bool = False,
    by_width: bool = False,
) -> dict[str, Float[Array, ""]]:
    """The terms of `TWO_LAYER_WEIGHTS`; options as for `one_layer`."""
    points = _points_around(samples, shot, by_width)
    front, back = _at_all(layers.place, points), _at_all(layers.background_place, points)
    alpha = _at_all(layers.opacity, (*points[:3], points.after, points.before))
    front_rgb = _at_all(layers.color, front[:3])
    back_rgb = _at_all(layers.background_color, back[:3])
    rgb = tuple(a * f + (1.0 - a) * b for a, f, b in zip(alpha, front_rgb, back_rgb))
    here = alpha[0][:, 0]
    counts = _neighbors_inside(samples, shot, with_border)
    after, before = (jnp.abs(other[:, 0] - here) for other in alpha[3:])
    behind = _layer_terms(back, samples, shot, 1.0 - here)
    return {
        "rgb": color_error(rgb[0], samples.color),
        "gradient": slope_error(rgb, samples, counts),
        **_layer_terms(front, samples, shot, here),
        **{f"background_{name}": value for name, value in behind.items()},
        "opacity_flow": flow_error((after, before), samples),
        "sparsity": sparsity(front_rgb[0], alpha[0]),
        "bootstrap": bootstrap(alpha[0], samples.foreground),
    }


def total(
    terms: Mapping[str, Float[Array, ""]], weights: Mapping[str, float], step: int | Array = 0
) -> Float[Array, ""]:
    """The weighted sum at a step, counted from 0; see `LAST_STEPS`."""
    return sum(
        weight * terms[name] * (step <= LAST_STEPS[name] if name in LAST_STEPS else 1.0)
        for name, weight in weights.items()
    )


def _layer_terms(
    places: tuple[Array, ...], samples: Samples, shot: Shot, opacity: float | Array
) -> dict[str, Float[Array, ""]]:
    """Rigidity and flow of one mapping."""
    uv = _Around(*places)
    density = shot.longer / (2.0 * SCALE)
    after = opacity * density * _length(uv.after - uv.here)
    before = opacity * density * _length(uv.before - uv.here)
    far = rigidity(uv.here, uv.far_left, uv.far_above, density / FAR)
    return {
        "rigidity": jnp.mean(rigidity(uv.here, uv.left, uv.above, density)),
        "global_rigidity": jnp.mean(far),
        "flow": flow_error((after, before), samples),
    }


def _points_around(samples: Samples, shot: Shot, by_width: bool) -> _Around:
    """Normalized points; those around may lie outside the frame."""

    def at(dx: float, dy: float, longer: float | None = None) -> jax.Array:
        return normalized(samples.points + jnp.array([[dx, dy, 0.0]]), shot, longer)

    def moved(flow: jax.Array, frames: float) -> jax.Array:
        time = jnp.full((len(flow), 1), frames)
        return normalized(samples.points + jnp.concatenate([flow, time], 1), shot)

    longer = shot.width if by_width else None
    return _Around(
        here=at(0, 0),
        right=at(1, 0, longer),
        below=at(0, 1, longer),
        left=at(-1, 0),
        above=at(0, -1),
        far_left=at(-FAR, 0),
        far_above=at(0, -FAR),
        after=moved(samples.forward, 1.0),
        before=moved(samples.backward, -1.0),
    )


def _at_all(function: Function, points: tuple[Array, ...]) -> tuple[Array, ...]:
    """The function at several sets of points, in one call."""
    return tuple(jnp.split(function(jnp.concatenate(points)), len(points)))


def _neighbors_inside(
    samples: Samples, shot: Shot, with_border: bool
) -> tuple[Float[Array, "n"], Float[Array, "n"]]:
    x, y = samples.points[:, 0], samples.points[:, 1]
    across = (x < shot.width - 1) | with_border
    down = (y < shot.height - 1) | with_border
    return across.astype(jnp.float32), down.astype(jnp.float32)


def _masked_mean(values: Float[Array, "n"], mask: Float[Array, "n"]) -> Float[Array, ""]:
    return jnp.sum(values * mask) / jnp.maximum(jnp.sum(mask), 1.0)


def _squares(x: Float[Array, "n c"]) -> Float[Array, "n"]:
    return jnp.sum(x**2, -1)


def _length(x: Float[Array, "n c"]) -> Float[Array, "n"]:
    """Euclidean; its gradient at zero is zero and not infinite."""
    squared = _squares(x)
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)
