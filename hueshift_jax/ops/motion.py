"""Made motion: pairs of pictures out of photographs, whose flow is known exactly.

A camera moves over a photograph (shift, turn, zoom, shear, and a smooth random deformation), and up
to three smooth blobs of other photographs move before it on their own. Everything is drawn on the
device from a key; the same key and shapes give the same pair.

Flows are those of `ops/warp.py`: backward, from the target to the source, in pixels.

Positions lie in one of two systems: frame pixels, and pixels of the photograph behind it, which is
larger than the frame and is mirrored at its borders.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hueshift_jax.ops import warp
from hueshift_jax.ops.resample import resize_bicubic

LAYERS = 3
"""Foregrounds at most."""
_WAVES = 4
_KNOTS = 5
_SOFT_PX = 0.7


@dataclass(frozen=True)
class MotionSpan:
    """How far things move; lengths are in pixels of the frame."""

    shift_px: float = 24.0
    """Longest shift of the camera; half of all are under a third of it."""
    turn: float = 0.04
    """Standard deviation of the turn, in radians."""
    zoom: float = 0.05
    """Standard deviation of the zoom's logarithm."""
    shear: float = 0.03
    """Standard deviation of the shear."""
    bend_px: float = 3.0
    """Largest standard deviation of the smooth deformation."""
    own_shift_px: float = 20.0
    """Longest shift of a foreground against the camera's."""
    foregrounds: int = LAYERS
    """Foregrounds at most, up to `LAYERS`."""
    gain: float = 0.08
    """Standard deviation of the logarithm of one picture's gain against the other's."""
    gamma: float = 0.08
    """Standard deviation of the logarithm of one picture's gamma against the other's."""
    grain: float = 0.03
    """Largest standard deviation of the grain, new in each picture."""


class Pair(NamedTuple):
    """Two pictures and the truth about them.

    target, source: 0..1.
    flow: from the target to the source.
    visible: where what the target shows is in the source too, neither covered nor outside.
    """

    target: Float[Array, "b h w"]
    source: Float[Array, "b h w"]
    flow: Float[Array, "b h w 2"]
    visible: Bool[Array, "b h w"]


class _Blob(NamedTuple):
    """A smooth closed shape: its radius is a short Fourier series of the angle, per picture."""

    center: jax.Array
    radius: jax.Array
    waves: jax.Array


class _View(NamedTuple):
    """Where on its photograph a frame looks: photograph = scale * (frame - center) + middle."""

    scale: jax.Array
    middle: jax.Array


def make_pair(
    pictures: Float[Array, "b p q"],
    size: tuple[int, int],
    key: jax.Array,
    *,
    span: MotionSpan = MotionSpan(),
) -> Pair:
    """One pair for every photograph; foregrounds are cut from the others.

    pictures: luma, 0..1; at least as large as the frames, better larger.
    size: of the frames.
    """
    count = len(pictures)
    keys = jax.random.split(key, LAYERS + 3)
    camera = camera_flow(keys[0], count, size, span=span)
    home = jnp.broadcast_to(warp.coordinates(*size), camera.shape)
    view = _view(keys[1], pictures.shape, size)
    target = _look(pictures, view, home + camera)
    source = _look(pictures, view, home)
    flow, layers = camera, []
    shown = jax.random.randint(keys[2], (count, 1, 1), 0, span.foregrounds + 1)
    for place in range(min(span.foregrounds, LAYERS)):
        layer_key, view_key, blob_key = jax.random.split(keys[3 + place], 3)
        own = camera + _own_flow(layer_key, count, size, span=span)
        blob = _blob(blob_key, count, size)
        there, here = (jnp.where(shown > place, _cover(blob, at), 0.0) for at in (home + own, home))
        other = jnp.roll(pictures, place + 1, 0)
        view = _view(view_key, pictures.shape, size)
        target = _over(_look(other, view, home + own), there, target)
        source = _over(_look(other, view, home), here, source)
        flow = jnp.where(there[..., None] > 0.5, own, flow)
        layers.append((blob, there > 0.5, shown > place))
    visible = _visible(layers, flow)
    return disturbed(Pair(target, source, flow, visible), jax.random.fold_in(key, 1), span=span)


