"""References of ColorNet."""

import jax.numpy as jnp
from flax import nnx

from hueshift_jax.interop import colorization_net
from hueshift_jax.parity.case import Case, nchw, nhwc


def compare_network(case: Case) -> None:
    """Chroma, and the features that the decoder sees."""
    network = case.network(colorization_net.COLORIZATION_NET)
    gray = jnp.asarray(nhwc(case.draw("gray")))
    chroma, features = nnx.jit(lambda net, x: (net(x), net.features(x)))(network, gray)
    case.compare("y", nchw(chroma))
    case.compare("mid", nchw(features))


def compare_discriminator(case: Case) -> None:
    """Logits of patches."""
    network = case.network(colorization_net.DISCRIMINATOR)
    planes = [jnp.asarray(nhwc(case.draw(name))) for name in ("L", "ab")]
    case.compare("y", nchw(nnx.jit(lambda net, *x: net(*x))(network, *planes)))


RUNNERS = {
    "report_colornet": compare_network,
    "report_colornet_disc": compare_discriminator,
}
