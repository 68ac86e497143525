"""The report is one page that loads nothing and says what was measured, and nothing else."""

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from hueshift_jax.errors import UnwritableMediaError
from hueshift_jax.metrics import evaluate, report, table
from hueshift_jax.metrics.clips import pair
from hueshift_jax.metrics.evaluate import Setup
from hueshift_jax.metrics.measure import Instruments
from hueshift_jax.video.picture import write_picture
from tests.metrics.scenes import lab_frames, recolored, to_rgb

ODD = "a<b>&'\"$x"
EMPTY = {"meta", "img", "input", "br", "link"}


def made(root, clips, results):
    """An evaluation of clips (name to frames) whose results are recolored by factors."""
    for seed, (clip, count) in enumerate(clips.items()):
        lab = lab_frames(count, (24, 32), seed)
        frames = {"truth": to_rgb(lab)} | {n: recolored(lab, f) for n, f in results.items()}
        for name, many in frames.items():
            (root / name / clip).mkdir(parents=True)
            for number, rgb in enumerate(many):
                write_picture(root / name / clip / f"{number}.png", rgb)
    pairs = pair(root / "truth", {name: root / name for name in results})
    protocol = {"odd": "<i>&", "flow": None}
    setup = Setup(Instruments(as_published=True), references=True, protocol=protocol)
    return evaluate.evaluate(pairs, setup)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    clips = {"one": 6, "two": 1, "th<r>&ee": 6}
    return made(tmp_path_factory.mktemp("sets"), clips, {"vivid": 1.2, ODD: 0.5})


@pytest.fixture(scope="module")
def page(found):
    return report.html(found)


class Reader(HTMLParser):
    """Elements with their attributes, and the text without script and style."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += f"{data} "


def test_it_is_well_formed(page):
    reader = Reader(page)
    assert reader.open == []
    assert page.startswith("<!DOCTYPE html>")


def test_it_loads_nothing(page):
    reader = Reader(page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"base64,[\w+/=]*", "", page))
    for tag, attrs in reader.elements:
        assert tag not in ("link", "iframe", "object", "base")
        assert "href" not in attrs
        if "src" in attrs:
            assert attrs["src"].startswith("data:image/jpeg;base64,")
    policy = [a["content"] for _, a in reader.elements if "http-equiv" in a]
    assert policy[0].startswith("default-src 'none'; img-src data:;")


def test_every_score_stands_beside_its_references_with_intervals(page, found):
    text = Reader(page).text
    for row in (*found.references.values(), *found.systems.values()):
        assert row.name in text
        for name in table.columns([row]):
            assert table.COLUMNS[name][0] in text
            assert table.value(row.mean, name) in text
            assert table.interval(row, name) in text
    assert len(found.references) == 4
    assert table.interval(found.systems[ODD], "psnr") != ""


def test_every_row_has_as_many_cells_as_there_are_headings(page):
    tables = re.findall(r"<table>(.*?)</table>", page)
    assert len(tables) == 2
    for text in tables:
        widths = {len(re.findall(r"<t[hd][ >]", row)) for row in text.split("<tr")[1:]}
        assert len(widths) == 1


def test_it_never_ranks_by_psnr_alone_and_says_why(page, found):
    text = Reader(page).text
    assert "No row is ranked by PSNR alone" in text
    assert table.ADVICE in text
    rows = re.findall(r'<th scope="row">(.*?)</th>', page)
    assert rows[:4] == [row.name for row in found.references.values()]
    assert rows[4] == "vivid"


def test_a_result_that_is_not_nearer_than_gray_is_told(tmp_path):
    text = Reader(report.html(made(tmp_path, {"one": 2, "two": 2}, {"inverted": -1.0}))).text
    assert "no nearer to the truth than gray" in text


def test_what_these_clips_cannot_tell_is_told(tmp_path):
    """One clip is better than gray and one is worse."""
    found = made(tmp_path, {"one": 2, "two": 2}, {"half": 0.5, "inverted": -1.0})
    mixed = {"one": "half", "two": "inverted"}
    clips = {clip: found.systems[name].clips[clip] for clip, name in mixed.items()}
    row = dataclasses.replace(found.systems["half"], clips=clips)
    low, high = report._beside(row, found.references["gray"])
    assert low < 0.0 < high
    assert "cannot tell the two apart" in report._verdict(row, found)
    assert "cannot tell" not in report._verdict(found.systems["half"], found)


def test_names_are_escaped(page):
    assert ODD not in page
    assert "a&lt;b&gt;&amp;" in page
    assert "th<r>" not in page
    assert "<i>&" not in page
    text = Reader(page).text
    assert ODD in text
    assert "th<r>&ee" in text
    assert "<i>&" in text


def test_missing_values_are_dashes_and_gaps(page, found):
    """CDC of a single picture does not exist, nor does the flicker of a first frame."""
    assert found.systems["vivid"].clips["two"].figures["cdc"] is None
    for nothing in ("nan", "None", "inf"):
        assert not re.search(rf">[^<]*\b{nothing}\b", page.partition("<script>")[0])
    cells = re.findall(r'<th scope="row">two</th><td>vivid</td><td>1</td>(.*?)</tr>', page)[0]
    assert "<td>-</td>" in cells


def test_curves_and_frames(page, found):
    reader = Reader(page)
    looks = [a.get("class") for tag, a in reader.elements if tag == "path"]
    assert {"s0", "s1", "gray", "truth"} <= set(looks)
    labels = [a["aria-label"] for tag, a in reader.elements if tag == "svg"]
    assert "CIEDE2000 of one" in labels
    assert "CIEDE2000 of two" not in labels
    stacks = [a for _, a in reader.elements if a.get("class") == "stack"]
    pictures = [a for tag, a in reader.elements if tag == "img"]
    assert len(pictures) == 4 * len(stacks)
    hidden = [a for a in pictures if "hidden" in a]
    assert {a["data-result"] for a in hidden} == {"1"}
    assert "worst of vivid" in reader.text
    assert f"best of {ODD}" in reader.text


def test_one_clip_without_references(found, tmp_path):
    alone = made(tmp_path, {"one": 1}, {"half": 0.5})
    page = report.html(evaluate.Evaluation(alone.systems, {}, alone.protocol, alone.pairs))
    text = Reader(page).text
    assert "there are no intervals" in text
    assert "There are only single pictures" in text
    assert "In the middle:" not in text
    assert "reference" not in text


def test_many_clips_are_said_to_be_left_out(found, monkeypatch):
    monkeypatch.setattr(report, "MOST_CLIPS", 1)
    assert "The first 1 of 2 clips are drawn" in Reader(report.html(found)).text


def test_a_file_that_cannot_be_written(found, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "html", lambda evaluation: "page")
    with pytest.raises(UnwritableMediaError, match="cannot be written"):
        report.write(found, tmp_path)
    report.write(found, tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text() == "page"


def test_equal_frames_are_written_as_such(tmp_path):
    alone = made(tmp_path, {"one": 2}, {"same": 1.0})
    assert np.isinf(alone.systems["same"].mean["psnr"])
    assert "100.00" in Reader(report.html(alone)).text
