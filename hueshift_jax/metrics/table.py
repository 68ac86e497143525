"""An evaluation as a Markdown table."""

from hueshift_jax.metrics.evaluate import EQUAL, Evaluation, SystemRecord

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


def markdown(evaluation: Evaluation) -> str:
    """One row for each reference and result; a figure that none of them has is left out.

    Intervals of 95 % over clips stand in brackets where there are two clips or more.
    """
    rows = [*evaluation.references.values(), *evaluation.systems.values()]
    names = [n for n in COLUMNS if any(row.mean.get(n) is not None for row in rows)]
    lines = [_line("", *(COLUMNS[name][0] for name in names)), "|---" * (len(names) + 1) + "|"]
    lines += [_line(row.name, *(_cell(row, name) for name in names)) for row in rows]
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: SystemRecord, name: str) -> str:
    value, digits = row.mean.get(name), COLUMNS[name][1]
    if value is None:
        return "-"
    text = f"{min(value, EQUAL) if name.startswith('psnr') else value:.{digits}f}"
    if name not in row.intervals:
        return text
    low, high = row.intervals[name]
    return f"{text} [{low:.{digits}f}, {high:.{digits}f}]"
