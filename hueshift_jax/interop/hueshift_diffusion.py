"""The published names of the HueShift diffusion networks."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.models.hueshift_unet import HueShiftUNet
from hueshift_jax.models.hueshift_vae import HueShiftVAE

_SOURCE = "Kazedaa/Hueshift-Video-Coloring"
_BLOCK = r"((?:^|[._])(?:downs|mids|ups)\.\d+)"
_BLOCK_RULES = (
    (rf"{_BLOCK}\.units\.(\d+)\.first_norm\.", r"\1.resnet_conv_first.\2.0."),
    (rf"{_BLOCK}\.units\.(\d+)\.first_conv\.", r"\1.resnet_conv_first.\2.2."),
    (rf"{_BLOCK}\.units\.(\d+)\.time\.", r"\1.t_emb_layers.\2.1."),
    (rf"{_BLOCK}\.units\.(\d+)\.second_norm\.", r"\1.resnet_conv_second.\2.0."),
    (rf"{_BLOCK}\.units\.(\d+)\.second_conv\.", r"\1.resnet_conv_second.\2.2."),
    (rf"{_BLOCK}\.units\.(\d+)\.shortcut\.", r"\1.residual_input_conv.\2."),
    (rf"{_BLOCK}\.attentions\.(\d+)\.norm\.", r"\1.attention_norms.\2."),
    (rf"{_BLOCK}\.attentions\.(\d+)\.attention\.", r"\1.attentions.\2."),
    (r"\.in_proj\.(weight|bias)$", r".in_proj_\1"),
    (rf"{_BLOCK}\.halve\.", r"\1.down_sample_conv."),
    (rf"{_BLOCK}\.double\.", r"\1.up_sample_conv."),
)
_UNET = {
    "DOWN_CHANNELS": "widths",
    "MID_CHANNELS": "middle",
    "TIME_EMB_DIM": "time_features",
    "DOWN_SAMPLE": "halved",
    "ATTN": "attended",
    "NORM_CHANNELS": "groups",
    "NUM_HEADS": "heads",
    "CONV_OUT_CHANNELS": "head",
}
_VAE = {
    "IM_CHANNELS": "channels",
    "Z_CHANNELS": "latents",
    "DOWN_CHANNELS": "widths",
    "MID_CHANNELS": "middle",
    "DOWN_SAMPLE": "halved",
    "DOWN_UP_ATTN": "attended",
    "NORM_CHANNELS": "groups",
    "NUM_HEADS": "heads",
}
_LAYERS = ("NUM_DOWN_LAYERS", "NUM_MID_LAYERS", "NUM_UP_LAYERS")


def _options(args: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Our arguments for the published configuration, which is whole or the `model_config`."""
    config = args.get("model_config", args)
    options = {ours: config[theirs] for theirs, ours in names.items() if theirs in config}
    layers = tuple(config.get(name, 2) for name in _LAYERS)
    return {name: _fixed(value) for name, value in options.items()} | {"layers": layers}


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _unet(args: Mapping[str, Any], rngs: nnx.Rngs) -> HueShiftUNet:
    channels = args.get("in_channels", 3), args.get("out_channels", 2)
    return HueShiftUNet(*channels, **_options(args, _UNET), rngs=rngs)


def _vae(args: Mapping[str, Any], rngs: nnx.Rngs) -> HueShiftVAE:
    return HueShiftVAE(**_options(args, _VAE), rngs=rngs)


def _picture_and_step(args, size, rng):
    (x,) = pictures(args.get("in_channels", 3))(args, size, rng)
    return x, rng.integers(0, 1000, 1)


def _call_vae(network, x) -> tuple:
    """Reconstruction from the mean latent, moments, mean and logarithm of the variance."""
    found = network.encode(jnp.moveaxis(x, 1, -1))
    outputs = network.decode(found.mean), jnp.concatenate(found, -1), *found
    return tuple(jnp.moveaxis(y, -1, 1) for y in outputs)


def _picture(args, size, rng):
    channels = args.get("model_config", args).get("IM_CHANNELS", 3)
    return (rng.uniform(0, 1, (1, channels, *size)).astype(np.float32),)


UNET = Published(
    name="hueshift_unet",
    source=f"{_SOURCE}: models/unet.py, Unet",
    build=_unet,
    rules=(
        (r"^time\.first\.", "t_proj.0."),
        (r"^time\.second\.", "t_proj.2."),
        *_BLOCK_RULES,
    ),
    size=(32, 32),
    inputs=_picture_and_step,
)
VAE = Published(
    name="hueshift_vae",
    source=f"{_SOURCE}: models/vae.py, VAE",
    build=_vae,
    rules=(
        (r"^(encoder|decoder)\.", r"\1_"),
        (r"^(pre|post)_quant\.", r"\1_quant_conv."),
        *_BLOCK_RULES,
    ),
    inputs=_picture,
    call=_call_vae,
)

NETWORKS = (UNET, VAE)
