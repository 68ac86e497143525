"""References of the three-frame GAN."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import three_frame
from hueshift_jax.interop.published import Published
from hueshift_jax.parity.case import Case, nchw, nhwc


def _compare_generator(case: Case, published: Published, frames: tuple[str, ...]) -> None:
    """Colors, and what they are the hyperbolic tangent of, because many saturate."""
    network = case.network(published)
    inputs = [jnp.asarray(nhwc(case.draw(name))) for name in frames]
    run = nnx.jit(lambda net, *pictures: (net(*pictures), net.linear(*pictures)))
    color, linear = run(network, *inputs)
    case.compare("y", nchw(color))
    case.compare("pre_tanh", nchw(linear))


def compare_generator(case: Case) -> None:
    """Three frames, instance norms; with and without attention."""
    _compare_generator(case, three_frame.GENERATOR, ("now", "prev", "next"))


def compare_older_generator(case: Case) -> None:
    """Three frames, batch norms."""
    _compare_generator(case, three_frame.OLDER_GENERATOR, ("now", "prev", "next"))


def compare_per_frame_generator(case: Case) -> None:
    """One frame, batch norms."""
    _compare_generator(case, three_frame.PER_FRAME_GENERATOR, ("now",))


def compare_patch_discriminator(case: Case) -> None:
    """Two calls in a row: the spectral norms move in each."""
    network = case.network(three_frame.PATCH_DISCRIMINATOR)
    color = jnp.asarray(nhwc(case.draw("rgb")))
    run = nnx.jit(lambda net, x: net(x))
    case.compare("y", _squeezed(case, "y", run(network, color)))
    third = network.layers[2]
    case.compare("u_conv3_after1", third.u[...])
    case.compare("v_conv3_after1", third.v[...])
    case.compare("y_second", _squeezed(case, "y_second", run(network, color)))


def _squeezed(case: Case, name: str, scores) -> np.ndarray:
    """Without axes of length 1 if the reference has none."""
    found = nchw(scores)
    return found if case.arrays[name].ndim == found.ndim else np.squeeze(found)


def compare_whole_discriminator(case: Case) -> None:
    """One probability per picture."""
    network = case.network(three_frame.WHOLE_DISCRIMINATOR)
    verdict = nnx.jit(lambda net, x: net(x))(network, jnp.asarray(nhwc(case.draw("rgb"))))
    case.compare("y", nchw(verdict.probability))
    case.compare("logit", nchw(verdict.logit))


RUNNERS = {
    "threeframe_gen": compare_generator,
    "threeframe_gen_attn": compare_generator,
    "perframe_gen_time": compare_older_generator,
    "perframe_gen": compare_per_frame_generator,
    "threeframe_patchdis": compare_patch_discriminator,
    "threeframe_patchdis_attn": compare_patch_discriminator,
    "threeframe_convdis": compare_whole_discriminator,
    "threeframe_convdis_attn": compare_whole_discriminator,
}
