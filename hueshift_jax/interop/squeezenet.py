"""The published names of SqueezeNet 1.1: torchvision's, and Caffe's without the class head."""

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.models.squeezenet import FIRES, SqueezeNet

_PLACES = (3, 4, 6, 7, 9, 10, 11, 12)


def _build(args, rngs, **options):
    fires, stem = tuple(args.get("fires", FIRES)), args.get("stem", 64)
    return SqueezeNet(fires=fires, stem=stem, rngs=rngs, **options)


SQUEEZENET = Published(
    name="squeezenet",
    source="pytorch/vision: torchvision/models/squeezenet.py, SqueezeNet, version 1_1",
    build=lambda args, rngs: _build(args, rngs, classes=args.get("num_classes", 1000)),
    rules=(
        (r"^stem\.", "features.0."),
        *((rf"^fires\.{n}\.", f"features.{place}.") for n, place in enumerate(_PLACES)),
        (r"^classes\.", "classifier.1."),
    ),
    size=(224, 224),
    inputs=pictures(3),
)
SQUEEZENET_FEATURES = Published(
    name="squeezenet_features",
    source="DeepCognition/keras-squeezenet: SqueezeNet 1.1 of Caffe without its head",
    build=lambda args, rngs: _build(args, rngs, classes=None, whole_windows=True),
    rules=(
        (r"^stem\.", "conv1."),
        (r"\.squeeze\.", "/squeeze1x1."),
        (r"\.(expand\dx\d)\.", r"/\1."),
        *((rf"^fires\.{n}/", f"fire{n + 2}/") for n in range(8)),
    ),
    size=(227, 227),
    inputs=pictures(3),
)

NETWORKS = (SQUEEZENET, SQUEEZENET_FEATURES)