def make_next(
    pictures: Float[Array, "b h w"], key: jax.Array, *, span: MotionSpan = MotionSpan()
) -> Pair:
    """The next frame of every photograph, which itself is the source and stays as it is.

    The camera has moved, the light may have changed and there is new grain; nothing else moves.
    """
    camera_key, light_key, amount_key, grain_key = jax.random.split(key, 4)
    flow = camera_flow(camera_key, len(pictures), pictures.shape[1:3], span=span)
    target = _relit(warp.warp(pictures[..., None], flow, edge="border")[..., 0], light_key, span)
    amount = _grain(amount_key, len(pictures), span)
    target = jnp.clip(target + amount * jax.random.normal(grain_key, target.shape), 0.0, 1.0)
    return Pair(target, pictures, flow, warp.is_inside(flow)[..., 0])


def camera_flow(
    key: jax.Array, count: int, size: tuple[int, int], *, span: MotionSpan = MotionSpan()
) -> Float[Array, "b h w 2"]:
    """Flows of a moving camera: shift, turn, zoom, shear and a smooth deformation."""
    affine_key, shift_key, knot_key, amount_key = jax.random.split(key, 4)
    spread = jnp.array([span.turn, span.zoom, span.shear, span.shear])
    affine = jax.random.normal(affine_key, (count, 4)) * spread[None]
    shift = _shift(shift_key, count, span.shift_px)
    knots = jax.random.normal(knot_key, (count, _KNOTS, _KNOTS, 2))
    amount = span.bend_px * jax.random.uniform(amount_key, (count, 1, 1, 1)) ** 2
    return _affine_flow(affine, shift, size) + resize_bicubic(knots, size) * amount


def _own_flow(
    key: jax.Array, count: int, size: tuple[int, int], *, span: MotionSpan
) -> Float[Array, "b h w 2"]:
    """What a foreground adds to the camera's flow."""
    affine_key, shift_key = jax.random.split(key)
    spread = jnp.array([span.turn, span.zoom, span.shear, span.shear])
    affine = jax.random.normal(affine_key, (count, 4)) * spread[None]
    return _affine_flow(affine, _shift(shift_key, count, span.own_shift_px), size)


def _shift(key: jax.Array, count: int, longest: float) -> Float[Array, "b 2"]:
    """Shifts in all directions, the shorter ones more often."""
    far_key, way_key = jax.random.split(key)
    far = longest * jax.random.uniform(far_key, (count,)) ** 1.5
    way = 2.0 * jnp.pi * jax.random.uniform(way_key, (count,))
    return jnp.stack([far * jnp.cos(way), far * jnp.sin(way)], -1)


def _affine_flow(
    affine: Float[Array, "b 4"], shift: Float[Array, "b 2"], size: tuple[int, int]
) -> Float[Array, "b h w 2"]:
    """Turn, zoom and two shears about the middle of the frame, then the shift."""
    turn, zoom, across, along = (affine[:, n, None, None] for n in range(4))
    x, y = (jnp.moveaxis(warp.coordinates(*size) - _middle(size), -1, 0))[:, None]
    scale = jnp.exp(zoom)
    new_x = scale * (jnp.cos(turn) * x - jnp.sin(turn) * y) + across * y
    new_y = scale * (jnp.sin(turn) * x + jnp.cos(turn) * y) + along * x
    return jnp.stack([new_x - x, new_y - y], -1) + shift[:, None, None]


def _middle(size: tuple[int, int]) -> Float[Array, "1 1 2"]:
    return jnp.array([size[1] - 1, size[0] - 1], jnp.float32)[None, None] / 2.0


# -- Pictures ---------------------------------------------------------------------------------


def _view(key: jax.Array, shape: tuple[int, int, int], size: tuple[int, int]) -> _View:
    """A random part of each photograph, 0.7 to 1 of what the frame's form permits."""
    count, p, q = shape
    scale_key, place_key = jax.random.split(key)
    largest = min(p / size[0], q / size[1])
    scale = largest * jax.random.uniform(scale_key, (count,), minval=0.7, maxval=1.0)
    room = jnp.array([[q, p]]) - scale[:, None] * jnp.array([[size[1], size[0]]])
    jitter = jax.random.uniform(place_key, (count, 2), minval=-0.5, maxval=0.5)
    middle = jnp.array([[q - 1, p - 1]]) / 2.0 + jitter * room
    return _View(scale[:, None, None, None], middle[:, None, None])


