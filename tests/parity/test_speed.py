"""What is counted and how it is timed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from hueshift_jax.ops import convolution
from hueshift_jax.parity import speed


def counted(function, *shapes):
    return speed.gflop(jax.make_jaxpr(function)(*map(jnp.zeros, shapes))) * 1e9


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (lambda x, y: x @ y, [(2, 3), (3, 5)], 2 * 2 * 3 * 5),
        (lambda x, y: jnp.einsum("bij,bkj->bik", x, y), [(7, 2, 3), (7, 5, 3)], 2 * 7 * 2 * 3 * 5),
        (convolution.conv, [(1, 8, 8, 4), (3, 3, 4, 6)], 2 * 64 * 9 * 4 * 6),
        (lambda x, k: convolution.conv(x, k, 2), [(1, 8, 8, 4), (3, 3, 4, 6)], 2 * 16 * 9 * 4 * 6),
        (lambda x, y: jnp.sin(x) + y, [(3,), (3,)], 0),
        (
            lambda x, y: lax.scan(lambda c, _: (jax.jit(jnp.matmul)(c, y), None), x, None, 4)[0],
            [(2, 3), (3, 3)],
            4 * 2 * 2 * 3 * 3,
        ),
        (
            lambda x, y: lax.cond(x.sum() > 0, lambda: x @ y, lambda: x @ y),
            [(2, 3), (3, 5)],
            2 * 2 * 3 * 5,
        ),
    ],
)
def test_gflop(function, shapes, expected):
    assert counted(function, *shapes) == pytest.approx(expected)


def test_grouped_convolutions_count_what_each_group_sees(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    found = counted(lambda x, k: convolution.conv(x, k, groups=2), (1, 8, 8, 4), (3, 3, 2, 6))
    assert found == pytest.approx(2 * 64 * 9 * 2 * 6)


def test_rounds_are_interleaved():
    said = []
    times = speed.interleaved(lambda: said.append("a"), lambda: said.append("b"), rounds=3)
    assert times.shape == (3, 2)
    assert (times > 0).all()
    assert "".join(said[-6:]) == "ababab"


def test_quick_runs_are_repeated():
    said = []
    times = speed.interleaved(lambda: said.append(0), rounds=2, least_s=1e-3)
    assert len(said) > 10
    assert times.max() < 1e-3


def test_the_product_is_what_it_says():
    run, gflop = speed.matrix_product()
    assert gflop == pytest.approx(17.18, abs=0.01)
    assert run() is None


def test_a_call_waits_for_the_result():
    seen = []
    speed.called(lambda x: seen.append(x) or x, np.float32(3))()
    assert seen == [3]
