"""What an adversarial phase does, beside the model before it at equal colorfulness.

    python benchmarks/adversarial.py --before FILE|NAME --after FILE [FILE ...] --stills DIR
        --clips DIR [--peers DIR] [--features FILE] [--pareto] [--sheet FILE.png] [--json FILE]

An adversarial phase makes colors stronger, and stronger colors alone change every figure. So the
chroma of the model before it is multiplied by the one factor at which its mean colorfulness is that
of the model after it, on stills and on clips each; then both are compared with the truth. All keep
the true L*.

`fd_effnet` is `hueshift evaluate`'s: the Frechet distance on EfficientNet-Lite features, with
`--features` those of the network that sees RGB. So few pictures overestimate it, both models by
nearly as much, which is why only its change is judged. The interval (95 %) is of that change, from
leaving out one group of pictures at a time: a twenty-fourth of the stills, or one film.

`--after` takes one file for each seed. The bars hold for the median of the seeds. `--sheet` shows
the pictures with the strongest colors (1 % of all, at least twelve), then those with the strongest
small area: wrong blocks would be there.
`--pareto` adds PSNR and CIEDE2000 at given ratios of colorfulness.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from color_pictures import (  # noqa: E402
    Features,
    Measured,
    Painting,
    Picture,
    colorfulness,
    film_frames,
    peers,
    stills,
    thin_colorfulness,
)
from color_quality import RATIOS  # noqa: E402
from sheets import Row, sheet, write_sheet  # noqa: E402

from hueshift_jax import api  # noqa: E402
from hueshift_jax.cli import bench, instruments  # noqa: E402
from hueshift_jax.metrics.frechet import Gaussian  # noqa: E402

MOST_FD_CHANGE = -0.05
MOST_PSNR_LOSS = 0.3
LEAST_SHOWN = 12
SHARE_SHOWN = 0.01
FD = "fd_effnet"
PEERS = "peers"
_TILE = 170, 256
_SURE = 1.96


@dataclass(frozen=True)
class Side:
    """Means of one model on one set of pictures; `ratio` is that of colorfulness to the truth's.

    fd: None where there are too few pictures for it.
    """

    psnr: float
    ciede2000: float
    ratio: float
    fd: float | None


@dataclass(frozen=True)
class Pair:
    """One seed on one set of pictures.

    factor: of the chroma of the model before, at which it is as colorful as the one after.
    doubt: half the interval of the relative change of fd.
    """

    seed: str
    factor: float
    before: Side
    after: Side
    doubt: float | None

    @property
    def fd_change(self) -> float | None:
        """By how much fd went up; -0.05 is down by 5 %."""
        return None if self.before.fd is None else self.after.fd / self.before.fd - 1.0

    @property
    def psnr_change(self) -> float:
        """In dB."""
        return self.after.psnr - self.before.psnr


@dataclass(frozen=True)
class Truth:
    """What a set of pictures is compared with: mean colorfulness, and features (n, d) or none."""

    level: float
    features: np.ndarray | None
    groups: Sequence[str]

    @classmethod
    def of(cls, pictures: Sequence[Picture], features: Features | None) -> "Truth":
        """The true colors of `pictures`."""
        rgb = [picture.rgb for picture in pictures]
        found = None if features is None else np.array([features(one) for one in rgb])
        return cls(colorfulness(rgb), found, [picture.group for picture in pictures])

    def side(self, found: Measured) -> Side:
        """The means of a model."""
        psnr, delta, level = found.figures.mean(0)
        fd = None if self.features is None else distance(found.features, self.features)
        return Side(float(psnr), float(delta), float(level) / self.level, fd)

    def doubt(self, before: Measured, after: Measured) -> float | None:
        """Half the 95 % interval of the relative change of fd, by the grouped jackknife."""
        if self.features is None:
            return None
        names = sorted(set(self.groups))
        kept = [np.array(self.groups) != name for name in names]
        changes = [self._change(before, after, rows) for rows in kept if rows.sum() > 1]
        return _SURE * float(np.sqrt((len(changes) - 1) * np.var(changes)))

    def _change(self, before: Measured, after: Measured, rows: np.ndarray) -> float:
        truth = self.features[rows]
        return distance(after.features[rows], truth) / distance(before.features[rows], truth) - 1


def distance(ours: np.ndarray, truth: np.ndarray) -> float:
    """Frechet distance of two sets of features (n, d)."""
    return Gaussian.of(ours).distance(Gaussian.of(truth))


def pair(
    seed: str, before: Painting, after: Painting, truth: Truth, features: Features | None
) -> Pair:
    """Both models at the colorfulness of the one after."""
    found = after.measure(1.0, features)
    factor = before.factor_for(after.thin_colorfulness())
    scaled = before.measure(factor, features)
    doubt = truth.doubt(scaled, found)
    return Pair(seed, factor, truth.side(scaled), truth.side(found), doubt)


def pair_table(title: str, pairs: Sequence[Pair], count: int) -> list[str]:
    """A line for each seed."""
    lines = [
        f"### {title} ({count} pictures)",
        "",
        f"| seed | factor | ratio | {FD} | change, 95 % | PSNR dB | change | CIEDE2000 | change |",
        "|---" * 9 + "|",
    ]
    for one in pairs:
        a, b = one.before, one.after
        fd, change = "-", "-"
        if a.fd is not None:
            fd = f"{a.fd:.3f} -> {b.fd:.3f}"
            change = f"{one.fd_change:+.1%} ± {one.doubt:.1%}"
        lines.append(
            f"| {one.seed} | {one.factor:.3f} | {a.ratio:.3f} -> {b.ratio:.3f} | {fd} | {change} "
            f"| {a.psnr:.2f} -> {b.psnr:.2f} | {one.psnr_change:+.2f} "
            f"| {a.ciede2000:.2f} -> {b.ciede2000:.2f} | {b.ciede2000 - a.ciede2000:+.2f} |"
        )
    return lines


@dataclass(frozen=True)
class Verdict:
    """The median of the seeds on one set, and its bar."""

    pictures: str
    figure: str
    median: str
    spread: str
    bar: str
    met: bool


def verdicts(pairs: Mapping[str, Sequence[Pair]]) -> list[Verdict]:
    """Both bars on every set that has fd."""
    found = []
    for name, seeds in pairs.items():
        if seeds[0].before.fd is None:
            continue
        changes = [one.fd_change for one in seeds]
        met = np.median(changes) <= MOST_FD_CHANGE
        bar = f"<= {MOST_FD_CHANGE:.0%}"
        found.append(Verdict(name, FD, *_middle(changes, "{:+.1%}"), bar, bool(met)))
        changes = [one.psnr_change for one in seeds]
        met = np.median(changes) >= -MOST_PSNR_LOSS
        bar = f">= {-MOST_PSNR_LOSS:g} dB"
        found.append(Verdict(name, "PSNR", *_middle(changes, "{:+.2f} dB"), bar, bool(met)))
    return found


def _middle(values: Sequence[float], form: str) -> tuple[str, str]:
    """Median and spread as texts."""
    spread = " to ".join(form.format(value) for value in (min(values), max(values)))
    return form.format(float(np.median(values))), spread


def verdict_table(found: Sequence[Verdict]) -> list[str]:
    """A line for each bar."""
    lines = ["| | figure | median change | from, to | bar | met |", "|---" * 6 + "|"]
    for one in found:
        met = "yes" if one.met else "**no**"
        cells = one.pictures, one.figure, one.median, one.spread, one.bar, met
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def pareto_table(title: str, paintings: Mapping[str, Painting], level: float) -> list[str]:
    """PSNR and CIEDE2000 of each model at ratios of colorfulness to the truth's thin `level`."""
    heads = " | ".join(f"{ratio:.2f}: PSNR dB | CIEDE2000" for ratio in RATIOS)
    lines = [f"### {title} at equal ratios of colorfulness", "", f"| | {heads} |"]
    lines.append("|---" * (1 + 2 * len(RATIOS)) + "|")
    for name, painting in paintings.items():
        cells = []
        for ratio in RATIOS:
            psnr, delta, _ = painting.measure(painting.factor_for(ratio * level)).figures.mean(0)
            cells += [f"{psnr:.2f}", f"{delta:.2f}"]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines


