"""SCGAN's constructor options: what is built, and what is refused."""

import pytest

from hueshift_jax.errors import ConversionError
from hueshift_jax.interop.scgan import DISCRIMINATOR, GENERATOR


@pytest.mark.parametrize(("pad", "edge"), [("zero", "constant"), ("replicate", "edge")])
def test_paddings(pad, edge):
    network = DISCRIMINATOR.abstract({"pad": pad, "start_channels": 2, "in_channels": 2})
    assert network.blocks[1].conv.edge == edge
    assert network.blocks[0].conv.kernel.shape == (7, 7, 5, 2)


@pytest.mark.parametrize("args", [{"pad": "circular"}, {"norm_g": "in"}, {"activ_g": "prelu"}])
def test_other_layers_are_refused(args):
    with pytest.raises(ConversionError, match=r"expected one of reflect"):
        GENERATOR.abstract(args)
