"""`hueshift evaluate`: what is typed, what is said, what is written."""

import json

import numpy as np
import pytest

from hueshift_jax import api, checkpoint
from hueshift_jax.cli import evaluate, instruments
from hueshift_jax.cli.run import run
from hueshift_jax.errors import UsageError
from hueshift_jax.interop.squeezenet import SQUEEZENET, SQUEEZENET_FEATURES
from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.video.picture import write_picture
from tests.metrics.scenes import lab_frames, recolored, to_rgb
from tests.pipeline.doubles import FakeColorizer
from tests.video.clips import write_film

PLAIN = ("--without", "flow", "frechet")


def write(folder, frames):
    folder.mkdir(parents=True)
    for number, rgb in enumerate(frames):
        write_picture(folder / f"{number}.png", rgb)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root, lab = tmp_path_factory.mktemp("sets"), lab_frames(5, (48, 64))
    write(root / "truth", to_rgb(lab))
    write(root / "half", recolored(lab, 0.5))
    write(root / "gray", np.repeat(recolored(lab, 0.0)[..., :1], 3, -1))
    write(root / "short", to_rgb(lab)[:4])
    write(root / "narrow", to_rgb(lab)[:, :, :-2])
    write(root / "broken", to_rgb(lab))
    (root / "broken" / "3.png").write_bytes(b"nothing")
    (root / "empty").mkdir()
    return root


def told(capsys, *argv):
    """Exit code, stdout and stderr."""
    code = run(evaluate.main, [str(part) for part in argv])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_result(sets, tmp_path, capsys):
    output = tmp_path / "figures.json"
    code, said, _ = told(
        capsys, sets / "half", "--truth", sets / "truth", "--output", output, *PLAIN
    )
    assert code == 0
    assert "| half |" in said
    assert "PSNR alone rewards gray" in said
    written = json.loads(output.read_text())
    assert 20 < written["mean"]["psnr"] < 40
    assert written["mean"]["colorfulness_ratio"] == pytest.approx(0.5, abs=0.05)
    assert written["protocol"]["flow"] is None
    lines = (tmp_path / "figures.frames.csv").read_text().splitlines()
    assert len(lines) == 6


def test_several_results_and_references(sets, tmp_path, capsys):
    output, frames = tmp_path / "o.json", tmp_path / "f.csv"
    code, said, said_aside = told(
        capsys,
        *("--compare", sets / "half", sets / "gray", "--truth", sets / "truth", "--references"),
        *("--output", output, "--frames", frames, "--as-published", *PLAIN),
    )
    assert code == 0
    assert said.count("\n| ") == 6
    assert "measuring truth" in said_aside
    written = json.loads(output.read_text())
    assert list(written["systems"]) == ["half", "gray"]
    assert "DEFECTIVE" in written["protocol"]["psnr_as_published"]
    gray = written["systems"]["gray"]["mean"]
    assert gray["psnr_as_published"] > gray["psnr"]
    assert frames.is_file()


def test_a_report_brings_its_references(sets, tmp_path, capsys):
    report = tmp_path / "report.html"
    code, said, _ = told(
        capsys, sets / "half", "--truth", sets / "truth", "--report", report, *PLAIN
    )
    assert code == 0
    assert "| reference: gray |" in said
    page = report.read_text(encoding="utf-8")
    assert "worst of half" in page
    assert "reference: own-mean ab (oracle)" in page


def test_with_flow_and_features(sets, tmp_path, capsys):
    output = tmp_path / "o.json"
    code, _, _ = told(capsys, sets / "half", "--truth", sets / "truth", "--output", output)
    assert code == 0
    written = json.loads(output.read_text())
    assert written["mean"]["fd_effnet"] > 0.0
    assert "fid" not in written["mean"]
    assert "not FID" in written["protocol"]["fd_effnet"]
    assert "DIS" in written["protocol"]["flow"]
    assert written["mean"]["warp_error_truth"] > 0.0