def strongest(chroma: np.ndarray) -> list[int]:
    """Places of the pictures with the strongest colors, strongest first."""
    count = max(LEAST_SHOWN, int(np.ceil(SHARE_SHOWN * len(chroma))))
    return np.argsort(-chroma, kind="stable")[:count].tolist()


def strongest_sheet(
    sets: Mapping[str, Sequence[Picture]], paintings: Mapping[str, Mapping[str, Painting]]
) -> np.ndarray:
    """What any model after paints most strongly: before, each after, truth.

    First the pictures with the highest mean chroma, then those with the strongest cell.
    """
    models = list(paintings)
    places = [(name, n) for name, pictures in sets.items() for n in range(len(pictures))]
    chroma = np.max(
        [np.concatenate([paintings[m][name].chroma() for name in sets]) for m in models[1:]], axis=0
    )
    rows = {}
    for what, values in zip(("mean chroma", "strongest cell"), chroma.T, strict=True):
        for index in strongest(values):
            name, place = places[index]
            picture = sets[name][place]
            shown = [paintings[model][name].shown(place) for model in models]
            words = f"{picture.name}: {what} {values[index]:.0f}"
            rows.setdefault(index, Row(words, [*shown, picture.rgb]))
    return sheet([*models, "truth"], list(rows.values()), _TILE)


