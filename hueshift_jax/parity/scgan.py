"""References of SCGAN: its networks and its losses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import scgan
from hueshift_jax.losses import adversarial, saliency
from hueshift_jax.parity.case import Case, nchw, nhwc


def compare_generator(case: Case) -> None:
    """Colors and saliency; every result is of the stored singular vectors."""
    network = case.network(scgan.GENERATOR)
    x = case.draw("x")
    features, prediction, u = _generate(network, nhwc(x))
    case.compare("gf", nchw(features))
    case.compare("rgb", nchw(prediction.color))
    case.compare("sal_logit", nchw(prediction.saliency_logits))
    case.compare("sal", nchw(prediction.saliency))
    case.compare("down1_u_after", u)
    network.train()
    _, prediction, _ = _generate(network, nhwc(np.concatenate([x, case.draw("x2")])))
    case.compare("rgb_train", nchw(prediction.color))
    case.compare("sal_train", nchw(prediction.saliency))


def _generate(network: nnx.Module, gray: np.ndarray) -> tuple:
    """Features, prediction and the first layer's `u` after it; the network stays as it is."""
    graph, state = nnx.split(network)

    @jax.jit
    def run(state, gray):
        features = nnx.merge(graph, state, copy=True).features(gray)
        used = nnx.merge(graph, state, copy=True)
        return features, used(gray), used.down[0].conv.u[...]

    return run(state, gray)


def compare_discriminator(case: Case) -> None:
    """Two calls one after the other, and one in training."""
    network = case.network(scgan.DISCRIMINATOR)
    inputs = nhwc(case.draw("L")), nhwc(case.draw("B"))
    run = nnx.jit(lambda net, gray, color: net(gray, color))
    case.compare("y1", nchw(run(network, *inputs)))
    case.compare("block1_v_after1", network.blocks[0].conv.v[...])
    case.compare("final2_u_after1", network.final[1].conv.u[...])
    case.compare("y2", nchw(run(network, *inputs)))
    network = scgan.DISCRIMINATOR.load(case.args, case.tensors)
    network.train()
    case.compare("y_train", nchw(run(network, *inputs)))


def compare_losses(case: Case) -> None:
    """The games with gradient penalty and with least squares, and the two L1 terms."""
    network = case.network(scgan.DISCRIMINATOR)
    gray, real, fake, true_map, made_map = (
        jnp.asarray(nhwc(case.draw(name))) for name in ("L", "real", "fake", "sal", "fsal")
    )
    alpha = jnp.asarray(case.input("alpha"), jnp.float32)
    case.compare("attention_l1", saliency.attention_l1(fake, made_map, real, true_map))
    case.compare("pixel_l1", jnp.abs(fake - real).mean())
    batch = gray, real, fake, alpha
    case.compare("gp_eval", _penalty(network, batch))
    network.train()
    (loss, values), gradients = _play(network, batch)
    case.compare("loss_d", loss)
    for name, value in values.items():
        case.compare(name, value)
    norms = [np.linalg.norm(gradients[name]) for name in case.meta["grad_names"]]
    case.compare("grad_norms", np.stack(norms))


def _judge(graph, states, gray, color):
    """Scores, from `states`, which stay as they are."""
    return nnx.merge(graph, *states, copy=True)(gray, color)


def _penalty(network: nnx.Module, batch: tuple[jax.Array, ...]) -> jax.Array:
    """The gradient penalty in one call of the network, which stays as it is."""
    graph, state = nnx.split(network)

    @jax.jit
    def run(state, batch):
        gray, *rest = batch
        critic = functools.partial(_judge, graph, (state,), gray)
        return adversarial.gradient_penalty(critic, *rest)

    return run(state, batch)


def _play(network: nnx.Module, batch: tuple[jax.Array, ...]) -> tuple:
    """Loss, its parts, and the gradients by published name; the network stays as it is."""
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    def loss_of(params, rest, batch):
        gray, real, fake, alpha = batch
        critic = nnx.merge(graph, params, rest, copy=True)
        made, true = critic(gray, fake), critic(gray, real)
        moved = nnx.split(critic, nnx.Param, ...)[2]
        judge = functools.partial(_judge, graph, (params, moved), gray)
        penalty = adversarial.gradient_penalty(judge, real, fake, alpha)
        halves = adversarial.least_squares(made, 0.0), adversarial.least_squares(true, 1.0)
        return adversarial.wasserstein_critic(true, made) + 10.0 * penalty, {
            "d_fake": jnp.mean(made),
            "d_true": jnp.mean(true),
            "gradient_penalty": penalty,
            "lsgan_d": 0.5 * sum(halves),
            "lsgan_g": adversarial.least_squares(judge(fake), 1.0),
        }

    step = jax.jit(jax.value_and_grad(loss_of, has_aux=True))
    found, gradients = step(params, rest, batch)
    return found, scgan.DISCRIMINATOR.export(nnx.merge(graph, gradients, rest))


RUNNERS = {
    "scgan_generator": compare_generator,
    "scgan_discriminator70": compare_discriminator,
    "scgan_losses": compare_losses,
}
