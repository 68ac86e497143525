"""Means over films, and whether they are where they ought to be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hueshift_jax.metrics.measure import Figures, derived
from hueshift_jax.metrics.totals import Totals

Scores = Mapping[str, Mapping[str, Figures]]
"""Figures by film and by way, "none" and "auto"."""

EXCESS = "chroma_flow_error_excess"
LEAST_REDUCTION = 0.6
MOST_FLICKER = 1.0
MOST_CDC_RATIO = 1.2
MOST_PSNR_LOSS = 0.05
LEAST_COLORFULNESS = 0.95


@dataclass(frozen=True)
class Verdict:
    """One figure of both ways, as a text where it stands between them, and its bar.

    met: None where there is no bar, or nothing that it could be held to.
    """

    figure: str
    none: float | None
    auto: float | None
    between: str = ""
    bar: str = ""
    met: bool | None = None
    digits: int = 3


def mean(scores: Scores, way: str, names: Sequence[str]) -> Figures:
    """Means over films; ratios and differences are those of the means."""
    totals = Totals()
    for name in names:
        totals = totals.merge(Totals.of(scores[name][way]))
    return derived(totals.compute())


def change(none: float, auto: float) -> float:
    """By how much a positive figure went up; -0.6 is down by 60 %."""
    return auto / none - 1.0


def verdicts(scores: Scores) -> list[Verdict]:
    """All bars, on the means over films."""
    names = list(scores)
    none, auto = mean(scores, "none", names), mean(scores, "auto", names)

    def row(figure: str, title: str, judge: Callable[[float, float], tuple], digits: int = 3):
        pair = none[figure], auto[figure]
        judged = ("", "", None) if None in pair else judge(*pair)
        return Verdict(title, *pair, *judged, digits)

    return [
        *_excesses(scores),
        row(
            "flicker",
            f"flicker in static areas, CIEDE2000 (truth {_text(none, 'flicker_truth')})",
            lambda _, b: ("", f"< {MOST_FLICKER:g}", b < MOST_FLICKER),
        ),
        row(
            "cdc_ratio",
            "CDC / truth's",
            lambda _, b: ("", f"<= {MOST_CDC_RATIO:g}", b <= MOST_CDC_RATIO),
        ),
        row(
            "psnr",
            "PSNR dB",
            lambda a, b: (f"{b - a:+.3f}", f">= {-MOST_PSNR_LOSS:g}", b - a >= -MOST_PSNR_LOSS),
        ),
        row(
            "colorfulness",
            f"colorfulness (truth {_text(none, 'colorfulness_truth')})",
            lambda a, b: (
                f"{b / a:.3f}",
                f">= {LEAST_COLORFULNESS:g}",
                b / a >= LEAST_COLORFULNESS,
            ),
        ),
        row("ciede2000", "CIEDE2000", lambda a, b: (f"{b - a:+.3f}", "", None)),
        row("warp_error_ratio", "warp error / truth's", lambda a, b: ("", "", None)),
    ]


def _text(figures: Figures, name: str) -> str:
    value = figures.get(name)
    return "-" if value is None else f"{value:.3f}"


def divided(scores: Scores) -> tuple[list[str], list[str]]:
    """Films where chroma moves more than the truth's if frames are colored singly; the others."""
    told = [name for name, found in scores.items() if found["none"].get(EXCESS) is not None]
    above = [name for name in told if scores[name]["none"][EXCESS] > 0]
    return above, [name for name in told if name not in above]


def _excesses(scores: Scores) -> list[Verdict]:
    above, others = divided(scores)
    title = "chroma flow error / mean ab, above the truth's"
    found = []
    if above:
        none, auto = (mean(scores, way, above)[EXCESS] for way in ("none", "auto"))
        found.append(
            Verdict(
                f"{title}: {len(above)} films where it is",
                none,
                auto,
                f"{change(none, auto):+.0%}",
                f"<= {-LEAST_REDUCTION:.0%}",
                change(none, auto) <= -LEAST_REDUCTION,
            )
        )
    if others:
        none, auto = (mean(scores, way, others)[EXCESS] for way in ("none", "auto"))
        titled = f"{title}: {len(others)} others"
        found.append(Verdict(titled, none, auto, f"{auto - none:+.3f}", "<= 0", auto <= none))
    return found


def table(found: Sequence[Verdict]) -> list[str]:
    """Verdicts in Markdown."""
    lines = ["| mean over films | none | auto | | bar | met |", "|---" * 6 + "|"]
    for one in found:
        values = (_number(value, one.digits) for value in (one.none, one.auto))
        met = {True: "yes", False: "**no**", None: ""}[one.met]
        lines.append(f"| {' | '.join((one.figure, *values, one.between, one.bar, met))} |")
    return lines


def film_table(scores: Scores, lengths: Mapping[str, str]) -> list[str]:
    """Every film in Markdown; `lengths` says how long each is."""
    heads = (
        "film",
        "frames",
        "flow error above the truth's",
        "",
        "flicker (truth)",
        "CDC / truth's",
        "PSNR dB",
        "CIEDE2000",
        "colorfulness",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, found in scores.items():
        none, auto = found["none"], found["auto"]
        cells = [name, lengths[name], _pair(none, auto, EXCESS, 3), _changed(none, auto)]
        flicker = f"{_pair(none, auto, 'flicker', 2)} ({_number(none['flicker_truth'], 2)})"
        cells += [flicker, _pair(none, auto, "cdc_ratio", 2), _pair(none, auto, "psnr", 2)]
        cells.append(_pair(none, auto, "ciede2000", 2))
        cells.append(f"x {auto['colorfulness'] / none['colorfulness']:.3f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _changed(none: Figures, auto: Figures) -> str:
    before, after = none.get(EXCESS), auto.get(EXCESS)
    if before is None or after is None:
        return ""
    return f"{change(before, after):+.0%}" if before > 0 else f"{after - before:+.3f}"


def _pair(none: Figures, auto: Figures, name: str, digits: int) -> str:
    return f"{_number(none.get(name), digits)} -> {_number(auto.get(name), digits)}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
