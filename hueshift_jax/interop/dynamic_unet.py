"""The published names of fastai's U-Net and of the discriminator beside it."""

from hueshift_jax.interop.published import Published, Rules, pictures
from hueshift_jax.interop.resnet import in_sequence
from hueshift_jax.models import dynamic_unet

_REPORT = "hanzalah21027/Video-Colorization-using-Deep-Neural-Networks"

_STEPS: Rules = tuple(
    (rf"^steps\.{place}\.{ours}\.", f"layers.{place + 4}.{theirs}.")
    for place in range(4)
    for ours, theirs in (
        (r"enlarge\.conv", "shuf.0.0"),
        ("norm", "bn"),
        ("conv1", "conv1.0"),
        ("conv2", "conv2.0"),
    )
)


def _channels(args) -> int:
    return args.get("n_input", args.get("n_in", 1))


def _picture(args, size, rng):
    return pictures(_channels(args))(args, size, rng)


DYNAMIC_UNET = Published(
    name="dynamic_unet",
    source="fastai/fastai: fastai/vision/models/unet.py, DynamicUnet(create_body(resnet18))",
    build=lambda args, rngs: dynamic_unet.DynamicUnet(
        _channels(args), args.get("n_output", args.get("n_out", 2)), rngs=rngs
    ),
    rules=(
        *_STEPS,
        (r"^norm\.", "layers.1."),
        (r"^middle\.(\d)\.", r"layers.3.\1.0."),
        (r"^enlarge\.conv\.", "layers.8.0.0."),
        (r"^refine\.(\d)\.", r"layers.11.convpath.\1.0."),
        (r"^chroma\.", "layers.12.0."),
        *in_sequence(r"encoder\.", "layers.0."),
    ),
    inputs=_picture,
)


def _joined(args, size, rng):
    return pictures(args.get("in_channels", 3))(args, size, rng)


PATCH_DISCRIMINATOR = Published(
    name="dynamic_unet_discriminator",
    source=f"{_REPORT}: Video_Colorization_with_UNet/color_network.py, PatchDiscriminator",
    build=lambda args, rngs: dynamic_unet.PatchDiscriminator(
        args.get("in_channels", 3),
        args.get("out_channels", dynamic_unet.PATCH_WIDTH),
        as_published=True,
        rngs=rngs,
    ),
    rules=(
        (r"^layers\.0\.norm\.", "#1."),
        *(
            (rf"^layers\.{place}\.{part}\.", f"#{3 * place - 1 + offset}.")
            for place in (1, 2, 3)
            for part, offset in (("conv", 0), ("norm", 1))
        ),
        (r"^layers\.0\.conv\.", "#0."),
        (r"^scores\.", "#11."),
        ("^#", "layers."),
    ),
    inputs=_joined,
)

NETWORKS = (DYNAMIC_UNET, PATCH_DISCRIMINATOR)
