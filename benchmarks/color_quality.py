"""How close to the truth, at which colorfulness? The curve over `--strength`, beside its floors.

Pictures are made gray by keeping their true L*, colored, and scored with the true L* kept (PSNR of
8-bit sRGB, CIEDE2000 of the unclipped Lab; means over pictures). The ratio is mean colorfulness
over the truth's mean colorfulness. PSNR alone rewards gray, so it is only ever read at a ratio.

    python benchmarks/color_quality.py --stills DIR [--peers DIR] [--clips DIR]
        [--system NAME|FILE] [--size N]

`--stills` is a folder of pictures. `--clips` is a folder of films, of which every tenth frame is
scored at the system's own strength. `--peers` is a folder of `NN-original.webp` and what other
systems made of the same picture, `NN-SYSTEM.webp`.
"""

import argparse
import itertools
from collections import defaultdict
from pathlib import Path

import av
import cv2
import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax import api
from hueshift_jax.metrics import image, planes
from hueshift_jax.ops import color

STRENGTHS = (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.45, 1.6, 1.8, 2.0, 2.3)
RATIOS = (0.5, 0.6, 0.75)
TRAINING_MEAN_AB = (1.8, 6.1)
"""Mean chroma of the training pictures of the bundled weights."""
_PORTION = 1 << 14


@jax.jit
def _to_lab(rgb_u8):
    return color.srgb_to_lab(rgb_u8.astype(jnp.float32) / 255.0)


@jax.jit
def _to_u8(lab):
    return jnp.floor(color.lab_to_srgb(lab) * 255.0 + 0.5).astype(jnp.uint8)


@jax.jit
def _to_luma(lab):
    return color.lightness_to_luma(lab[..., :1])


@jax.jit
def _difference(lab, truth):
    return planes.ciede2000(lab.T, truth.T)[:, None]


def _each(program, *pictures: np.ndarray) -> np.ndarray:
    """What a program of pixels gives, a portion at a time: all sizes share one compilation."""
    rows = [picture.reshape(-1, picture.shape[-1]) for picture in pictures]
    count = len(rows[0])
    padding = (0, -count % _PORTION), (0, 0)
    padded = [np.pad(row, padding) for row in rows]
    found = [
        program(*(row[start : start + _PORTION] for row in padded))
        for start in range(0, count, _PORTION)
    ]
    return np.concatenate(found)[:count].reshape(*pictures[0].shape[:-1], -1)


def to_lab(rgb_u8: np.ndarray) -> np.ndarray:
    """CIELAB (h, w, 3)."""
    return _each(_to_lab, rgb_u8)


def _read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]


