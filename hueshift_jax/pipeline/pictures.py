"""Single pictures: the same network and controls, composed at full size in R'G'B'."""

from collections.abc import Callable

import cv2
import numpy as np

from hueshift_jax.pipeline.anchors import Seen
from hueshift_jax.pipeline.controls import Controls, adjust
from hueshift_jax.pipeline.displayable import gray_to_rgb_u8
from hueshift_jax.pipeline.frames import View, record_size, shrink
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.video.frame import Frame


def color_picture(
    gray: np.ndarray,
    painter: Painter,
    controls: Controls,
    given: Callable[[Seen], np.ndarray] | None = None,
) -> np.ndarray:
    """RGB (h, w, 3) uint8 of a gray picture (h, w) uint8, gamma-encoded; L* is kept.

    given: makes the wanted ab (h, w, 2) of the automatic one.
    """
    small = shrink(gray, *painter.size)
    thumb = shrink(small, *record_size(painter.size))
    view = View(Frame(0, 0, 1, gray, 0.0), thumb, small)
    _, ab, _ = painter.call(painter.memory_from(()), [view])
    chroma = np.array(ab[0], np.float32)
    height, width = chroma.shape[:2]
    thumb = shrink(thumb, height, width)
    if given is not None:
        chroma = given(Seen(small, thumb, chroma))
    chroma = adjust(chroma, thumb, controls)
    enlarged = cv2.resize(chroma, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return gray_to_rgb_u8(gray, enlarged)
