"""Names of leaves, and trees of names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import MismatchedWeightsError


def model_state():
    return nnx.state(nnx.List([nnx.Linear(3, 4, rngs=nnx.Rngs(0))]))


def test_flatten_names_the_leaves():
    tree = {"a": {"b": 1, "c": (2, 3)}, "d": 4}
    assert checkpoint.flatten(tree) == {"a.b": 1, "a.c.0": 2, "a.c.1": 3, "d": 4}


def test_nnx_states_have_the_names_of_their_attributes():
    assert list(checkpoint.flatten(model_state())) == ["0.bias", "0.kernel"]


def test_unflatten_undoes_flatten():
    tree = {"a": {0: {"kernel": 1}, 1: {"kernel": 2}}, "b": 3}
    assert checkpoint.unflatten(checkpoint.flatten(tree)) == tree


def test_fill_keeps_the_structure():
    template = {"state": model_state(), "more": (jnp.ones(2), jnp.ones(3))}
    doubled = {name: 2 * leaf for name, leaf in checkpoint.flatten(template).items()}
    filled = checkpoint.fill(template, doubled)
    assert jax.tree.structure(filled) == jax.tree.structure(template)
    np.testing.assert_array_equal(filled["more"][0], 2 * np.ones(2))


def test_match_accepts_equals():
    checkpoint.match({"a": (1, 2)}, {"a": np.ones((1, 2))})


@pytest.mark.parametrize(
    ("expected", "found", "message"),
    [
        ({"a": (1,), "b": (2,)}, {"a": (1,)}, "b is missing"),
        ({"a": (1,)}, {"a": (1,), "c": (2,)}, "c is not known"),
        ({"a": (1,)}, {"a": (2, 1)}, r"a is \(2, 1\), not \(1,\)"),
        ({str(i): (1,) for i in range(9)}, {}, "0 is missing, 1 is missing, 2 is.* and 6 more"),
    ],
)
def test_match_names_the_first_differences(expected, found, message):
    with pytest.raises(MismatchedWeightsError, match=message):
        checkpoint.match(expected, found)
