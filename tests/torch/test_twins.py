"""Gradients and a step of Adam of five networks and their PyTorch twins, in float64.

In float32 a rectifier's kink can turn a rounding error into another gradient.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from hueshift_jax.interop.networks import network
from hueshift_jax.parity import recipes

pytestmark = pytest.mark.torch
RATE = 1e-3


class Twin(NamedTuple):
    """A network of ours, the class of its twin, what both are built with, and a size.

    training: with the statistics of the batch.
    tolerance: of outputs and gradients, relative to the largest.
    """

    name: str
    twin: str
    args: dict[str, Any]
    size: tuple[int, int]
    training: bool = False
    tolerance: float = 1e-9


_WAVES = {"hidden_dim": 24, "positional_dim": 4, "num_layers": 6, "skip_layers": [2, 5]}
TWINS = [
    Twin("hueshift_encoder", "Encoder", {}, (64, 64), training=True),
    Twin(
        "deflicker_filter",
        "FilterUNet",
        {"in_channels": 6, "out_channels": 3, "init_features": 4},
        (32, 48),
        tolerance=1e-6,  # The shares of its bilinear enlargements are float32.
    ),
    Twin(
        "atlas_texture",
        "CoordinateNetwork",
        {"input_dim": 2, "output_dim": 3, **_WAVES},
        (8, 8),
        tolerance=1e-5,  # Our sines are made for float32.
    ),
    Twin(
        "dynamic_unet_discriminator",
        "PatchDiscriminator",
        {"in_channels": 3, "out_channels": 4},
        (48, 40),
    ),
    Twin("conv_lstm", "ConvLSTM", {"input_size": 5, "hidden_size": 6, "kernel_size": 3}, (12, 9)),
]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def make(case: Twin, rng: np.random.Generator):
    """The twin with random weights, ours with the same, and inputs for both."""
    import torch

    from tests.torch import networks

    theirs = getattr(networks, case.twin)(**case.args).double()
    for name, value in theirs.state_dict().items():
        value.copy_(torch.from_numpy(recipes.tensor("twins", name, tuple(value.shape))))
    theirs.train(case.training)
    tensors = {name: value.numpy().copy() for name, value in theirs.state_dict().items()}
    published = network(case.name)
    ours = published.load(case.args, jax.tree.map(jnp.asarray, tensors))
    if case.training:
        ours.train()
    inputs = [x.astype(np.float64) for x in published.inputs(case.args, case.size, rng)]
    return ours, theirs, inputs


def their_step(theirs, inputs, weights):
    """Outputs, gradients by inputs and by parameters, parameters after a step of Adam."""
    import torch

    leaves = [torch.from_numpy(x).requires_grad_() for x in inputs]
    outputs = theirs(*leaves)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    optimizer = torch.optim.Adam(theirs.parameters(), RATE)
    sum((y * torch.from_numpy(w)).sum() for y, w in zip(outputs, weights)).backward()
    optimizer.step()
    parameters = dict(theirs.named_parameters())
    return (
        [y.detach().numpy() for y in outputs],
        [x.grad.numpy() for x in leaves],
        {name: p.grad.numpy() for name, p in parameters.items()},
        {name: p.detach().numpy() for name, p in parameters.items()},
    )


def our_step(published, ours, inputs, weights):
    """The same of ours, under the published names."""
    graph, params, rest = nnx.split(ours, nnx.Param, ...)

    def weighted(params, inputs):
        module = nnx.merge(graph, params, rest, copy=True)
        outputs = published.call(module, *inputs)
        return sum(jnp.vdot(y, w) for y, w in zip(outputs, weights)), outputs

    @jax.jit
    def step(params, inputs):
        gradients, outputs = jax.grad(weighted, (0, 1), has_aux=True)(params, inputs)
        optimizer = optax.adam(RATE)
        updates, _ = optimizer.update(gradients[0], optimizer.init(params), params)
        return outputs, gradients, optax.apply_updates(params, updates)

    outputs, (by_params, by_inputs), stepped = step(params, [jnp.asarray(x) for x in inputs])

    def named(state):
        places = published.places(nnx.merge(graph, state, rest, copy=True))
        return {n: p.layout.write(np.asarray(p.variable[...])) for n, p in places.items()}

    return outputs, by_inputs, named(by_params), named(stepped)


def assert_close(found, expected, scale, tolerance, what):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale, err_msg=what)


@pytest.mark.parametrize("case", TWINS, ids=lambda case: f"{case.name}-{case.training}")
def test_gradients_and_a_step_of_adam(case):
    rng = np.random.default_rng(0)
    ours, theirs, inputs = make(case, rng)
    published = network(case.name)
    graph, state = nnx.split(ours)
    shapes = jax.eval_shape(
        lambda state, *inputs: published.call(nnx.merge(graph, state, copy=True), *inputs),
        state,
        *inputs,
    )
    weights = [rng.standard_normal(y.shape) for y in shapes]
    before = {name: p.detach().numpy().copy() for name, p in theirs.named_parameters()}
    expected = their_step(theirs, inputs, weights)
    found = our_step(published, ours, inputs, weights)
    for number, (y, theirs_y) in enumerate(zip(found[0], expected[0], strict=True)):
        assert_close(y, theirs_y, np.abs(theirs_y).max(), case.tolerance, f"output {number}")
    for number, (x, theirs_x) in enumerate(zip(found[1], expected[1], strict=True)):
        scale = np.abs(theirs_x).max()
        assert scale > 0
        assert_close(x, theirs_x, scale, case.tolerance, f"gradient by input {number}")
    largest = max(np.abs(gradient).max() for gradient in expected[2].values())
    counted = 0
    for name, gradient in expected[2].items():
        assert_close(found[2][name], gradient, largest, case.tolerance, f"gradient by {name}")
        # Adam's first step is the gradient's sign: what is nothing but rounding says nothing.
        sure = np.abs(gradient) > 100 * case.tolerance * largest
        counted += sure.sum()
        ours_after, theirs_after = found[3][name][sure], expected[3][name][sure]
        assert_close(ours_after, theirs_after, RATE, 1e-3, f"{name} after the step")
        moved = np.abs(theirs_after - before[name][sure])
        assert (moved > 0.1 * RATE).all()
    assert counted > 0.5 * sum(gradient.size for gradient in expected[2].values())
