"""The published names of ColorNet."""

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.interop.resnet import in_sequence
from hueshift_jax.models import colorization_net

_SOURCE = "hanzalah21027/Video-Colorization-using-Deep-Neural-Networks"
_DECODER = "fusion_and_colorization_net."

COLORIZATION_NET = Published(
    name="colorization_net",
    source=f"{_SOURCE}: ColorizationNet/network.py, ColorNet",
    build=lambda args, rngs: colorization_net.ColorizationNet(as_published=True, rngs=rngs),
    rules=(
        # Two published networks share the first stages; the whole one has the last two.
        *in_sequence(r"encoder\.", "midlevel_resnet."),
        (r"^midlevel_resnet\.([67])\.", r"global_resnet.\1."),
        (r"^decoder\.fusion_norm\.", f"{_DECODER}bn1."),
        (r"^decoder\.enlarge\.", f"{_DECODER}deconv1_new."),
        *(
            # The rules of the encoder have said "bn" already.
            (rf"^decoder\.(?:norm|bn){place}\.", f"{_DECODER}bn{place + 1}.")
            for place in (1, 2, 3, 4)
        ),
        (r"^decoder\.", _DECODER),
    ),
    aliases=((r"^global_resnet\.([0-5])\.", r"midlevel_resnet.\1."),),
    repeats=((r"^midlevel_resnet\.", "global_resnet."),),
)


def _planes(args, size, rng):
    return pictures(1, args.get("in_channels", 3) - 1)(args, size, rng)


DISCRIMINATOR = Published(
    name="colorization_net_discriminator",
    source=f"{_SOURCE}: ColorizationNet/network.py, Discriminator",
    build=lambda args, rngs: colorization_net.ColorizationDiscriminator(
        args.get("in_channels", 3),
        tuple(args.get("features", colorization_net.PATCH_WIDTHS)),
        rngs=rngs,
    ),
    rules=(
        (r"^initial\.", "initial.0."),
        (r"^layers\.(\d+)\.conv\.", r"model.\1.conv.0."),
        (r"^layers\.(\d+)\.norm\.", r"model.\1.conv.1."),
        (r"^scores\.", "model.3."),
    ),
    inputs=_planes,
)

NETWORKS = (COLORIZATION_NET, DISCRIMINATOR)
