"""Losses of the neural atlas: identities of mappings that are known, borders, empty masks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.losses import atlas

SHOT = atlas.Shot(height=30, width=20, frames=4)
DENSITY = SHOT.longer / (2 * atlas.SCALE)


def identity(points):
    """What mappings begin as."""
    return atlas.SCALE * points[:, :2]


def gray(uv):
    """A ramp to the right."""
    return jnp.broadcast_to(0.5 + 0.5 * uv[:, :1], (len(uv), 3))


STEP = 0.5 * atlas.SCALE * 2 / SHOT.longer
"""What the ramp gains with every pixel."""


@functools.partial(jax.jit, static_argnames=("place", "color", "shot", "with_border", "by_width"))
def one_layer(place, color, drawn, shot, **options):
    return atlas.one_layer(place, color, drawn, shot, **options)


def samples(**changed):
    rng = np.random.default_rng(0)
    points = np.stack([rng.integers(2, 15, 6), rng.integers(2, 20, 6), rng.integers(1, 3, 6)], 1)
    points = jnp.asarray(points, jnp.float32)
    found = atlas.Samples(
        points=points,
        color=gray(identity(atlas.normalized(points, SHOT))),
        right=jnp.full((6, 3), STEP),
        below=jnp.zeros((6, 3)),
        forward=jnp.tile(jnp.array([[3.0, 4.0]]), (6, 1)),
        backward=jnp.zeros((6, 2)),
        has_forward=jnp.array([1.0, 0, 1, 0, 0, 0]),
        has_backward=jnp.ones(6),
        foreground=jnp.array([1.0, 0, 1, 0, 1, 0]),
    )
    return found._replace(**changed)


def test_normalized():
    points = jnp.array([[0.0, 0.0, 0.0], [20.0, 30.0, 4.0], [10.0, 15.0, 2.0]])
    expected = [[-1, -1, -1], [1 / 3, 1, 1], [-1 / 3, 0, 0]]
    np.testing.assert_allclose(atlas.normalized(points, SHOT), expected, atol=1e-6)


def test_a_perfect_atlas_has_only_the_rotations_rigidity():
    terms = one_layer(identity, gray, samples(has_forward=jnp.zeros(6)), SHOT)
    assert terms.keys() == atlas.ONE_LAYER_WEIGHTS.keys()
    np.testing.assert_allclose(terms["rgb"], 0.0, atol=1e-10)
    np.testing.assert_allclose(terms["gradient"], 0.0, atol=1e-10)
    np.testing.assert_allclose(terms["rigidity"], 2 * np.sqrt(2), rtol=2e-3)
    np.testing.assert_allclose(terms["global_rigidity"], 2 * np.sqrt(2), rtol=2e-3)
    np.testing.assert_allclose(terms["flow"], 0.0, atol=1e-6)


def test_flow_is_measured_in_pixels():
    terms = one_layer(identity, gray, samples(), SHOT)
    np.testing.assert_allclose(terms["flow"], 0.5 * 5.0, rtol=1e-5)
    other = samples(forward=samples().forward.at[1].set(1000.0))
    np.testing.assert_allclose(
        one_layer(identity, gray, other, SHOT)["flow"], terms["flow"], rtol=1e-5
    )


def test_rigidity_against_matrices():
    rng = np.random.default_rng(0)
    uv, left, above = (rng.standard_normal((5, 2)).astype(np.float32) for _ in range(3))
    found = atlas.rigidity(uv, left, above, 1.5)
    for row in range(5):
        jacobian = 1.5 * np.stack([uv[row] - left[row], uv[row] - above[row]], 1).astype(np.float64)
        square = jacobian.T @ jacobian
        inverse = np.linalg.inv(square + 1e-3 * np.eye(2))
        expected = np.linalg.norm(square) + np.linalg.norm(inverse)
        np.testing.assert_allclose(found[row], expected, rtol=1e-3)


def test_a_collapsed_mapping_has_finite_gradients():
    def loss(scale):
        place = lambda points: scale * points[:, :2]  # noqa: E731
        return atlas.total(one_layer(place, gray, samples(), SHOT), atlas.ONE_LAYER_WEIGHTS)

    assert np.isfinite(jax.jit(jax.grad(loss))(0.0))


def test_empty_masks():
    nothing = samples(has_forward=jnp.zeros(6), has_backward=jnp.zeros(6))
    assert one_layer(identity, gray, nothing, SHOT)["flow"] == 0.0


def test_the_border():
    edge = samples(points=jnp.tile(jnp.array([[19.0, 5.0, 1.0]]), (6, 1)), right=jnp.zeros((6, 3)))
    whole = one_layer(identity, gray, edge, SHOT)["gradient"]
    np.testing.assert_allclose(whole, 0.0, atol=1e-10)
    kept = one_layer(identity, gray, edge, SHOT, with_border=True)["gradient"]
    np.testing.assert_allclose(kept, 3 * STEP**2, rtol=1e-3)
    narrow = one_layer(identity, gray, samples(), SHOT, by_width=True)["gradient"]
    assert narrow > 1e-3


@pytest.fixture
def layers():
    return atlas.Layers(
        place=identity,
        background_place=lambda points: -identity(points),
        color=gray,
        background_color=lambda uv: 1.0 - gray(uv),
        opacity=lambda points: jnp.full((len(points), 1), 0.25),
    )


def test_two_layers(layers):
    terms = jax.jit(lambda drawn: atlas.two_layers(layers, drawn, SHOT))(samples())
    assert terms.keys() == atlas.TWO_LAYER_WEIGHTS.keys()
    # On a mirrored atlas a mirrored ramp is the ramp again.
    np.testing.assert_allclose(terms["rgb"], 0.0, atol=1e-9)
    np.testing.assert_allclose(terms["flow"], 0.25 * 2.5, rtol=1e-5)
    np.testing.assert_allclose(terms["background_flow"], 0.75 * 2.5, rtol=1e-5)
    assert terms["opacity_flow"] == 0.0
    np.testing.assert_allclose(
        terms["sparsity"], jnp.mean(jnp.sum((0.75 * samples().color) ** 2, -1)), rtol=1e-5
    )
    np.testing.assert_allclose(terms["bootstrap"], -0.5 * np.log(0.25 * 0.75), rtol=1e-5)


def test_the_first_loss_is_zero_where_mappings_begin():
    points = samples().points
    np.testing.assert_allclose(atlas.identity_error(identity, points, SHOT), 0.0, atol=1e-6)
    shifted = lambda p: identity(p) + jnp.array([[0.3, 0.4]])  # noqa: E731
    np.testing.assert_allclose(atlas.identity_error(shifted, points, SHOT), 0.5, rtol=1e-5)


def test_terms_that_end():
    terms = dict.fromkeys(atlas.TWO_LAYER_WEIGHTS, jnp.ones(()))
    every = sum(atlas.TWO_LAYER_WEIGHTS.values())
    for step, gone in ((5000, 0.0), (5001, 55.0), (10001, 2055.0)):
        found = atlas.total(terms, atlas.TWO_LAYER_WEIGHTS, step)
        np.testing.assert_allclose(found, every - gone, rtol=1e-6)
