"""Critics learn to tell true from made pictures, by every kind of game."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from hueshift_jax.errors import ConfigError
from hueshift_jax.losses.adversarial import gradient_penalty
from hueshift_jax.nn.conv import Conv
from hueshift_jax.systems.adversary import KINDS, Adversary, AdversaryConfig, Critic


class Small(nnx.Module):
    """Looks at a condition and a picture with one smooth hidden layer."""

    def __init__(self, rngs):
        self.hidden = Conv(3, 8, 3, rngs=rngs)
        self.scores = Conv(8, 1, 3, rngs=rngs)

    def __call__(self, luma, ab):
        return self.scores(jnp.tanh(self.hidden(jnp.concatenate([luma, ab], -1))))


class Drawing(Small):
    """Is handed a key, and only looks at the picture."""

    def __call__(self, ab, key):
        noise = 0.01 * jax.random.normal(key, (*ab.shape[:3], 1))
        return super().__call__(noise, ab)


LUMA = jnp.linspace(0, 1, 4 * 8 * 8).reshape(4, 8, 8, 1)
REAL = jnp.concatenate([LUMA - 0.5, 0.5 - LUMA], -1)
FAKE = 0.2 * REAL


def views(ab):
    return {"color": (LUMA, ab), "attention": (LUMA, 0.5 * ab)}


def game(kind="lsgan", **changes):
    config = AdversaryConfig(kind=kind, lr=2e-3, **changes)
    return Adversary({"color": Critic(Small), "attention": Critic(Small)}, config)


@pytest.mark.parametrize("kind", KINDS)
def test_critics_learn_and_the_gradient_leads_to_the_truth(kind):
    adversary = game(kind, penalty_weight=0.1)
    state = adversary.init(jax.random.key(0))
    step = jax.jit(adversary.step)
    first = None
    for n in range(150):
        state, logs = step(state, views(REAL), views(FAKE), jax.random.key(n))
        first = first or logs
    for name in ("color", "attention"):
        assert logs[f"{name}_critic"] < first[f"{name}_critic"]
        assert logs[f"{name}_real"] > logs[f"{name}_fake"]

    def opinion(ab):
        return sum(adversary.judge(state, views(ab), jax.random.key(0))[0].values())

    assert float(jnp.sum(jax.grad(opinion)(FAKE) * (REAL - FAKE))) < 0.0


def test_judging_leaves_the_critics_alone():
    adversary = game()
    state = adversary.init(jax.random.key(0))
    key = jax.random.key(0)
    gradient = jax.grad(
        lambda params: sum(
            adversary.judge(state._replace(params=params), views(FAKE), key)[0].values()
        )
    )(state.params)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient))


def test_the_critics_step_leaves_the_generator_alone():
    adversary = game()
    state = adversary.init(jax.random.key(0))

    def critic_loss(ab):
        return adversary.step(state, views(REAL), views(ab), jax.random.key(0))[1]["color_critic"]

    assert not np.any(jax.grad(critic_loss)(FAKE))


def test_the_penalty_by_brute_force():
    adversary = game("wgan-gp")
    state = adversary.init(jax.random.key(0))
    network = adversary.networks["color"]
    params = {name: state.params[f"color.{name}"] for name in network.params}
    alpha = jnp.array([0.1, 0.4, 0.6, 0.9])
    with jax.enable_x64():
        luma, real, fake, wide = (
            jax.tree.map(lambda x: jnp.asarray(np.asarray(x), jnp.float64), leaf)
            for leaf in (LUMA, REAL, FAKE, params)
        )

        def critic(picture):
            return network.evaluate(wide, {}, luma, picture)

        found = gradient_penalty(critic, real, fake, jnp.asarray(alpha, jnp.float64))
        mixed = np.asarray(
            alpha.reshape(-1, 1, 1, 1) * real + (1.0 - alpha.reshape(-1, 1, 1, 1)) * fake
        )
        total = jax.jit(lambda picture: jnp.sum(critic(picture), (1, 2, 3)))
        slopes, h = np.zeros_like(mixed), 1e-4
        for place in np.ndindex(mixed.shape[1:]):
            moved = np.zeros_like(mixed)
            moved[(slice(None), *place)] = h
            higher, lower = (np.asarray(total(mixed + side * moved)) for side in (1, -1))
            slopes[(slice(None), *place)] = (higher - lower) / (2.0 * h)
    norms = np.sqrt((slopes**2).sum((1, 2, 3)))
    assert float(found) == pytest.approx(float(np.mean((norms - 1.0) ** 2)), rel=1e-4)


def test_a_critic_may_draw_and_decay():
    config = AdversaryConfig(weight_decay=0.1, clip_norm=1.0)
    adversary = Adversary({"color": Critic(Drawing, draws=True)}, config)
    state = adversary.init(jax.random.key(0))
    first, second = (
        adversary.step(state, {"color": (REAL,)}, {"color": (FAKE,)}, jax.random.key(n))[1]
        for n in (0, 1)
    )
    assert first["color_real"] != second["color_real"]
    opinions, stats = adversary.judge(state, {"color": (FAKE,)}, jax.random.key(0))
    assert opinions.keys() == {"color"}
    assert stats == {}


def test_the_gradient_of_each_critic_is_shortened_by_itself():
    """Seen in the averages of Adam after one step: half of the gradient."""
    norms = {}
    for limit in (0.0, 1e-3):
        adversary = game(clip_norm=limit)
        state = adversary.init(jax.random.key(0))
        state, _ = adversary.step(state, views(REAL), views(FAKE), jax.random.key(0))
        means = optax.tree.get(state.optimizer, "mu")
        norms[limit] = [
            2.0 * np.sqrt(sum(np.sum(v**2) for n, v in means.items() if n.startswith(name)))
            for name in ("color", "attention")
        ]
    assert min(norms[0.0]) > 2e-3
    np.testing.assert_allclose(norms[1e-3], 1e-3, rtol=1e-4)


def test_goals_smooth_the_label():
    key = jax.random.key(0)
    state = game("cross-entropy").init(key)
    for field, index in (("real_goal", "color_critic"), ("generator_goal", None)):
        plain, smooth = (game("cross-entropy", **{field: goal}) for goal in (1.0, 0.5))
        if index:
            values = [
                a.step(state, views(REAL), views(FAKE), key)[1][index] for a in (plain, smooth)
            ]
        else:
            values = [a.judge(state, views(FAKE), key)[0]["color"] for a in (plain, smooth)]
        assert values[0] != values[1]


def test_an_unknown_game():
    with pytest.raises(ConfigError, match="kind of game is 'ragan', expected lsgan, hinge"):
        AdversaryConfig(kind="ragan")
    assert dataclasses.replace(AdversaryConfig(), kind="hinge").kind == "hinge"
