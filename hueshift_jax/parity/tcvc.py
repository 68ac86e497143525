"""References of TCVC."""

import jax.numpy as jnp
from flax import nnx

from hueshift_jax.interop import tcvc
from hueshift_jax.parity.case import Case, nchw, nhwc


def compare_generator(case: Case) -> None:
    """Color, and what it is the hyperbolic tangent of."""
    network = case.network(tcvc.GENERATOR)
    inputs = [jnp.asarray(nhwc(case.draw(name))) for name in ("gray", "prev")]
    run = nnx.jit(lambda net, *pictures: (net(*pictures), net.linear(*pictures)))
    color, linear = run(network, *inputs)
    case.compare("y", nchw(color))
    case.compare("pre", nchw(linear))


def compare_discriminator(case: Case) -> None:
    """The first call in training: the spectral norms move once."""
    network = case.network(tcvc.DISCRIMINATOR)
    network.train()
    verdict = nnx.jit(lambda net, x: net(x))(network, jnp.asarray(nhwc(case.draw("pair"))))
    case.compare("y", nchw(verdict.probability))
    case.compare("logit", nchw(verdict.logit))
    case.compare("u_conv3", network.layers[2].u[...])


RUNNERS = {"tcvc_generator": compare_generator, "tcvc_discriminator": compare_discriminator}