def _look(
    pictures: Float[Array, "b p q"], view: _View, at: Float[Array, "b h w 2"]
) -> Float[Array, "b h w"]:
    """What photographs show at frame positions, mirrored at their borders."""
    size = at.shape[1:3]
    there = view.scale * (at - _middle(size)[None]) + view.middle
    last = jnp.array([pictures.shape[2] - 1, pictures.shape[1] - 1], jnp.float32)[None, None, None]
    there = last - jnp.abs(jnp.mod(there, 2.0 * last) - last)
    return warp.sample(pictures[..., None], there)[..., 0]


def _over(
    front: Float[Array, "b h w"], cover: Float[Array, "b h w"], back: Float[Array, "b h w"]
) -> Float[Array, "b h w"]:
    return back + cover * (front - back)


def disturbed(pair: Pair, key: jax.Array, *, span: MotionSpan = MotionSpan()) -> Pair:
    """The source lighter or darker than the target, and grain in both."""
    light_key, amount_key, first_key, second_key = jax.random.split(key, 4)
    amount = _grain(amount_key, len(pair.source), span)
    source = _relit(pair.source, light_key, span)
    target, source = (
        jnp.clip(x + amount * jax.random.normal(k, x.shape), 0.0, 1.0)
        for x, k in ((pair.target, first_key), (source, second_key))
    )
    return pair._replace(target=target, source=source)


def _relit(x: Float[Array, "b h w"], key: jax.Array, span: MotionSpan) -> Float[Array, "b h w"]:
    light = jax.random.normal(key, (2, len(x), 1, 1))
    gain, gamma = jnp.exp(span.gain * light[0]), jnp.exp(span.gamma * light[1])
    return gain * jnp.maximum(x, 1e-3) ** gamma


def _grain(key: jax.Array, count: int, span: MotionSpan) -> Float[Array, "b 1 1"]:
    return span.grain * jax.random.uniform(key, (count, 1, 1)) ** 2


# -- Foregrounds ------------------------------------------------------------------------------


def _blob(key: jax.Array, count: int, size: tuple[int, int]) -> _Blob:
    """Shapes of 0.1 to 0.35 of the short side in radius, somewhere in the frame."""
    center_key, radius_key, wave_key = jax.random.split(key, 3)
    part = jax.random.uniform(center_key, (count, 2), minval=0.05, maxval=0.95)
    radius = jax.random.uniform(radius_key, (count, 1, 1), minval=0.1, maxval=0.35) * min(size)
    strength = 0.35 / jnp.arange(1.0, _WAVES + 1)
    waves = jax.random.normal(wave_key, (2, _WAVES, count, 1, 1))
    waves = waves * strength[None, :, None, None, None]
    return _Blob((part * 2.0 * _middle(size)[0])[:, None, None], radius, waves)


def _cover(blob: _Blob, at: Float[Array, "b h w 2"]) -> Float[Array, "b h w"]:
    """How much of each place the shape covers, 0..1, with a soft edge."""
    away = at - blob.center
    far = jnp.sqrt(jnp.sum(away**2, -1) + 1e-6)
    cos, sin = away[..., 0] / far, away[..., 1] / far
    edge, c, s = 1.0, cos, sin
    for n in range(_WAVES):
        edge = edge + blob.waves[0, n] * c + blob.waves[1, n] * s
        # Cosine and sine of the next multiple of the angle.
        c, s = c * cos - s * sin, s * cos + c * sin
    return jax.nn.sigmoid((blob.radius * jnp.clip(edge, 0.4, 1.8) - far) / _SOFT_PX)


def _visible(
    layers: list[tuple[_Blob, jax.Array, jax.Array]], flow: Float[Array, "b h w 2"]
) -> Bool[Array, "b h w"]:
    """Where a target pixel lands inside the source and no layer before its own covers it."""
    at = warp.positions(flow)
    visible = warp.is_inside(flow)[..., 0]
    owner = jnp.zeros(flow.shape[:3], jnp.int32)
    for place, (_, is_here, _) in enumerate(layers):
        owner = jnp.where(is_here, place + 1, owner)
    for place, (blob, _, shown) in enumerate(layers):
        hidden = (owner < place + 1) & shown & (_cover(blob, at) > 0.5)
        visible = visible & ~hidden
    return visible
