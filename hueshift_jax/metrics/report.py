"""An evaluation as one HTML file that a person looks at: it loads nothing, from nowhere.

Results stand in the order in which they were named, beside the references; nothing is sorted by a
score, for no single score tells good color from none.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from hueshift_jax.metrics import chart, gallery, references, table
from hueshift_jax.metrics.bootstrap import intervals
from hueshift_jax.metrics.evaluate import REFERENCE, ClipRecord, Evaluation, SystemRecord
from hueshift_jax.metrics.measure import Figures
from hueshift_jax.video.files import unwritable

CURVES = {
    "ciede2000": "CIEDE2000",
    "colorfulness": "colorfulness",
    "psnr": "PSNR, dB",
    "flicker": "flicker",
    "warp_error": "warp error",
    "chroma_flow_error": "chroma flow error",
}
"""What is drawn frame by frame, and its heading."""
MOST_CLIPS = 20
"""So many clips' curves are drawn."""

_LOOKS = 6
_GRAY, _TRUTH = references.NAMES[0], references.NAMES[-1]
_FEW = (
    "ciede2000",
    "psnr",
    "colorfulness_ratio",
    "cdc_ratio",
    "flicker_ratio",
    "warp_error_ratio",
)
_NO_RANKING = (
    "No row is ranked by PSNR alone. The luma is given, so gray, which has no color at all, "
    "already scores high, and of several plausible colors their dull mean scores best: a paler "
    "result gains dB. Rows stand in the order in which they were named. "
)


