"""A strict house: eight fake devices, checked shapes, no silent broadcasting, no network."""

import gc
import ipaddress
import os
import socket

# Before JAX is imported: the number of devices is fixed then.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
)

import jax
import pytest
from jaxtyping import install_import_hook

CHECKED_ROOMS = ("hueshift_jax.ops", "hueshift_jax.nn", "hueshift_jax.models")

jax.config.update("jax_numpy_rank_promotion", "raise")
install_import_hook(CHECKED_ROOMS, "beartype.beartype")


def _is_loopback(family: int, address: object) -> bool:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:  # a name
        return address[0] == "localhost"


class _LocalSocket(socket.socket):
    """A socket that reaches this machine only."""

    def connect(self, address):
        self._refuse_remote(address)
        return super().connect(address)

    def connect_ex(self, address):
        self._refuse_remote(address)
        return super().connect_ex(address)

    def _refuse_remote(self, address):
        if not _is_loopback(self.family, address):
            raise RuntimeError(f"tests run without a network, but {address} was connected to")


socket.socket = _LocalSocket


@pytest.fixture(autouse=True, scope="module")
def _forgotten_programs():
    """Compiled programs go when the module that made them is done, else they fill the memory."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture
def key() -> jax.Array:
    """The random key of a test."""
    return jax.random.key(0)