def labels(files: Sequence[str]) -> list[str]:
    """Words for the models after: the names of their files, numbered where they are the same."""
    stems = [Path(name).stem for name in files]
    if len(set(stems)) == len(stems) and "before" not in stems:
        return stems
    return [f"{stem} {number}" for number, stem in enumerate(stems, 1)]


def main() -> int:
    """Measures and writes the tables; returns the exit code, 1 where a bar is missed."""
    options = _parser().parse_args()
    sets = _sets(options)
    setup = instruments.build(
        instruments.Wanted(without=("flow",), effnet=options.features, references=False)
    )
    features = setup.extractors[FD]
    truths = {n: Truth.of(p, None if n == PEERS else features) for n, p in sets.items()}
    paintings, pairs = {}, {name: [] for name in sets}
    models = ["before", *labels(options.after)]
    for model, path in zip(models, [options.before, *options.after], strict=True):
        colorizer = api.load(path)
        paintings[model] = {name: Painting(p, colorizer) for name, p in sets.items()}
        if model == "before":
            continue
        for name, truth in truths.items():
            both = paintings["before"][name], paintings[model][name]
            seen = None if truth.features is None else features
            pairs[name].append(pair(model, *both, truth, seen))
            print(pair_table(name, pairs[name], len(sets[name]))[-1], file=sys.stderr, flush=True)
    judged = verdicts(pairs)
    lines = [*_head(options, setup.protocol[FD]), *verdict_table(judged)]
    for name, found in pairs.items():
        lines += ["", *pair_table(name, found, len(sets[name]))]
    if options.pareto:
        for name, pictures in sets.items():
            each = {model: painted[name] for model, painted in paintings.items()}
            lines += ["", *pareto_table(name, each, thin_colorfulness(pictures))]
    if options.sheet:
        write_sheet(options.sheet, strongest_sheet(sets, paintings))
    if options.json:
        _keep(options.json, pairs)
    bench.write(options.output, "adversarial", lines)
    return int(not all(one.met for one in judged))


def _sets(options: argparse.Namespace) -> dict[str, list[Picture]]:
    sets = {}
    if options.stills:
        sets["stills"] = stills(options.stills, options.limit)
    if options.clips:
        sets["clips"] = film_frames(options.clips, options.every, options.limit)
    if options.peers:
        sets[PEERS] = peers(options.peers)
    return sets


def _head(options: argparse.Namespace, what: str) -> list[str]:
    return [
        "## The adversarial phase",
        "",
        f"`python benchmarks/adversarial.py --stills DIR --clips DIR` on "
        f"{bench.machine('jax', 'opencv-python-headless')}. The model before the phase, its chroma "
        "multiplied by the factor at which it is as colorful as the model after it, `->` the model "
        f"after it at its default strength; true L* kept; of films every {options.every}th frame. "
        f"{FD}: {what.partition(';')[0]}.",
        "",
    ]


def _keep(path: Path, pairs: Mapping[str, Sequence[Pair]]) -> None:
    numbers = {name: [asdict(one) for one in found] for name, found in pairs.items()}
    path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--before", required=True, metavar="FILE|NAME", help="the model before the phase")
    add("--after", nargs="+", required=True, metavar="FILE", help="after it, one for each seed")
    add("--stills", type=Path, required=True, metavar="DIR", help="pictures in color")
    add("--clips", type=Path, required=True, metavar="DIR", help="films in color")
    add("--peers", type=Path, metavar="DIR", help="NN-original.webp, too few for fd_effnet")
    add("--features", type=Path, metavar="FILE", help="EfficientNet-Lite0 that sees RGB")
    add("--every", type=int, default=10, help="which frames of the films; 10 is every tenth")
    add("--limit", type=int, default=0, help="only so many stills and frames; 0 is all")
    add("--pareto", action="store_true", help="also at given ratios of colorfulness")
    add("--sheet", type=Path, metavar="FILE.png", help="the strongest colors, to be looked at")
    add("--json", type=Path, metavar="FILE", help="all numbers")
    add("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
