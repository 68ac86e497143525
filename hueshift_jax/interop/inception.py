"""The published names of Inception-v3: torchvision's, which pytorch-fid's weights share."""

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.models.inception import InceptionV3, fid_features

_RULES = (
    (r"\.norm\.", ".bn."),
    (r"_row\.", "_{}a."),
    (r"_column\.", "_{}b."),
    (r"^(wide\.\d\.branch3x3dbl)_{}", r"\1_3"),
    (r"^(wide\.\d\.branch3x3)_{}", r"\1_2"),
    (r"^(wide\.\d\.branch3x3)\.", r"\1_1."),
    *((rf"\.(branch\w+)\.layers\.{n}\.", rf".\1_{n + 1}.") for n in range(5)),
    *(
        (rf"^before\.layers\.{n}\.", f"Conv2d_{name}.")
        for n, name in enumerate(("1a_3x3", "2a_3x3", "2b_3x3"))
    ),
    *(
        (rf"^after\.layers\.{n}\.", f"Conv2d_{name}.")
        for n, name in enumerate(("3b_1x1", "4a_3x3"))
    ),
    *((rf"^small\.{n}\.", f"Mixed_5{letter}.") for n, letter in enumerate("bcd")),
    (r"^first_reduction\.", "Mixed_6a."),
    *((rf"^long\.{n}\.", f"Mixed_6{letter}.") for n, letter in enumerate("bcde")),
    (r"^auxiliary\.", "AuxLogits."),
    (r"^second_reduction\.", "Mixed_7a."),
    *((rf"^wide\.{n}\.", f"Mixed_7{letter}.") for n, letter in enumerate("bc")),
)


def _logits(network, x):
    return (network(jnp.moveaxis(jnp.asarray(x), 1, -1)).logits,)


INCEPTION_V3 = Published(
    name="inception_v3",
    source="pytorch/vision: torchvision/models/inception.py, Inception3",
    build=lambda args, rngs: InceptionV3(
        args.get("num_classes", 1000),
        auxiliary=args.get("aux_logits", True),
        from_imagenet=args.get("transform_input", False),
        divisor=args.get("divisor", 1),
        rngs=rngs,
    ),
    rules=_RULES,
    size=(299, 299),
    inputs=pictures(3),
    call=_logits,
)


def _unit_picture(args, size, rng):
    del args
    return (rng.random((1, 3, *size), np.float32),)


def _features(network, x):
    features = fid_features(network, jnp.moveaxis(jnp.asarray(x), 1, -1))
    return tuple(jax.tree.leaves(features[:, :, None, None]))


INCEPTION_V3_FID = Published(
    name="inception_v3_fid",
    source="mseitzer/pytorch-fid: src/pytorch_fid/inception.py, fid_inception_v3",
    build=lambda args, rngs: InceptionV3(
        args.get("num_classes"), fid=True, divisor=args.get("divisor", 1), rngs=rngs
    ),
    rules=_RULES,
    size=(299, 299),
    inputs=_unit_picture,
    call=_features,
)

NETWORKS = (INCEPTION_V3, INCEPTION_V3_FID)
