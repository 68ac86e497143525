"""References of the HueShift notebook GAN."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import hueshift_gan
from hueshift_jax.parity.case import Case, nchw, nhwc


def _features(case: Case, count: int) -> np.ndarray:
    """Features of `count` pictures, (b, c, h, w)."""
    drawn = [recipe.draw(case.key) for recipe in case.recipes_of("features")[:count]]
    return np.maximum(np.stack(drawn), 0)


def compare_generator(case: Case) -> None:
    """Colors and saliency, with running and with batch statistics."""
    x = case.draw("x")
    inputs = nhwc(x), nhwc(_features(case, len(x)))
    network = case.network(hueshift_gan.GENERATOR)
    run = nnx.jit(lambda net, gray, features: net(gray, features))
    color, saliency = run(network, *inputs)
    case.compare("color", nchw(color))
    case.compare("saliency", nchw(saliency))
    network.train()
    color, saliency = run(network, *inputs)
    case.compare("color_train", nchw(color))
    case.compare("saliency_train", nchw(saliency))
    case.compare("enc1_running_mean", network.enc1.norm.mean[...])
    case.compare("middle_running_var", network.middle.norm.var[...])


def compare_encoder(case: Case) -> None:
    """Features of the whole picture."""
    network = case.network(hueshift_gan.ENCODER)
    case.compare(
        "y", nchw(nnx.jit(lambda net, x: net(x))(network, jnp.asarray(nhwc(case.draw("x")))))
    )


RUNNERS = {
    "hueshift_gan_generator": compare_generator,
    "hueshift_vgg_encoder": compare_encoder,
}
