"""Means in portions."""

import math

from hueshift_jax.metrics.totals import Totals


def total(*rows):
    found = Totals()
    for row in rows:
        found = found.merge(Totals.of(row))
    return found


def test_means_of_what_is_there():
    found = total({"a": 1.0, "b": None}, {"a": 3.0}, {"a": 5.0, "b": 2.0})
    assert found.compute() == {"a": 3.0, "b": 2.0}


def test_infinite_values_are_kept_out():
    assert total({"psnr": math.inf}, {"psnr": 30.0}).compute() == {"psnr": 30.0}
    assert total({"psnr": math.inf}).compute() == {"psnr": math.inf}


def test_nothing_has_no_mean():
    assert total({"cdc": None}).compute() == {"cdc": None}
    assert Totals().compute() == {}


def test_portions_change_nothing():
    rows = [{"a": 2.0**n} for n in range(6)]
    assert total(*rows) == total(*rows[:2]).merge(total(*rows[2:]))
    assert total(*rows).merge(Totals()) == total(*rows)
