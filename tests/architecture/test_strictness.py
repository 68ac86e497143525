"""The test run is as strict as it claims to be."""

import socket
import warnings

import jax
import jax.numpy as jnp
import pytest

from hueshift_jax.ops import color


def test_there_are_eight_devices():
    assert jax.device_count() == 8


def test_rank_promotion_raises():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.ones((2, 3)) + jnp.ones(3)


def test_warnings_are_errors():
    with pytest.raises(UserWarning):
        warnings.warn("careful", stacklevel=1)


def test_wrong_shapes_are_refused():
    with pytest.raises(Exception, match=r"lab_to_linear|shape|type"):
        color.lab_to_linear(jnp.ones((4, 2)))


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80)])
def test_the_network_is_refused(address):
    with pytest.raises(RuntimeError, match="without a network"), socket.socket() as reached:
        reached.connect(address)


def test_this_machine_is_allowed():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