def predict(colorizer, lab: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Chroma (h, w, 2) that the colorizer gives to the gray version of `lab`."""
    return strength * enlarged(predict_small(colorizer, lab), lab.shape[:2])


def predict_small(colorizer, lab: np.ndarray) -> np.ndarray:
    """The same, at the colorizer's working size."""
    size = lab.shape[:2]
    height, width = colorizer.working_size(*size)
    luma = _each(_to_luma, lab)[..., 0]
    shrinks = height < size[0]
    small = cv2.resize(
        luma, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    _, ab, _ = colorizer(colorizer.start(*size), small[None], jax.random.key(0))
    return np.asarray(ab[0])


def enlarged(small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Chroma at this (height, width)."""
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_LINEAR)


def paint(lab: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """rgb_u8 of chroma `ab` joined to the true L*, clipped to what sRGB can show."""
    return _each(_to_u8, np.concatenate([lab[..., :1], ab], axis=-1))


def score(lab: np.ndarray, rgb_u8: np.ndarray, ab: np.ndarray) -> tuple[float, float, float]:
    """PSNR, CIEDE2000 and colorfulness of chroma `ab` joined to the true L*."""
    return compare(lab, rgb_u8, ab, paint(lab, ab))


def compare(
    lab: np.ndarray, rgb_u8: np.ndarray, ab: np.ndarray, colored: np.ndarray
) -> tuple[float, float, float]:
    """As `score`; `colored` is what `paint` made."""
    mixed = np.concatenate([lab[..., :1], ab], axis=-1)
    delta = float(np.mean(_each(_difference, mixed, lab), dtype=np.float64))
    return image.psnr(colored, rgb_u8), delta, image.colorfulness(colored)


def evaluate(paths: list[Path], colorizer, others: dict[Path, list[Path]]) -> dict:
    """Rows by name: (n, 3) arrays of PSNR, CIEDE2000 and colorfulness."""
    rows = defaultdict(list)
    for path in paths:
        rgb = _read(path)
        lab = to_lab(rgb)
        ab = predict(colorizer, lab)
        mean = np.broadcast_to(lab[..., 1:].mean((0, 1)), ab.shape)
        rows["gray"].append(score(lab, rgb, np.zeros_like(ab)))
        rows["training mean ab"].append(score(lab, rgb, np.full_like(ab, TRAINING_MEAN_AB)))
        rows["own mean ab (oracle)"].append(score(lab, rgb, mean))
        rows["truth"].append((np.inf, 0.0, image.colorfulness(rgb)))
        for strength in STRENGTHS:
            rows[f"strength {strength:.2f}"].append(score(lab, rgb, strength * ab))
        for other in others.get(path, []):
            name = other.stem.partition("-")[2]
            rows[name].append(score(lab, rgb, to_lab(_read(other))[..., 1:]))
    return {name: np.array(values) for name, values in rows.items()}


def _at_ratios(rows: dict) -> list[str]:
    truth = rows["truth"][:, 2].mean()
    curve = np.array([rows[f"strength {s:.2f}"].mean(0) for s in STRENGTHS])
    ratios = curve[:, 2] / truth
    return [
        f"| at ratio {r:.2f} | {np.interp(r, ratios, curve[:, 0]):.2f} "
        f"| {np.interp(r, ratios, curve[:, 1]):.2f} | {r:.2f} "
        f"| strength {np.interp(r, ratios, STRENGTHS):.2f}"
        for r in RATIOS
    ]


def table(title: str, rows: dict) -> str:
    """A Markdown table."""
    truth = rows["truth"][:, 2].mean()
    lines = [f"### {title} ({len(rows['truth'])} pictures)", ""]
    lines += ["| | PSNR dB | CIEDE2000 | colorfulness ratio | |", "|---|---|---|---|---|"]
    for name, values in rows.items():
        means = values.mean(0)
        lines.append(f"| {name} | {means[0]:.2f} | {means[1]:.2f} | {means[2] / truth:.2f} | |")
    return "\n".join([*lines, *(f"{line} |" for line in _at_ratios(rows))])


def clip_table(folder: Path, colorizer) -> str:
    """PSNR, CIEDE2000 and colorfulness ratio of each film, beside gray."""
    lines = [
        "### clips",
        "",
        "| clip | PSNR dB | gray | CIEDE2000 | gray | ratio |",
        "|---" * 6 + "|",
    ]
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".mp4", ".mkv", ".mov")):
        ours, gray, truth = [], [], []
        with av.open(str(path)) as film:
            for frame in itertools.islice(film.decode(video=0), 0, None, 10):
                rgb = frame.to_ndarray(format="rgb24")
                lab = to_lab(rgb)
                ab = predict(colorizer, lab)
                ours.append(score(lab, rgb, ab))
                gray.append(score(lab, rgb, np.zeros_like(ab)))
                truth.append(image.colorfulness(rgb))
        (p, d, c), (gp, gd, _) = np.mean(ours, 0), np.mean(gray, 0)
        ratio = c / np.mean(truth)
        lines.append(f"| {path.stem} | {p:.2f} | {gp:.2f} | {d:.2f} | {gd:.2f} | {ratio:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stills", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--system", default="hueshift_gan")
    parser.add_argument("--size", type=int, help="working short side")
    options = parser.parse_args()
    colorizer = api.choose(options.system, size=options.size)
    if options.stills:
        paths = sorted(p for p in options.stills.iterdir() if p.suffix in (".webp", ".png", ".jpg"))
        print(table("stills", evaluate(paths, colorizer, {})), "\n", flush=True)
    if options.peers:
        originals = sorted(options.peers.glob("*-original.webp"))
        others = {
            p: sorted(set(p.parent.glob(f"{p.stem.partition('-')[0]}-*.webp")) - {p})
            for p in originals
        }
        print(table("peers", evaluate(originals, colorizer, others)), "\n", flush=True)
    if options.clips:
        print(clip_table(options.clips, colorizer))


if __name__ == "__main__":
    main()
