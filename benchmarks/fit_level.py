"""Fits how strongly `hueshift_gan` lays on its chroma (`systems.chroma_level`) to pictures.

    python benchmarks/fit_level.py --data DIR [--system FILE] [--ratio 0.65] [--folder] [--check]

`--data` is what the weights were trained on: only what `train.py` holds out of it is used. With
`--folder` all of it is used: pictures that nothing was trained on. Sought are the numbers with the
highest mean PSNR (less a share of the color difference) at one ratio of mean colorfulness to the
truth's, true L* kept. The test pictures have no part in it. Printed are the fields of the
configuration; with `--check`, also what they do to the half of the pictures that a second fit did
not see.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import optax

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from color_quality import RATIOS  # noqa: E402

from hueshift_jax.data.batches import DataConfig  # noqa: E402
from hueshift_jax.data.held_out import divide  # noqa: E402
from hueshift_jax.data.pictures import open_pictures  # noqa: E402
from hueshift_jax.metrics import planes  # noqa: E402
from hueshift_jax.ops import color  # noqa: E402
from hueshift_jax.systems import SYSTEMS  # noqa: E402
from hueshift_jax.systems.catalog import load_settings  # noqa: E402
from hueshift_jax.systems.chroma_level import ChromaLevel, level_of, leveled  # noqa: E402
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig  # noqa: E402

PIXELS = 256
"""Of each picture, so many are looked at."""
BATCH = 8
STEPS = 150
DIFFERENCE_SHARE = 0.25
"""Decibels that a unit of color difference is worth."""
LOWEST, HIGHEST = np.float32([-2.0, 0.0, -0.5, 0.0]), np.float32([2.0, 0.8, 1.0, 2.0])
"""Of the logarithm of strength, equalize, the logarithm of spread, and fade."""


class Samples(NamedTuple):
    """Pixels of n pictures: the network's ab (n, p, 1, 2), luma (n, p, 1), truth (n, p, 1, 3)."""

    ab: np.ndarray
    luma: np.ndarray
    lab: np.ndarray


class Found(NamedTuple):
    """Means over pictures; differences are a smooth CIE94 in a fit, and CIEDE2000 in a table."""

    psnr: jax.Array
    difference: jax.Array
    colorfulness: jax.Array


def sampled(predict, pictures: Iterable[np.ndarray], side: int) -> Samples:
    """What `predict`, of luma (b, h, w) to ab (b, h/4, w/4, 2), says of the middles of pictures.

    Middles are square, and of one size, so that only one program is compiled.
    """
    squares = [_middle(picture, side) for picture in pictures]
    rows, rng = [], np.random.default_rng(0)
    lab_of = jax.jit(color.srgb_to_lab)
    for start in range(0, len(squares), BATCH):
        few = np.stack(squares[start : start + BATCH]).astype(np.float32) / 255.0
        count = len(few)
        few = np.pad(few, ((0, BATCH - count), (0, 0), (0, 0), (0, 0)), mode="edge")
        lab = np.asarray(lab_of(few))
        luma = np.asarray(color.lightness_to_luma(jnp.asarray(lab[..., 0])))
        ab = np.asarray(predict(luma))
        for n in range(count):
            chosen = rng.integers(0, side * side, PIXELS)
            whole = (cv2.resize(ab[n], (side, side)), luma[n], lab[n])
            rows.append([x.reshape(side * side, -1)[chosen] for x in whole])
    ab, luma, lab = (np.stack(x)[:, :, None] for x in zip(*rows, strict=True))
    return Samples(ab, luma[..., 0], lab)


