"""The page about weights lists every network, and only those."""

import re

from hueshift_jax.interop import networks
from tests.architecture import source


def test_every_network_is_in_the_table():
    text = (source.ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [\d,]+ \| (.+) \|$", text, re.MULTILINE)
    known = {name: network.source for name, network in networks.networks().items()}
    assert dict(rows) == known
