"""The published names of ResNet-18 and of the encoders made of it."""

from hueshift_jax.interop.published import Published, Rules, pictures
from hueshift_jax.models.resnet import CLASSES, ResNet18

_BLOCK: Rules = (
    (r"\.norm([12])\.", r".bn\1."),
    (r"\.shortcut\.conv\.", ".downsample.0."),
    (r"\.shortcut\.norm\.", ".downsample.1."),
)


def in_sequence(path: str, prefix: str) -> Rules:
    """Rules for an encoder at `path` whose published parts stand in a `Sequential`."""
    return (
        (rf"^{path}conv\.", f"{prefix}0."),
        (rf"^{path}norm\.", f"{prefix}1."),
        *((rf"^{path}stages\.{place}\.", f"{prefix}{place + 4}.") for place in range(4)),
        *_BLOCK,
    )


def _pictures(args, size, rng):
    return pictures(args.get("channels", 3))(args, size, rng)


RESNET18 = Published(
    name="resnet18",
    source="pytorch/vision: torchvision/models/resnet.py, resnet18",
    build=lambda args, rngs: ResNet18(
        args.get("num_classes", CLASSES), args.get("channels", 3), rngs=rngs
    ),
    rules=(
        *((rf"^encoder\.stages\.{place}\.", f"layer{place + 1}.") for place in range(4)),
        (r"^encoder\.conv\.", "conv1."),
        (r"^encoder\.norm\.", "bn1."),
        (r"^classes\.", "fc."),
        *_BLOCK,
    ),
    inputs=_pictures,
)

NETWORKS = (RESNET18,)
