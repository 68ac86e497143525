"""References of fastai's U-Net, of the discriminator beside it and of the gradient penalty."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import dynamic_unet
from hueshift_jax.losses import adversarial
from hueshift_jax.parity.case import Case, nchw, nhwc


def _compare(case: Case, published, name: str) -> None:
    network = case.network(published)
    picture = jnp.asarray(nhwc(case.draw(name)))
    case.compare("y", nchw(nnx.jit(lambda net, x: net(x))(network, picture)))


def compare_unet(case: Case) -> None:
    """Chroma of a picture whose sides halve five times."""
    _compare(case, dynamic_unet.DYNAMIC_UNET, "L")


def compare_unet_odd(case: Case) -> None:
    """Chroma of a picture whose sides do not."""
    _compare(case, dynamic_unet.DYNAMIC_UNET, "L_odd")


def compare_discriminator(case: Case) -> None:
    """Logits of patches."""
    _compare(case, dynamic_unet.PATCH_DISCRIMINATOR, "lab")


def compare_penalty(case: Case) -> None:
    """The gradient penalty, and the norms that it is made of."""
    network = case.network(dynamic_unet.PATCH_DISCRIMINATOR)
    real, fake = (jnp.asarray(nhwc(case.draw(name))) for name in ("lab", "fake"))
    alpha = jnp.asarray(case.input("alpha"), np.float32)

    def penalty(net, real, fake, alpha):
        mixed = adversarial.mixture(real, fake, alpha)
        norms = adversarial.gradient_norms(net, mixed)
        return norms, adversarial.gradient_penalty(net, real, fake, alpha)

    norms, value = nnx.jit(penalty)(network, real, fake, alpha)
    case.compare("grad_norm", norms)
    case.compare("penalty", value)


RUNNERS = {
    "report_dynamic_unet": compare_unet,
    "report_dynamic_unet_odd": compare_unet_odd,
    "report_patchdisc": compare_discriminator,
    "report_wgan_penalty": compare_penalty,
}