def _middle(rgb_u8: np.ndarray, side: int) -> np.ndarray:
    """The middle square of a picture, at a size."""
    short = min(rgb_u8.shape[:2])
    top, left = ((length - short) // 2 for length in rgb_u8.shape[:2])
    square = rgb_u8[top : top + short, left : left + short]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def measured(ab: jax.Array, lab: jax.Array) -> Found:
    """How close chroma joined to the true L* is, and how colorful; can be differentiated."""
    rgb, truth = (
        255.0 * color.lab_to_srgb(x) for x in (jnp.concatenate([lab[..., :1], ab], -1), lab)
    )
    error = jnp.mean((rgb - truth) ** 2, (1, 2, 3))
    psnr = 10.0 * jnp.log10(255.0**2 / (error + 0.1))
    return Found(psnr.mean(), _cie94(ab, lab[..., 1:]).mean(), colorfulness(rgb).mean())


def colorfulness(rgb: jax.Array) -> jax.Array:
    """As `metrics.image.colorfulness`, of samples (n, p, 1, 3), with a gradient at gray."""
    r, g, b = (rgb[..., n] for n in range(3))
    axes = jnp.stack([r - g, 0.5 * (r + g) - b], -1)
    spread, mean = axes.var((1, 2)).sum(-1), (axes.mean((1, 2)) ** 2).sum(-1)
    return jnp.sqrt(spread + 1e-3) + 0.3 * jnp.sqrt(mean + 1e-3)


def _cie94(ab: jax.Array, truth: jax.Array) -> jax.Array:
    """The color difference of 1994 at equal L*, about the mean of both chromas."""
    first, second = (jnp.sqrt((x**2).sum(-1) + 1.0) for x in (ab, truth))
    mean, longer = 0.5 * (first + second), (first - second) ** 2
    turned = jnp.maximum(((ab - truth) ** 2).sum(-1) - longer, 0.0)
    return jnp.sqrt(longer / (1.0 + 0.045 * mean) ** 2 + turned / (1.0 + 0.015 * mean) ** 2 + 0.25)


def _level(numbers: jax.Array) -> ChromaLevel:
    strength, equalize, spread, fade = numbers
    return ChromaLevel(jnp.exp(strength), equalize, jnp.exp(spread), fade)


def fitted(samples: Samples, ratio: float) -> ChromaLevel:
    """The level at which these pictures come closest, at a ratio of mean colorfulness."""
    ab, luma, lab = (jnp.asarray(x) for x in samples)
    goal = ratio * colorfulness(255.0 * color.lab_to_srgb(lab)).mean()
    optimizer = optax.adam(optax.cosine_decay_schedule(0.03, STEPS))

    def loss_of(numbers):
        found = measured(leveled(ab, luma, _level(numbers)), lab)
        missed = found.colorfulness / goal - 1.0
        return DIFFERENCE_SHARE * found.difference - found.psnr + 100.0 * missed**2

    def step(carry, _):
        numbers, state = carry
        update, state = optimizer.update(jax.grad(loss_of)(numbers), state)
        return (jnp.clip(numbers + update, LOWEST, HIGHEST), state), None

    @jax.jit
    def run(numbers):
        return jax.lax.scan(step, (numbers, optimizer.init(numbers)), length=STEPS)[0][0]

    found = _level(run(jnp.float32([0.3, 0.25, 0.05, 0.2])))
    return ChromaLevel(*(round(float(number), 3) for number in found))


def at_ratios(samples: Samples, level: ChromaLevel) -> list[tuple[float, float]]:
    """PSNR and CIEDE2000 at each of `RATIOS`, at which the level's chroma is multiplied."""
    ab, luma, lab = (jnp.asarray(x) for x in samples)
    ab = leveled(ab, luma, level)
    truth = float(colorfulness(255.0 * color.lab_to_srgb(lab)).mean())

    @jax.jit
    def scored(factor):
        mixed = jnp.concatenate([lab[..., :1], factor * ab], -1)
        delta = planes.ciede2000(jnp.moveaxis(mixed, -1, 0), jnp.moveaxis(lab, -1, 0))
        return measured(factor * ab, lab)._replace(difference=delta.mean())

    factors = float(scored(1.0).colorfulness) / truth
    factors = np.float32([0.4, 0.5, 0.6, 0.7, 0.85, 1.0]) / factors
    rows = np.array([scored(factor) for factor in factors])
    ratios = rows[:, 2] / truth
    return [tuple(float(np.interp(r, ratios, rows[:, n])) for n in (0, 1)) for r in RATIOS]


def table(samples: Samples, settings: ChromaLevel, ratio: float) -> list[str]:
    """Markdown: half of the pictures, at a level that was fitted to the other half."""
    odd, even = (Samples(*(x[n::2] for x in samples)) for n in (1, 0))
    levels = {"a plain factor": ChromaLevel(), "as it is set": settings}
    levels["fitted to the other half"] = fitted(odd, ratio)
    lines = ["| PSNR, CIEDE2000 at ratio | " + " | ".join(f"{r:.2f}" for r in RATIOS) + " |"]
    lines += ["|---" * (len(RATIOS) + 1) + "|"]
    for name, level in levels.items():
        cells = " | ".join(f"{p:.2f}, {d:.2f}" for p, d in at_ratios(even, level))
        lines.append(f"| {name} | {cells} |")
    return lines


def _pictures(options: argparse.Namespace) -> Iterable[np.ndarray]:
    if options.folder:
        return open_pictures(options.data, limit=options.count)
    config = DataConfig(held_out=options.count, limit=1, short_side=options.side)
    held_out = divide(options.data, config).held_out
    if held_out is None:
        raise SystemExit(f"{options.data} holds too few pictures for a held-out part")
    return held_out


def main() -> None:
    """Prints the numbers, and what they do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", action="store_true", help="nothing of --data was trained on")
    parser.add_argument("--system", type=Path, default=SYSTEMS["hueshift_gan"].path)
    parser.add_argument("--ratio", type=float, default=0.65)
    parser.add_argument("--count", type=int, default=DataConfig().held_out)
    parser.add_argument(
        "--side", type=int, default=160, help="of the pictures that are shown to it"
    )
    parser.add_argument("--check", action="store_true", help="print what the numbers do")
    options = parser.parse_args()
    settings, weights = load_settings(options.system, HueShiftGanConfig)
    plain = dataclasses.replace(settings, temperature=1.0, **ChromaLevel()._asdict())
    colorizer = plain.build().colorizer_from(weights)

    def predict(luma):
        return colorizer((), luma, jax.random.key(0))[1]

    samples = sampled(predict, _pictures(options), options.side)
    print(f"{len(samples.ab)} pictures, ratio {options.ratio}")
    for name, value in fitted(samples, options.ratio)._asdict().items():
        print(f"--system.{name} {value:.3f}")
    if options.check:
        print("\n".join(table(samples, level_of(settings), options.ratio)))


if __name__ == "__main__":
    main()
