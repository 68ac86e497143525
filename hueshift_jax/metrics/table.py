"""An evaluation as a Markdown table."""

from collections.abc import Sequence

from hueshift_jax.metrics.evaluate import EQUAL, Evaluation, SystemRecord
from hueshift_jax.metrics.measure import Figures

COLUMNS = {
    "ciede2000": ("CIEDE2000", 2),
    "psnr": ("PSNR dB", 2),
    "ssim": ("SSIM", 4),
    "lpips": ("LPIPS", 4),
    "lpips_caffe": ("LPIPS of Caffe's network", 4),
    "colorfulness_ratio": ("colorfulness / truth's", 2),
    "cast": ("cast", 2),
    "cdc": ("CDC", 5),
    "cdc_ratio": ("CDC / truth's", 2),
    "flicker_ratio": ("flicker / truth's", 2),
    "warp_error_ratio": ("warp error / truth's", 2),
    "chroma_flow_error_ratio": ("chroma flow error / truth's", 2),
    "fid": ("FID", 2),
    "fd_effnet": ("fd_effnet", 2),
    "psnr_as_published": ("PSNR, uint8-wrapped as published", 2),
    "lpips_as_published": ("LPIPS of 0..255 as published", 4),
}
"""Heading and digits of each figure."""

ADVICE = (
    "PSNR alone rewards gray: read it beside CIEDE2000 and colorfulness. CDC, flicker and warp"
    " error alone reward gray and frozen color: read them as ratios to the truth's, beside"
    " colorfulness."
)


def columns(rows: Sequence[SystemRecord]) -> list[str]:
    """The figures that at least one of these has."""
    return [n for n in COLUMNS if any(row.mean.get(n) is not None for row in rows)]


def markdown(evaluation: Evaluation) -> str:
    """One row for each reference and result; a figure that none of them has is left out.

    Intervals of 95 % over clips stand in brackets where there are two clips or more.
    """
    rows = [*evaluation.references.values(), *evaluation.systems.values()]
    names = columns(rows)
    lines = [_line("", *(COLUMNS[name][0] for name in names)), "|---" * (len(names) + 1) + "|"]
    lines += [_line(row.name, *(_cell(row, name) for name in names)) for row in rows]
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: SystemRecord, name: str) -> str:
    return f"{value(row.mean, name)} {interval(row, name)}".rstrip()


def value(figures: Figures, name: str) -> str:
    """A figure with its digits; "-" where there is none."""
    found = figures.get(name)
    if found is None:
        return "-"
    return f"{min(found, EQUAL) if name.startswith('psnr') else found:.{COLUMNS[name][1]}f}"


def interval(row: SystemRecord, name: str) -> str:
    """Its interval in brackets; "" where there is none."""
    if row.mean.get(name) is None or name not in row.intervals:
        return ""
    low, high = row.intervals[name]
    return f"[{low:.{COLUMNS[name][1]}f}, {high:.{COLUMNS[name][1]}f}]"
