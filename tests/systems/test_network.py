"""Networks taken apart, gradients in parts, averages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import sharding
from hueshift_jax.errors import ConfigError, MismatchedWeightsError
from hueshift_jax.systems.network import Network, averaged, gradients


class Small(nnx.Module):
    """A linear map behind a norm with running statistics."""

    def __init__(self, rngs):
        self.linear = nnx.Linear(3, 2, rngs=rngs)
        self.norm = nnx.BatchNorm(2, momentum=0.5, rngs=rngs)

    def __call__(self, x):
        return self.norm(self.linear(x))


@pytest.fixture(scope="module")
def network():
    return Network(Small)


@pytest.fixture(scope="module")
def weights(network):
    return jax.jit(network.init)(jax.random.key(0))


def rows(count=8):
    return jnp.asarray(np.random.default_rng(0).standard_normal((count, 3)), jnp.float32)


def linear_loss(params, stats, part):
    """A mean over the batch of something that no other row changes."""
    x, y = part
    found = jnp.square(x @ params["w"] - y).mean()
    return found, ({"loss": found}, {"seen": stats["seen"] + len(x)})


def by_hand(w, x, y):
    return 2 * x.T @ (x @ w - y) / y.size


def test_names_and_shapes(network, weights):
    params, stats = weights
    assert sorted(params) == ["linear.bias", "linear.kernel", "norm.bias", "norm.scale"]
    assert sorted(stats) == ["norm.mean", "norm.var"]
    assert {n: v.shape for n, v in params.items()} == {
        n: v.shape for n, v in network.params.items()
    }


def test_training_moves_the_statistics_and_work_does_not_use_the_batch(network, weights):
    x = rows()
    outputs, stats = jax.jit(network.train)(*weights, x)
    np.testing.assert_allclose(outputs.mean(0), np.zeros(2), atol=1e-5)
    linear = x @ weights[0]["linear.kernel"]
    np.testing.assert_allclose(stats["norm.mean"], 0.5 * linear.mean(0), atol=1e-5)
    found = network.evaluate(*weights, x)
    np.testing.assert_allclose(found[:3], network.evaluate(*weights, x[:3]), atol=1e-6)


def test_weights_by_name_come_apart(network, weights):
    flat = {name: np.asarray(value) for name, value in (weights[0] | weights[1]).items()}
    params, stats = network.taken(flat)
    assert (params.keys(), stats.keys()) == (network.params.keys(), network.stats.keys())
    with pytest.raises(MismatchedWeightsError, match=r"norm\.var is missing"):
        network.taken({name: v for name, v in flat.items() if name != "norm.var"})


@pytest.mark.parametrize("parts", [1, 2, 8])
def test_gradients_in_parts_are_those_of_the_whole(parts):
    x, w = rows(), jnp.ones((3, 2))
    y = x[:, :2]
    stats = {"seen": jnp.int32(0)}
    found, after, logs = gradients(linear_loss, {"w": w}, stats, (x, y), parts=parts)
    np.testing.assert_allclose(found["w"], by_hand(*map(np.asarray, (w, x, y))), rtol=1e-5)
    assert int(after["seen"]) == 8
    assert float(logs["loss"]) == pytest.approx(float(np.square(x @ w - y).mean()), rel=1e-5)


@pytest.mark.parametrize(("shape", "parts"), [((8, 1), 1), ((2, 2), 1), ((2, 2), 2), ((1, 4), 2)])
def test_gradients_of_a_mesh_lie_as_its_parameters(shape, parts):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((16, n)).astype(np.float32) for n in (256, 64))
    w = rng.standard_normal((256, 64)).astype(np.float32)
    mesh = sharding.make_mesh(*shape)
    params = jax.device_put({"w": w}, sharding.state_sharding(mesh, {"w": w}))
    batch = jax.device_put((x, y), sharding.batch_sharding(mesh))
    with jax.set_mesh(mesh):
        step = jax.jit(lambda p, b: gradients(linear_loss, p, {"seen": 0}, b, parts=parts)[0])
        found = step(params, batch)["w"]
    np.testing.assert_allclose(found, by_hand(w, x, y), rtol=1e-3, atol=1e-4)
    assert {shard.data.size for shard in found.addressable_shards} == {w.size // shape[1]}


def test_parts_that_do_not_divide_the_batch_are_refused():
    with pytest.raises(ConfigError, match="a batch of 8 cannot be worked off in 3"):
        gradients(linear_loss, {"w": jnp.ones((3, 2))}, {}, (rows(), rows()[:, :2]), parts=3)


def test_averages_follow():
    found = averaged({"a": jnp.zeros(2)}, {"a": jnp.ones(2)}, 0.75)
    np.testing.assert_allclose(found["a"], [0.25, 0.25])
