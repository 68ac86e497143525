"""The networks that `hueshift evaluate` measures with, from the files that are named to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.contracts import Array
from hueshift_jax.errors import UsageError
from hueshift_jax.interop import conversion
from hueshift_jax.interop.networks import network
from hueshift_jax.metrics import features, lpips
from hueshift_jax.metrics.evaluate import Setup
from hueshift_jax.metrics.measure import Instruments
from hueshift_jax.models.efficientnet_lite import EfficientNetLite
from hueshift_jax.ops.dis_flow import NAME, DisFlow
from hueshift_jax.weights import FOLDER

FLOWS = ("raft", "raft_small", "pwc_net", "pwc_net_old", "fast_flow_net")
_GRAY_ENCODER = "efficientnet_lite2_gray.safetensors"
_FEW = "below 2048 frames it only ranks results of one and the same set"


@dataclass(frozen=True)
class Wanted:
    """What was asked for; None and False stand for nothing.

    flow: the name of a network whose weights are in flow_weights.
    lpips: the files of the network and of the linear heads.
    fid, effnet: files of weights; effnet replaces the bundled network.
    """

    without: Sequence[str] = ()
    flow: str | None = None
    flow_weights: Path | None = None
    lpips: tuple[Path, Path] | None = None
    fid: Path | None = None
    effnet: Path | None = None
    references: bool = False
    as_published: bool = False


def build(wanted: Wanted) -> Setup:
    """The instruments, each with what has to be known about it.

    Raises:
      UsageError: a network without its weights, or weights without their network.
      ConversionError, CheckpointError: weights that do not fit or cannot be read.
    """
    protocol: dict[str, Any] = {}
    instruments = Instruments(
        flow=_flow(wanted, protocol),
        differences=_differences(wanted, protocol),
        as_published=wanted.as_published,
    )
    if wanted.as_published:
        protocol["psnr_as_published"] = "DEFECTIVE: squares of uint8 differences, modulo 256"
    return Setup(instruments, _extractors(wanted, protocol), wanted.references, protocol)


def _flow(wanted: Wanted, protocol: dict[str, Any]) -> Any:
    if (wanted.flow is None) != (wanted.flow_weights is None):
        raise UsageError("--flow and --flow-weights go together")
    if "flow" in wanted.without:
        protocol["flow"] = None
        return None
    if wanted.flow is None:
        protocol["flow"] = NAME
        return DisFlow()
    protocol["flow"] = f"{wanted.flow}, weights {checkpoint.digest(wanted.flow_weights)}, on luma"
    return _NetworkFlow(_loaded(wanted.flow, wanted.flow_weights))


class _NetworkFlow:
    """A `FlowEstimator` of luma by a network that takes RGB."""

    def __init__(self, module: nnx.Module):
        self._graph, self._state = nnx.split(module)
        self._run = jax.jit(lambda state, *pair: nnx.merge(self._graph, state).flow(*pair))

    def __call__(self, target: Array, source: Array) -> tuple[jax.Array, jax.Array]:
        """Backward flow in pixels from `target` to `source`, (b, h, w)."""
        pair = (jnp.repeat(jnp.asarray(x)[..., None], 3, -1) for x in (target, source))
        flow = self._run(self._state, *pair)
        return flow, jnp.ones(flow.shape[:3])


def _loaded(name: str, path: Path) -> Any:
    source = conversion.read(path)
    return conversion.load(source, network(name), source.args)[0]


def _differences(wanted: Wanted, protocol: dict[str, Any]) -> dict[str, Callable]:
    if wanted.lpips is None:
        return {}
    backbone, heads = wanted.lpips
    source = conversion.read(backbone)
    of_caffe = any(name.startswith("fire2/") for name in source.groups.get("", {}))
    module = _loaded("squeezenet_features" if of_caffe else "squeezenet", backbone)
    prepared = lpips.caffe if of_caffe else lpips.normalized
    weights = _heads(heads)
    name = "lpips_caffe" if of_caffe else "lpips"
    protocol[name] = (
        "SqueezeNet of Caffe with the v0.1 heads of torchvision's: NOT the official LPIPS"
        if of_caffe
        else "LPIPS v0.1, SqueezeNet 1.1, RGB -1..1, full size"
    )
    found = {name: lpips.Lpips(module.taps, weights, prepared=prepared)}
    if wanted.as_published and not of_caffe:
        found["lpips_as_published"] = lpips.Lpips(module.taps, weights, unscaled=True)
        protocol["lpips_as_published"] = "DEFECTIVE: RGB of 0..255 instead of -1..1"
    return found


def _heads(path: Path) -> list[np.ndarray]:
    tensors = conversion.read(path).groups.get("", {})
    for prefix in ("squeeze.", ""):
        names = [f"{prefix}lin{n}.model.1.weight" for n in range(7)]
        if all(name in tensors for name in names):
            return [tensors[name].reshape(-1) for name in names]
    raise UsageError(f"{path} holds no linear heads of LPIPS for SqueezeNet: {names[0]}, ...")


def _extractors(wanted: Wanted, protocol: dict[str, Any]) -> dict[str, Callable]:
    if wanted.fid is not None:
        digest = checkpoint.digest(wanted.fid)
        protocol["fid"] = (
            f"Inception-v3 of pytorch-fid, weights {digest}, bilinear to 299 without a filter, "
            f"unbiased covariances, frames of all clips; {_FEW}"
        )
        return {"fid": features.inception(_loaded("inception_v3_fid", wanted.fid))}
    if "frechet" in wanted.without:
        return {}
    if wanted.effnet is not None:
        module, what = _loaded("efficientnet_lite0", wanted.effnet).features, "EfficientNet-Lite0"
    else:
        module = nnx.eval_shape(lambda: EfficientNetLite(rngs=nnx.Rngs(0)))
        weights, _ = checkpoint.load_weights(FOLDER / _GRAY_ENCODER)
        arrays = {name: jnp.array(value) for name, value in weights.items()}
        nnx.update(module, checkpoint.fill(nnx.state(module), arrays))
        what = "EfficientNet-Lite2 for gray (bundled), shown R, G and B one by one"
    protocol["fd_effnet"] = (
        f"Frechet distance, not FID: {what}, mean last features at 224x224, antialiased, unbiased "
        f"covariances, frames of all clips; {_FEW}"
    )
    return {"fd_effnet": features.efficientnet(module)}