def write(evaluation: Evaluation, path: Path) -> None:
    """Writes the report; the results' frames are read once more for it.

    Raises:
      EvaluationError: a frame cannot be read any more.
      UnwritableMediaError: the file cannot be written.
    """
    text = html(evaluation)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def html(evaluation: Evaluation) -> str:
    """The report as one self-contained page."""
    protocol = evaluation.protocol
    shown = gallery.gather(evaluation)
    page = files("hueshift_jax.metrics").joinpath("report.html").read_text(encoding="utf-8")
    return Template(page).substitute(
        title=escape(f"How good is the color of {', '.join(evaluation.systems)}?"),
        subtitle=f"{_count(protocol['clips'], 'clip')}, {_count(protocol['frames'], 'frame')}",
        advice=escape(_NO_RANKING + table.ADVICE),
        verdicts="".join(_verdict(row, evaluation) for row in evaluation.systems.values()),
        scores=_scores(evaluation),
        about_scores=_about_scores(evaluation),
        plane=_plane(evaluation),
        about_frames=_about_frames(shown),
        chooser=_chooser(evaluation),
        frames="".join(_frame(one, evaluation) for one in shown),
        keys=_keys(evaluation),
        about_curves=_about_curves(evaluation),
        curves=_curves(evaluation),
        clips=_clips(evaluation),
        protocol="".join(_fact(name, fact) for name, fact in protocol.items()),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _verdict(row: SystemRecord, evaluation: Evaluation) -> str:
    """What the figures say together, in words."""
    gray = evaluation.references.get(_GRAY)
    if gray is None:
        return ""
    ours, floor = row.mean, gray.mean
    nearer, louder = ours["ciede2000"] < floor["ciede2000"], ours["psnr"] > floor["psnr"]
    words = [
        f"CIEDE2000 {table.value(ours, 'ciede2000')} (gray {table.value(floor, 'ciede2000')}) and "
        f"PSNR {table.value(ours, 'psnr')} dB (gray {table.value(floor, 'psnr')}) at "
        f"{table.value(ours, 'colorfulness_ratio')} of the truth's colorfulness."
    ]
    ends = _beside(row, gray)
    if ends is not None and ends[0] < 0.0 < ends[1]:
        words.append(
            f"The mean difference from gray's CIEDE2000 is between {ends[0]:+.2f} and "
            f"{ends[1]:+.2f} (95 %): these clips cannot tell the two apart."
        )
    elif not nearer:
        words.append("By CIEDE2000 it is no nearer to the truth than gray.")
    if louder and not nearer:
        words.append("PSNR alone would have called it better than gray.")
    if nearer and not louder:
        words.append("PSNR alone would have called it worse than gray.")
    return f"<p><b>{escape(row.name)}</b>: {escape(' '.join(words))}</p>"


def _beside(row: SystemRecord, gray: SystemRecord) -> tuple[float, float] | None:
    """The interval of the difference from gray, of the same clips; None for a single clip."""
    differences = [
        {"ciede2000": clip.figures["ciede2000"] - gray.clips[name].figures["ciede2000"]}
        for name, clip in row.clips.items()
    ]
    return intervals(differences).get("ciede2000")


def _scores(evaluation: Evaluation) -> str:
    rows = [*evaluation.references.values(), *evaluation.systems.values()]
    names = table.columns(rows)
    lines = [_head([""], names)]
    for row in rows:
        reference = row in evaluation.references.values()
        first = row is next(iter(evaluation.systems.values()))
        look = "reference" if reference else "first" if first else "result"
        cells = "".join(_cell(row, name) for name in names)
        lines.append(f'<tr class="{look}"><th scope="row">{escape(row.name)}</th>{cells}</tr>')
    return f"<table>{''.join(lines)}</table>"


def _head(plain: Sequence[str], names: Sequence[str]) -> str:
    """Headings that are words, then those of figures."""
    cells = [f'<th scope="col">{escape(word)}</th>' for word in plain]
    cells += [f'<th scope="col"{_mark(n)}>{escape(table.COLUMNS[n][0])}</th>' for n in names]
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _mark(name: str) -> str:
    return ' class="defective"' if name.endswith("as_published") else ""


def _cell(row: SystemRecord, name: str) -> str:
    interval = table.interval(row, name)
    small = f"<small>{escape(interval)}</small>" if interval else ""
    return f"<td{_mark(name)}>{escape(table.value(row.mean, name))}{small}</td>"


def _about_scores(evaluation: Evaluation) -> str:
    words = ["In brackets: 95 % intervals, bootstrap over clips."]
    if evaluation.protocol["clips"] < 2:
        words = ["One clip: there are no intervals, and other clips may score quite differently."]
    if evaluation.references:
        words.append(
            "The references need no colorizer and are measured on the same frames: what does not "
            "beat the first two has learned nothing, and the third knows what no system can know."
        )
    words.append(
        "A dash stands where a figure has no value: equal frames have infinite PSNR, "
        "written 100; CDC needs five frames."
    )
    if any(n.endswith("as_published") for row in evaluation.systems.values() for n in row.mean):
        words.append(
            "Figures in red repeat a defect of published scripts; compare them only with "
            "tables made so."
        )
    return escape(" ".join(words))


def _plane(evaluation: Evaluation) -> str:
    """CIEDE2000 over colorfulness: the two that are to be read together."""
    marks = []
    for row in (*evaluation.references.values(), *evaluation.systems.values()):
        x, y = row.mean.get("colorfulness_ratio"), row.mean.get("ciede2000")
        if x is not None and y is not None:
            marks.append(
                chart.Point(row.name.removeprefix(REFERENCE), _look(row.name, evaluation), x, y)
            )
    drawn = chart.points(marks, "colorfulness / truth's", "CIEDE2000")
    if not drawn:
        return ""
    words = "CIEDE2000 over colorfulness: the truth is at the bottom, at 1; pale results are left."
    return f'<figure class="alone">{drawn}<figcaption>{words}</figcaption></figure>'


def _look(name: str, evaluation: Evaluation) -> str:
    """The CSS class of a row: results first, as a result may have a reference's name."""
    if name in evaluation.systems:
        return f"s{list(evaluation.systems).index(name) % _LOOKS}"
    return {_GRAY: "gray", _TRUTH: "truth"}.get(name.removeprefix(REFERENCE), "other")


def _about_frames(shown: Sequence[gallery.Shown]) -> str:
    heading = table.COLUMNS[gallery.RANKED_BY][0]
    return escape(
        f"{_count(len(shown), 'frame')}, chosen by {heading}, from different clips if there "
        f"are many; larger ones are reduced to {gallery.LONGEST_SIDE} pixels."
    )


def _chooser(evaluation: Evaluation) -> str:
    if len(evaluation.systems) < 2:
        return ""
    buttons = "".join(
        f'<label class="key"><input type="radio" name="result" value="{number}"'
        f"{' checked' if number == 0 else ''}>{escape(name)}</label>"
        for number, name in enumerate(evaluation.systems)
    )
    return f"<p>In the middle: {buttons}</p>"


def _frame(one: gallery.Shown, evaluation: Evaluation) -> str:
    clip, number = one.place
    single = next(iter(evaluation.systems.values())).clips[clip].frames == 1
    place = clip if single else f"{clip}, frame {number}"
    layers = [f'<img src="{one.truth}" alt="{escape(place)}: the truth">']
    captions = []
    for order, (name, picture) in enumerate(one.results.items()):
        hidden = f' data-result="{order}"{" hidden" if order else ""}'
        alt = escape(f"{place}: {name}")
        layers.append(f'<img class="result" src="{picture}" alt="{alt}"{hidden}>')
        scores = _scored(evaluation.systems[name].clips[clip], number)
        captions.append(f"<div{hidden}>{escape(name)}: {scores}</div>")
    layers.append(f'<img class="left" src="{one.gray}" alt="{escape(place)}: gray"><b></b><b></b>')
    if _GRAY in evaluation.references:
        gray = evaluation.references[_GRAY].clips[clip]
        captions.append(f"<div>gray: {_scored(gray, number)}</div>")
    hands = "".join(
        f'<input type="range" min="0" max="100" step="0.1" value="{value}" aria-label="{label}">'
        for value, label in (("33.3", "end of gray"), ("66.7", "beginning of the truth"))
    )
    return (
        '<figure class="frame"><div class="ends"><span>gray</span><span>result</span>'
        f'<span>truth</span></div><div class="stack">{"".join(layers)}</div>'
        f'<div class="hands">{hands}</div><figcaption><span class="why">'
        f"{escape(', '.join(one.why))}</span> &middot; {escape(place)}{''.join(captions)}"
        "</figcaption></figure>"
    )


def _scored(clip: ClipRecord, number: int) -> str:
    figures: Figures = {name: float(column[number]) for name, column in clip.curves.items()}
    parts = []
    for name in ("ciede2000", "psnr"):
        if np.isnan(figures.get(name, np.nan)):
            figures[name] = None
        parts.append(f"{table.COLUMNS[name][0]} {table.value(figures, name)}")
    return escape(", ".join(parts))


def _keys(evaluation: Evaluation) -> str:
    names = [*evaluation.systems, *(n for n in (_GRAY, _TRUTH) if n in evaluation.references)]
    looks = [_look(name, evaluation) for name in evaluation.systems] + ["gray", "truth"]
    return "".join(
        f'<span class="key"><i class="{look}"></i>{escape(name)}</span>'
        for name, look in zip(names, looks)
    )


def _about_curves(evaluation: Evaluation) -> str:
    films = _films(evaluation)
    if not films:
        return "There are only single pictures; every one's figures are in the table below."
    words = "Gaps are frames without a value, such as the first, which has none before it."
    if len(films) > MOST_CLIPS:
        words += f" The first {MOST_CLIPS} of {len(films)} clips are drawn."
    return words


def _films(evaluation: Evaluation) -> list[str]:
    clips = next(iter(evaluation.systems.values())).clips
    return [name for name, clip in clips.items() if clip.frames > 1]


def _curves(evaluation: Evaluation) -> str:
    parts = []
    for number, name in enumerate(_films(evaluation)[:MOST_CLIPS]):
        drawn = [_curve(evaluation, name, figure) for figure in CURVES]
        heading = f"<summary>{escape(name)}</summary>"
        body = f'<div class="charts">{"".join(drawn)}</div>'
        parts.append(f"<details{'' if number else ' open'}>{heading}{body}</details>")
    return "".join(parts)


def _curve(evaluation: Evaluation, clip: str, figure: str) -> str:
    rows = [(row, _look(row.name, evaluation)) for row in evaluation.systems.values()]
    rows += [
        (evaluation.references[name], look)
        for name, look in ((_GRAY, "gray"), (_TRUTH, "truth"))
        if name in evaluation.references
    ]
    series = [
        chart.Series(row.name, look, row.clips[clip].curves[figure])
        for row, look in rows
        if figure in row.clips[clip].curves
    ]
    drawn = chart.curves(series, f"{CURVES[figure]} of {clip}")
    return f"<figure><figcaption>{CURVES[figure]}</figcaption>{drawn}</figure>" if drawn else ""


def _clips(evaluation: Evaluation) -> str:
    rows = [*evaluation.systems.values()]
    if _GRAY in evaluation.references:
        rows.append(evaluation.references[_GRAY])
    names = [name for name in _FEW if name in table.columns(rows)]
    lines = [_head(["clip", "result", "frames"], names)]
    for clip in rows[0].clips:
        for row in rows:
            lines.append(_clip_line(row.clips[clip], row.name, names))
    return f"<table>{''.join(lines)}</table>"


def _clip_line(clip: ClipRecord, row: str, names: Sequence[str]) -> str:
    cells = "".join(f"<td>{escape(table.value(clip.figures, name))}</td>" for name in names)
    return (
        f'<tr><th scope="row">{escape(clip.name)}</th><td>{escape(row)}</td>'
        f"<td>{clip.frames}</td>{cells}</tr>"
    )


def _fact(name: str, fact: object) -> str:
    plain = isinstance(fact, Mapping | list | tuple) or fact is None
    text = json.dumps(fact, default=str) if plain else str(fact)
    return f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
