"""References of the HueShift notebook GAN."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import hueshift_gan
from hueshift_jax.losses import adversarial
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


def compare_autoencoder(case: Case) -> None:
    """The gray given back, with running and with batch statistics."""
    x = jnp.asarray(nhwc(case.draw("x")))
    network = case.network(hueshift_gan.AUTOENCODER)
    run = nnx.jit(lambda net, x: net(x))
    case.compare("y", nchw(run(network, x)))
    network.train()
    y = run(network, x)
    case.compare("y_train", nchw(y))
    case.compare("loss_train", jnp.mean((y - x) ** 2))


def compare_discriminator(case: Case) -> None:
    """Logits at two sizes, and all losses of the game with one network in both roles."""
    network = case.network(hueshift_gan.DISCRIMINATOR)
    run = nnx.jit(lambda net, x: net(x))
    case.compare("y", nchw(run(network, nhwc(case.draw("x")))))
    case.compare("y2", nchw(run(network, nhwc(case.draw("x2")))))
    fake, real, saliency = (jnp.asarray(nhwc(case.draw(n))) for n in ("fake", "real", "sal"))
    truth = real.mean(-1, keepdims=True)
    pictures = jnp.concatenate([real, fake, real * truth, fake * saliency])
    judged = jnp.split(run(network, pictures)[:, 0, 0, 0], 4)
    real_color, fake_color, real_shown, fake_shown = judged
    goal = case.find(r"label\D*([\d.]+\d)", 0.9)
    color = adversarial.cross_entropy_of_logits(fake_color, goal)
    shown = adversarial.cross_entropy_of_logits(fake_shown, goal)
    color_l1, saliency_l1 = jnp.abs(fake - real).mean(), jnp.abs(saliency - truth).mean()
    losses = [color, shown, color_l1, saliency_l1, color + shown + color_l1 + 0.5 * saliency_l1]
    losses += [
        adversarial.two_sided(real_color, fake_color, goal),
        adversarial.two_sided(real_shown, fake_shown, goal),
    ]
    case.compare("losses", jnp.stack(losses))


RUNNERS = {
    "hueshift_gan_discriminator": compare_discriminator,
    "hueshift_vgg_autoencoder": compare_autoencoder,
    "hueshift_gan_generator": compare_generator,
    "hueshift_vgg_encoder": compare_encoder,
}
