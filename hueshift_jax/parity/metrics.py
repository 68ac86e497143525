"""References of the figures that judge a colorization."""

import re

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.errors import ParityError
from hueshift_jax.metrics import distribution, image, planes, temporal
from hueshift_jax.metrics.ssim import ssim
from hueshift_jax.ops.warp import warp
from hueshift_jax.parity.case import Case, Check, nchw, nhwc

_FLIPS = 2
"""Pixels whose mask may differ: those that lie on a threshold but for rounding."""


def compare_psnr_ssim(case: Case) -> None:
    """PSNR of floats and of bytes, and three windows of SSIM."""
    pictures = case.draw("a")
    noise = case.find(r"([\d.]+)\s*\*\s*generator", 0.05) * case.draw("noise")
    noisy = np.clip(pictures + noise, 0, 1).astype(np.float32)
    for equal in _equal_pictures(case):
        noisy[equal] = pictures[equal]
    pairs = list(zip(nhwc(pictures), nhwc(noisy), strict=True))
    figures = {
        "psnr": lambda x, y: image.psnr(x, y, peak=1.0),
        "psnr_u8": lambda x, y: image.psnr(_bytes(x), _bytes(y)),
        "ssim_gauss": ssim,
        "ssim_uniform": lambda x, y: ssim(x, y, "uniform"),
        "ssim_full_reflect": lambda x, y: ssim(x, y, "gaussian_reflected"),
    }
    for name in case.arrays:
        if name not in figures:
            raise ParityError(f"{case.name} holds {name!r}; known are {', '.join(figures)}")
        figure = figures[name]
        kind, default = ("PSNR", 1e-3) if name.startswith("psnr") else ("SSIM", 1e-5)
        tolerance = _stated(case, rf"{kind}\s+([\d.e-]+)", default)
        _compare_values(case, name, [figure(x, y) for x, y in pairs], tolerance)


def _equal_pictures(case: Case) -> list[int]:
    """Numbers of the pictures to which no noise was added: `b[3]=a[3]`."""
    lines = " ".join(case.lines.values())
    return [int(number) for number in re.findall(r"\bb\[(\d+)\]\s*=\s*a\[", lines)]


def _bytes(x: np.ndarray) -> np.ndarray:
    return np.rint(x * 255.0).astype(np.uint8)


def _stated(case: Case, pattern: str, default: float) -> float:
    """A number in the sentence about tolerances."""
    match = re.search(pattern, str(case.meta.get("tolerance", "")))
    return float(match[1]) if match else default


def _compare_values(case: Case, name: str, found: list[float], tolerance: float) -> None:
    """Compares numbers of which some may be infinite, by their absolute differences."""
    expected, ours = np.asarray(case.arrays[name], np.float64), np.asarray(found, np.float64)
    finite = np.isfinite(expected)
    case.exact(f"{name} is finite", np.isfinite(ours), finite)
    case.compare(
        name,
        np.where(np.isfinite(ours), ours, 0.0),
        reference=np.where(finite, expected, 0.0),
        tolerance=tolerance,
        absolute=True,
    )


def compare_ciede2000(case: Case) -> None:
    """The published pairs, both ways round, and random ones; the float32 version too."""
    pairs, published = case.arrays["sharma"], _stated(case, r"([\d.e-]+) on sharma", 1e-4)
    values = {"reference": pairs[:, 6], "tolerance": published, "absolute": True}
    case.compare("sharma", image.ciede2000(pairs[:, :3], pairs[:, 3:6]), **values)
    case.compare("sharma, reversed", image.ciede2000(pairs[:, 3:6], pairs[:, :3]), **values)
    single = [jnp.asarray(part.T, jnp.float32) for part in (pairs[:, :3], pairs[:, 3:6])]
    case.compare("sharma, float32", jax.jit(planes.ciede2000)(*single), **values)
    found = image.ciede2000(case.arrays["lab1"], case.arrays["lab2"])
    case.compare("de", found, tolerance=_stated(case, r"([\d.e-]+) on random", 1e-6), absolute=True)


def compare_colorfulness(case: Case) -> None:
    """One value a picture."""
    case.compare("value", [image.colorfulness(picture) for picture in _pictures(case, "images")])


def _pictures(case: Case, name: str) -> np.ndarray:
    return np.ascontiguousarray(nhwc(case.arrays[name]))


def compare_cdc(case: Case) -> None:
    """Histograms of a clip, frame by frame and in two halves."""
    frames = [distribution.Consistency.of(frame) for frame in _pictures(case, "clip")]
    whole = _merged(frames)
    case.compare("per_distance", whole.by_distance())
    for name in ("cdc", "cdc_published"):
        case.compare(name, whole.compute())
    middle = len(frames) // 2
    halves = _merged(frames[:middle]).merge(_merged(frames[middle:]))
    case.compare("cdc, in halves", halves.compute(), reference=case.arrays["cdc"], tolerance=1e-12)


def _merged(parts: list[distribution.Consistency]) -> distribution.Consistency:
    state = distribution.Consistency()
    for part in parts:
        state = state.merge(part)
    return state


def compare_warp_error(case: Case) -> None:
    """Warping with both edges, what is hidden, and the error where nothing is."""
    stored = {name: jnp.asarray(nhwc(x)) for name, x in case.arrays.items() if x.ndim == 4}
    frame, other = stored["frame1"], stored["frame2"]
    there, back = stored["flow_fw"], stored["flow_bw"]
    case.compare("warped", nchw(warp(other, there, edge="border")))
    case.compare("warped_zeros", nchw(warp(other, there)))
    found = temporal.occlusion(there, back)
    for name, mask in (
        ("mask1", found.inconsistent),
        ("mask2", found.boundary),
        ("occlusion", found.hidden),
    ):
        flips = np.sum(np.asarray(mask) != (case.arrays[name] > 0.5))
        case.checks.append(Check(name, float(flips), _FLIPS, "pixels"))
    # A flipped pixel is no error of the sum: it is told by the masks.
    hidden = jnp.asarray(case.arrays["occlusion"] > 0.5)
    errors = temporal.warp_error(frame, other, there, hidden)
    case.compare("error", errors if case.arrays["error"].ndim else jnp.mean(errors))


RUNNERS = {
    "metric_psnr_ssim": compare_psnr_ssim,
    "metric_ciede2000": compare_ciede2000,
    "metric_colorfulness": compare_colorfulness,
    "metric_cdc": compare_cdc,
    "metric_warp_error": compare_warp_error,
}
