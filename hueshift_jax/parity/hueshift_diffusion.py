"""References of the HueShift diffusion networks and their noise."""

import ast
import re

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.diffusion import ancestral, schedule
from hueshift_jax.interop import hueshift_diffusion
from hueshift_jax.losses.denoising import noise_mse
from hueshift_jax.ops.embedding import sinusoidal
from hueshift_jax.parity.case import Case, nchw, nhwc

_EMBEDDED = [0, 1, 17, 803, 999]
_BETAS = ("beta_start", 1e-4), ("beta_end", 0.02)
_predict = nnx.jit(lambda network, x, t: network(x, t))


def _drawn(case: Case, line: str) -> np.ndarray:
    """All recipes of a line, joined on the channel axis; (b, c, h, w)."""
    return np.concatenate([recipe.draw(case.key) for recipe in case.recipes_of(line)], 1)


def _numbers(case: Case, pattern: str, default: list[int]) -> list[int]:
    """The list of whole numbers that `pattern` finds in the notes."""
    found = re.search(pattern, str(case.meta.get("notes", "")))
    return list(ast.literal_eval(f"[{found[1].strip('[]')}]")) if found else default


def compare_unet(case: Case) -> None:
    """Predicted noise of square and other pictures, and the embedded steps."""
    network = case.network(hueshift_diffusion.UNET)
    for name in sorted(name for name in case.arrays if re.fullmatch(r"y\d*", name)):
        number = name.removeprefix("y")
        t = jnp.asarray(case.input(f"t{number}"))
        case.compare(name, nchw(_predict(network, nhwc(_drawn(case, f"x{number}")), t)))
    steps = jnp.asarray(_numbers(case, r"embedding of (\[[^\]]*\])", _EMBEDDED))
    case.compare("emb", sinusoidal(steps, case.arrays["emb"].shape[1]))


def compare_schedule_and_steps(case: Case) -> None:
    """The objective with its gradients, single steps back and a chain of them."""
    network = case.network(hueshift_diffusion.UNET)
    steps = int(case.args.get("num_timesteps", 1000))
    noise = schedule.linear(steps, *(float(case.args.get(*bound)) for bound in _BETAS))
    _compare_training(case, network, noise)
    _compare_steps_back(case, network, noise)
    t = case.arrays["sched_t"]
    case.compare("sched_beta", noise.added[t])
    case.compare("sched_alpha_hat", noise.kept[t])
    case.compare("sched_sqrt_one_minus", jnp.sqrt(1 - noise.kept[t]))


def _compare_training(case: Case, network: nnx.Module, known: schedule.NoiseSchedule) -> None:
    x0, noise = nhwc(case.draw("x0")), nhwc(case.draw("noise"))
    t = jnp.asarray(case.input("t"))
    luma, clean = jnp.split(jnp.asarray(x0), [x0.shape[-1] - noise.shape[-1]], -1)
    noisy = jnp.concatenate([luma, schedule.noised(known, clean, jnp.asarray(noise), t)], -1)
    case.compare("noisy", nchw(noisy))
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    @jax.jit
    def objective(params, noisy, noise):
        def loss(params):
            predicted = nnx.merge(graph, params, rest)(noisy, t)
            return noise_mse(predicted, noise), predicted

        return jax.value_and_grad(loss, has_aux=True)(params)

    (loss, predicted), gradients = objective(params, noisy, noise)
    case.compare("pred", nchw(predicted))
    case.compare("loss", loss)
    published = hueshift_diffusion.UNET.export(nnx.merge(graph, gradients, rest))
    norms = {name: np.linalg.norm(np.ravel(g)) for name, g in published.items()}
    case.compare("grad_norms", np.array([norms[name] for name in case.meta["grad_names"]]))
    case.compare("grad_total", np.linalg.norm(list(norms.values())))


def _compare_steps_back(case: Case, network: nnx.Module, known: schedule.NoiseSchedule) -> None:
    """Steps from the same noise with fresh noise `z<step>`, none at step 0."""
    fresh = {
        int(recipe.name.lstrip("z")): jnp.asarray(nhwc(recipe.draw(case.key)))
        for recipe in case.recipes_of("z")
    }
    start = jnp.asarray(nhwc(case.draw("xT")))
    luma = jnp.asarray(nhwc(case.draw("x0")))[: len(start), ..., : -start.shape[-1]]

    def predict(state, t):
        joined = jnp.concatenate([luma, state], -1)
        return _predict(network, joined, jnp.full(len(state), t))

    def back(state, t):
        return ancestral.step_back(known, state, predict(state, t), t, fresh[t] if t else 0.0)

    def compare(name, state):
        case.compare(name, nchw(jnp.concatenate([luma, state], -1)))

    singles = [int(name[4:]) for name in case.arrays if re.fullmatch(r"step\d+", name)]
    for t in singles:
        case.compare(f"eps{t}", nchw(predict(start, t)))
        compare(f"step{t}", back(start, t))
    default = sorted(set(fresh) - set(singles), reverse=True)
    state = start
    for t in _numbers(case, r"reverse steps t ?= ?([\d, ]*\d)", default):
        state = back(state, t)
    compare("chain", state)


def compare_vae(case: Case) -> None:
    """Moments, a latent with given noise, and its picture."""
    network = case.network(hueshift_diffusion.VAE)
    x, noise = nhwc(case.draw("x")), nhwc(case.draw("eps"))
    encoded = nnx.jit(lambda network, x: network.encode(x))(network, x)
    latent = encoded.at(jnp.asarray(noise))
    case.compare("enc", nchw(jnp.concatenate(encoded, -1)))
    case.compare("z", nchw(latent))
    case.compare("out", nchw(nnx.jit(lambda network, z: network.decode(z))(network, latent)))


RUNNERS = {
    "hueshift_unet": compare_unet,
    "hueshift_unet_small": compare_schedule_and_steps,
    "hueshift_vae": compare_vae,
}
