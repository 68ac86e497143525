"""The published names of DLVC's networks."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop.published import Published
from hueshift_jax.models.dlvc_unet import DLVCUNet
from hueshift_jax.models.kl_autoencoder import WIDTHS, KLAutoencoder
from hueshift_jax.models.vision_transformer import VisionTransformer

_SOURCE = "lstival/Diffusion-Based-VideoColorization"


def _renamed(args: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Our arguments for those of the published ones that are given."""
    return {ours: args[theirs] for theirs, ours in names.items() if theirs in args}


# -- U-Net -------------------------------------------------------------------------------------


def _unet(args: Mapping[str, Any], rngs: nnx.Rngs) -> DLVCUNet:
    names = {
        "c_out": "outputs",
        "time_dim": "time_features",
        "max_ch_deep": "deepest",
        "net_dimension": "width",
        "as_published": "as_published",
    }
    return DLVCUNet(**{"as_published": True} | _renamed(args, names), rngs=rngs)


def _latent_step_and_tokens(args, size, rng):
    tokens = (1, size[0] * size[1] // 16 + 1, 768)
    latent = rng.standard_normal((1, 4, *size), np.float32)
    return latent, rng.integers(1, 100, 1), rng.standard_normal(tokens, np.float32)


_PAIRS = {
    "down1": "maxpool_conv.{}",
    "down2": "maxpool_conv.{}",
    "up1": "conv.{}",
    "up2": "conv.{}",
}
_PLACES = {"down1": (1, 3), "down2": (1, 3), "up1": (0, 2), "up2": (0, 2)}
_ATTENTIONS = {"attention1": "sa1", "attention2": "sa2", "attention3": "sa5", "attention4": "sa6"}
_CONVS = {"conv1": 0, "norm1": 1, "conv2": 3, "norm2": 4}

UNET = Published(
    name="dlvc_unet",
    source=f"{_SOURCE}: modules.py, UNet_conditional",
    build=_unet,
    rules=(
        *(
            (rf"^{block}\.{part}\.", f"{block}.{_PAIRS[block].format(place)}.")
            for block, places in _PLACES.items()
            for part, place in zip(("first", "second"), places)
        ),
        (r"^(down|up)(\d)\.time\.", r"\1\2.emb_layer.1."),
        (r"^attention(\d)\.attention\.", r"attention\1.mha."),
        (r"^attention(\d)\.norm1\.", r"attention\1.ln."),
        (r"^attention(\d)\.norm2\.", r"attention\1.ff_self.0."),
        (r"^attention(\d)\.linear1\.", r"attention\1.ff_self.1."),
        (r"^attention(\d)\.linear2\.", r"attention\1.ff_self.3."),
        (r"\.in_proj\.(weight|bias)$", r".in_proj_\1"),
        *((rf"\.{ours}\.", f".double_conv.{theirs}.") for ours, theirs in _CONVS.items()),
        *((rf"^{ours}\.", f"{theirs}.") for ours, theirs in _ATTENTIONS.items()),
        (r"^first\.", "inc."),
        (r"^bottom1\.", "bot1."),
        (r"^bottom2\.", "bot3."),
        (r"^up2\.", "up3."),
        (r"^up1\.", "up2."),
        (r"^last\.", "outc.0."),
    ),
    size=(28, 28),
    inputs=_latent_step_and_tokens,
)


# -- Autoencoder -------------------------------------------------------------------------------


def _autoencoder(args: Mapping[str, Any], rngs: nnx.Rngs) -> KLAutoencoder:
    names = {
        "in_channels": "channels",
        "latent_channels": "latents",
        "block_out_channels": "widths",
        "layers_per_block": "layers",
        "norm_num_groups": "groups",
    }
    return KLAutoencoder(**_renamed(args, names), rngs=rngs)


def _picture(args, size, rng):
    return (rng.uniform(-1, 1, (1, args.get("in_channels", 3), *size)).astype(np.float32),)


def _first_generation(levels: int) -> tuple[tuple[str, str], ...]:
    """From the names of the latent diffusion repository, whose level 0 is always the largest."""
    ups = ((rf"^decoder\.up\.{n}\.", f"decoder.up_blocks.{levels - 1 - n}.") for n in range(levels))
    return (
        *ups,
        (r"^encoder\.down\.", "encoder.down_blocks."),
        (r"\.block\.(\d)\.", r".resnets.\1."),
        (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
        (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
        (r"\.mid\.attn_1\.norm\.", ".mid_block.attentions.0.group_norm."),
        (r"\.mid\.attn_1\.([qkv])\.", r".mid_block.attentions.0.to_\1."),
        (r"\.mid\.attn_1\.proj_out\.", ".mid_block.attentions.0.to_out.0."),
        (r"\.nin_shortcut\.", ".conv_shortcut."),
        (r"\.(down|up)sample\.conv\.", r".\1samplers.0.conv."),
        (r"^(encoder|decoder)\.norm_out\.", r"\1.conv_norm_out."),
    )


AUTOENCODER = Published(
    name="dlvc_vae",
    source="huggingface/diffusers: autoencoder_kl.py, AutoencoderKL (stable-diffusion-v1-4)",
    build=_autoencoder,
    rules=(
        (r"^encoder\.levels\.", "encoder.down_blocks."),
        (r"^decoder\.levels\.", "decoder.up_blocks."),
        (r"^(encoder|decoder)\.middle\.", r"\1.mid_block."),
        (r"\.blocks\.", ".resnets."),
        (r"^(encoder\..*)\.resize\.", r"\1.downsamplers.0.conv."),
        (r"^(decoder\..*)\.resize\.", r"\1.upsamplers.0.conv."),
        (r"\.mid_block\.attention\.norm\.", ".mid_block.attentions.0.group_norm."),
        (r"\.mid_block\.attention\.attention\.", ".mid_block.attentions.0."),
        (r"\.queries\.", ".to_q."),
        (r"\.keys\.", ".to_k."),
        (r"\.values\.", ".to_v."),
        (r"\.mixed\.", ".to_out.0."),
        (r"\.shortcut\.", ".conv_shortcut."),
        (r"\.norm_out\.", ".conv_norm_out."),
        (r"^(post_quant|quant)\.", r"\1_conv."),
    ),
    former=(
        (r"\.attentions\.0\.query\.", ".attentions.0.to_q."),
        (r"\.attentions\.0\.key\.", ".attentions.0.to_k."),
        (r"\.attentions\.0\.value\.", ".attentions.0.to_v."),
        (r"\.attentions\.0\.proj_attn\.", ".attentions.0.to_out.0."),
        *_first_generation(len(WIDTHS)),
    ),
    inputs=_picture,
)


# -- Vision transformer ------------------------------------------------------------------------


def _transformer(args: Mapping[str, Any], rngs: nnx.Rngs) -> VisionTransformer:
    names = {
        "image_size": "size",
        "patch_size": "patch",
        "hidden_dim": "features",
        "num_layers": "layers",
        "num_heads": "heads",
        "mlp_dim": "hidden",
        "num_classes": "classes",
    }
    return VisionTransformer(**_renamed(args, names), rngs=rngs)


def _gray_as_rgb(args, size, rng):
    side = args.get("image_size", 224)
    gray = rng.uniform(-1, 1, (1, 1, side, side)).astype(np.float32)
    return (np.repeat(gray, 3, 1),)


def _call_transformer(network, x) -> tuple:
    return (network(jnp.moveaxis(x, 1, -1)),)


TRANSFORMER = Published(
    name="dlvc_vit_b_32",
    source=f"torchvision: vit_b_32; {_SOURCE}: ViT.py, Vit_neck",
    build=_transformer,
    rules=(
        (r"^projection\.", "conv_proj."),
        (r"^whole$", "class_token"),
        (r"^places$", "encoder.pos_embedding"),
        (r"^blocks\.(\d+)\.norm", r"encoder.layers.encoder_layer_\1.ln_"),
        (r"^blocks\.(\d+)\.attention\.", r"encoder.layers.encoder_layer_\1.self_attention."),
        (r"^blocks\.(\d+)\.wide\.", r"encoder.layers.encoder_layer_\1.mlp.0."),
        (r"^blocks\.(\d+)\.narrow\.", r"encoder.layers.encoder_layer_\1.mlp.3."),
        (r"\.in_proj\.(weight|bias)$", r".in_proj_\1"),
        (r"^norm\.", "encoder.ln."),
        (r"^head\.", "heads.head."),
    ),
    size=(224, 224),
    inputs=_gray_as_rgb,
    call=_call_transformer,
)

NETWORKS = (UNET, AUTOENCODER, TRANSFORMER)
