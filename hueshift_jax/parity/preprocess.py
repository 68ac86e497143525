"""References of the published HueShift systems' handling of pictures."""

import re
from dataclasses import replace

import numpy as np

from hueshift_jax.data import published
from hueshift_jax.parity.case import Case

_ONE_LEVEL = {"tolerance": 1.0, "absolute": True}


def _picture(case: Case, name: str) -> np.ndarray:
    """The 8-bit picture `name`, (h, w, 3); its recipe names height and width only."""
    (recipe,) = (r for r in case.recipes_of(name) if r.name == name)
    if len(recipe.shape) == 2:
        recipe = replace(recipe, shape=(3, *recipe.shape))
    return np.ascontiguousarray(np.moveaxis(recipe.draw(case.key), 0, -1))


def compare(case: Case) -> None:
    """Both systems' inputs and the diffusion system's outputs."""
    bgr = _picture(case, "bgr")
    case.compare("lab", published.bgr_to_lab_u8(bgr), **_ONE_LEVEL)
    for name in case.arrays:
        if size := re.fullmatch(r"resized(\d+)", name):
            found = published.diffusion_input(bgr, int(size[1]))
            case.compare(name, np.moveaxis(found, -1, 0))
    _compare_outputs(case)
    size = int(case.find(r"Resize\((\d+)\)", 128))
    color, gray = published.gan_input(_picture(case, "rgb"), size)
    case.compare("gan_rgb", np.moveaxis(color, -1, 0))
    case.compare("gan_gray", gray)


def _compare_outputs(case: Case) -> None:
    lab = np.moveaxis(case.draw("over"), 0, -1)
    # Outside 0..255 the cast of the original is undefined: there nothing is compared.
    defined = np.all((lab * 255 >= 0) & (lab * 255 < 256), -1)
    case.exact("wrapped_ok", defined, case.arrays["wrapped_ok"])
    found = published.diffusion_output(lab, as_published=True)
    case.compare(
        "wrapped",
        found * defined[..., None],
        **_ONE_LEVEL,
        reference=case.arrays["wrapped"] * defined[..., None],
    )
    gray = np.round(case.draw("gray") * 255).astype(np.uint8)
    found = published.enhance(gray, _picture(case, "low"), as_published=True)
    case.compare("enhance", found, **_ONE_LEVEL)
    case.compare("gray_L", published.gray_to_lightness_u8(gray), **_ONE_LEVEL)


RUNNERS = {"hueshift_preprocess": compare}
