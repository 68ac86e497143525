"""The published names of PFAN."""

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.interop.vgg import numbered
from hueshift_jax.models.pfan import Pfan
from hueshift_jax.models.vgg import VGG16

_BRANCHES = (
    ("row_first", "grp1", "conv1k", "convk1"),
    ("column_first", "grp2", "convk1", "conv1k"),
)

PFAN = Published(
    name="pfan",
    source=(
        "sairajk/PyTorch-Pyramid-Feature-Attention-Network-for-Saliency-Detection: src/model.py, "
        "SODModel"
    ),
    build=lambda args, rngs: Pfan(rngs=rngs),
    rules=(
        *numbered(VGG16, r"vgg\.blocks\.", "vgg16."),
        *((rf"^reaches\.{n}\.near\.", f"cpfe_conv{n + 3}_3.conv_1_1.") for n in range(3)),
        *(
            (rf"^reaches\.{n}\.far\.{m}\.", f"cpfe_conv{n + 3}_3.conv_dil_{2 * m + 3}.")
            for n in range(3)
            for m in range(3)
        ),
        *((rf"^reaches\.{n}\.norm\.", f"cpfe_conv{n + 3}_3.bn.") for n in range(3)),
        (r"^channels\.reduce\.", "cha_att.linear_1."),
        (r"^channels\.restore\.", "cha_att.linear_2."),
        (r"^deep\.conv\.", "hl_conv1."),
        (r"^deep\.norm\.", "hl_bn1."),
        *((rf"^shallow\.{n}\.conv\.", f"ll_conv_{n + 1}.") for n in range(2)),
        *((rf"^shallow\.{n}\.norm\.", f"ll_bn_{n + 1}.") for n in range(2)),
        (r"^outlines\.conv\.", "ll_conv_3."),
        (r"^outlines\.norm\.", "ll_bn_3."),
        *(
            (rf"^places\.{ours}\.{n}\.conv\.", f"spa_att.{theirs}_{conv}.")
            for ours, theirs, *convs in _BRANCHES
            for n, conv in enumerate(convs)
        ),
        *(
            (rf"^places\.{ours}\.{n}\.norm\.", f"spa_att.{theirs}_bn{n + 1}.")
            for ours, theirs, *_ in _BRANCHES
            for n in range(2)
        ),
        (r"^final\.", "ff_conv_1."),
    ),
    inputs=pictures(3),
)

NETWORKS = (PFAN,)