def test_a_system_colors_the_gray_clips(tmp_path, capsys, monkeypatch):
    colorizer = FakeColorizer()
    monkeypatch.setattr(api, "choose", lambda *args, **kwargs: colorizer)
    clips = tmp_path / "clips"
    clips.mkdir()
    write_film(clips / "film.mp4", times=6)
    write_picture(clips / "photo.png", to_rgb(lab_frames(1)[0]))
    output, report = tmp_path / "o.json", tmp_path / "r.html"
    code, _, said_aside = told(
        capsys,
        *("--system", "fake", "--clips", clips, "--output", output, "--report", report, *PLAIN),
    )
    assert code == 0, said_aside
    assert "best of fake" in report.read_text(encoding="utf-8")
    written = json.loads(output.read_text())
    assert written["clips"]["film"]["frames"] == 6
    assert set(written["clips"]) == {"film", "photo"}
    assert [p.name for p in clips.iterdir() if "color" in p.name] == []


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("short", "4 frames"),
        ("narrow", "frame 0 of narrow is 62x48, but that of the truth is 64x48"),
        ("empty", "holds no pictures and no films"),
        ("broken", "3.png"),
        ("nowhere", "does not exist"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(sets, tmp_path, capsys, result, message):
    output = tmp_path / "o.json"
    for this, that in ((result, "truth"), ("truth", result)):
        code, said, said_aside = told(
            capsys, sets / this, "--truth", sets / that, "--output", output, *PLAIN
        )
        assert code == 2
        assert said == ""
        if this == result:
            assert message in said_aside
    assert not output.exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "name one of RESULT"),
        (("a", "--compare", "b"), "name one of RESULT"),
        (("a",), "name the true colors"),
        (("--system", "x"), "go together"),
        (("a", "--clips", "x", "--truth", "t"), "go together"),
        (("--system", "x", "--clips", "c", "--truth", "t"), "leave --truth out"),
        (("a", "--truth", "t", "--flow", "x", "--flow-weights", "w"), "there is no flow 'x'"),
        (("a", "--truth", "t", "--flow", "raft"), "--flow and --flow-weights go together"),
        (("a", "--truth", "t", "--output", "no/where.json"), "does not exist"),
        (("a", "--truth", "t", "--report", "no/where.html"), "does not exist"),
        (("--compare", "a", "./a", "a", "--truth", "t"), "names the same result twice"),
    ],
)
def test_what_is_refused(capsys, argv, message):
    code, _, said_aside = told(capsys, *argv, *(PLAIN if "--flow" not in argv else ()))
    assert code == 2
    assert message in said_aside


def test_a_place_that_cannot_be_written(sets, tmp_path, capsys):
    """An `UnwritableMediaError`: the folder is there, the file cannot be."""
    code, _, said_aside = told(
        capsys, sets / "half", "--truth", sets / "truth", "--output", tmp_path, *PLAIN
    )
    assert code == 1
    assert "cannot be written" in said_aside


def test_results_of_one_name_are_told_apart_by_their_paths(tmp_path):
    paths = [tmp_path / "a" / "out", tmp_path / "b" / "out"]
    assert list(evaluate._named(paths)) == [str(path) for path in paths]


@pytest.mark.parametrize(
    ("published", "names"),
    [
        (SQUEEZENET_FEATURES, ["lpips_caffe"]),
        (SQUEEZENET, ["lpips", "lpips_as_published"]),
    ],
    ids=["caffe", "torchvision"],
)
def test_lpips_says_which_network_it_is(tmp_path, published, names):
    network, heads = tmp_path / "n.safetensors", tmp_path / "h.safetensors"
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in published.shapes({}).items()
    }
    checkpoint.save_weights(network, tensors, {})
    widths = enumerate((64, 128, 256, 384, 384, 512, 512))
    ones = {f"lin{n}.model.1.weight": np.ones((1, w, 1, 1), np.float32) for n, w in widths}
    checkpoint.save_weights(heads, ones, {})
    wanted = instruments.Wanted(("flow", "frechet"), lpips=(network, heads), as_published=True)
    setup = instruments.build(wanted)
    assert list(setup.instruments.differences) == names
    assert ("NOT the official LPIPS" in setup.protocol[names[0]]) == (len(names) == 1)
    x, y = rng.integers(0, 256, (2, 40, 40, 3), np.uint8)
    measure = setup.instruments.differences[names[0]]
    assert measure(x, x) == pytest.approx(0.0, abs=1e-6)
    assert measure(x, y) > 0.0
    with pytest.raises(UsageError, match="no linear heads"):
        instruments.build(instruments.Wanted(("flow", "frechet"), lpips=(network, network)))


def test_the_default_flow():
    assert isinstance(instruments.build(instruments.Wanted(("frechet",))).instruments.flow, DisFlow)
