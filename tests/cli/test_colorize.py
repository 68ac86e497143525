"""The command line of `colorize`: what is typed, what is said, what is written."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hueshift_jax import api
from hueshift_jax.cli import colorize, demo, progress
from hueshift_jax.cli.run import run
from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline import events, journal
from hueshift_jax.pipeline.controls import LIMITS, Controls
from hueshift_jax.video.picture import read_picture_rgb, write_picture
from hueshift_jax.video.probe import probe
from tests.architecture import source
from tests.pipeline.doubles import FakeColorizer, lumas, make_film


@pytest.fixture
def fake(monkeypatch):
    """A colorizer without weights in the place of every system."""
    colorizer = FakeColorizer()
    monkeypatch.setattr(api, "choose", lambda *args, **kwargs: colorizer)
    return colorizer


@pytest.fixture
def film(tmp_path):
    make_film(tmp_path / "film.mp4", lumas(12))
    return tmp_path / "film.mp4"


def told(capsys, *argv):
    """Exit code, stdout and stderr."""
    code = run(colorize.main, [str(part) for part in argv])
    said = capsys.readouterr()
    return code, said.out, said.err


# -- what is typed


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--video", "x", "--size", "-3"], "--size"),
        (["--video", "x", "--size", "3"], "between 32 and 1024"),
        (["--video", "x", "--saturation", "abc"], "'abc' is not a number"),
        (["--video", "x", "--saturation", "nan"], "'nan' is not a number"),
        (["--video", "x", "--strength", "1.5"], "between 0 and 1"),
        (["--video", "x", "--tint", "2"], "between -1 and 1"),
        (["--video", "x", "--dark", "-1"], "between 0 and 1"),
        (["--video", "x", "--cast", "much"], "'much' is not a number"),
        (["--video", "x", "--hue", "300:340"], "'300:340' is not a hue repair"),
        (["--video", "x", "--hue", "red|0", "--hue", "pink|0"], "'pink' is not a range of hues"),
        (["--video", "x", "--crf", "52"], "between 0 and 51"),
        (["--video", "x", "--preset", "quick"], "quick"),
        (["--video", "x", "--temporal", "sometimes"], "sometimes"),
        (["--video", "x", "--start", "soon"], "'soon' is not a time"),
        (["--video", "x", "--keep-color", "maybe"], "maybe"),
        (["--video", "x", "--start", "5", "--end", "5"], "later"),
        (["--video", "x", "--preview", "1", "--end", "5"], "exclude"),
        (["--video", "x", "--keyframe", "soon=a.png"], "'soon' is not a time"),
        (["--video", "x", "--keyframe", "1="], "names no picture"),
        (["--video", "x", "--fps", "0"], "frames per second"),
        (["--video", "x", "--fps", "1/0"], "frames per second"),
        (["--vidoe", "x"], "did you mean --video?"),
        (["--video", "x", "--satur", "1"], "did you mean --saturation?"),
        (["--video", "x", "--zzzz"], "--help"),
        (["film.mp4"], "named after --video"),
        (["--video"], "--video"),
        (["--json"], "no film was named"),
    ],
)
def test_one_sentence_for_wrong_words(capsys, argv, words):
    code, out, err = told(capsys, *argv)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_no_arguments_show_the_usage(capsys):
    code, _, err = told(capsys)
    assert code == 2
    assert err.startswith("usage: infer.py --video")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("10s", 10), ("1:30", 90), ("1:00:02.5", 3602.5), (".5", 0.5)]
)
def test_times(text, seconds):
    assert colorize.parse(["--video", "x", "--end", text]).end == seconds


def test_a_preview_begins_at_the_start():
    options = colorize.parse(["--video", "x", "--start", "1:00", "--preview", "10s"])
    assert (options.start, options.end) == (60, 70)


# -- what is refused


def bad_inputs(folder):
    """(name, words of the answer); everything is made inside `folder`."""
    (folder / "text.mp4").write_text("This is no film. " * 100)
    (folder / "empty.mp4").touch()
    (folder / "none").mkdir()
    (folder / "list.m3u8").write_text("#EXTM3U\nfilm.mp4\n")
    return {
        "missing.mp4": "does not exist",
        "text.mp4": "not a film",
        "empty.mp4": "empty",
        "none": "neither films nor pictures",
        "list.m3u8": "playlist",
        "https://example.org/film.mp4": "address",
    }


def test_bad_inputs(capsys, fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, words in bad_inputs(tmp_path).items():
        before = sorted(tmp_path.rglob("*"))
        code, _, err = told(capsys, "--video", name)
        assert code in (1, 2), name
        assert words in err, name
        assert len(err.splitlines()) == 1, err
        assert sorted(tmp_path.rglob("*")) == before


def test_the_input_is_not_the_output(capsys, fake, film):
    before = film.read_bytes()
    code, _, err = told(capsys, "--video", film, "--output", film, "--overwrite")
    assert code == 2
    assert "input itself" in err
    assert film.read_bytes() == before


def test_a_missing_folder(capsys, fake, film, tmp_path):
    code, _, err = told(capsys, "--video", film, "--output", tmp_path / "no" / "x.mp4")
    assert code == 1
    assert "does not exist" in err


def test_a_folder_that_cannot_be_written(capsys, fake, film, tmp_path, monkeypatch):
    def refuse(path, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(journal.Path, "mkdir", refuse)
    code, _, err = told(capsys, "--video", film)
    assert code == 1
    assert "permission denied" in err
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


def test_a_container_that_cannot_hold_it(capsys, fake, film, tmp_path):
    code, _, err = told(capsys, "--video", film, "--output", tmp_path / "x.avi")
    assert code == 1
    assert ".mkv" in err


def test_an_unknown_system(capsys, film):
    code, _, err = told(capsys, "--video", film, "--system", "hueshift_gun")
    assert code == 2
    assert "did you mean hueshift_gan?" in err


def test_missing_and_corrupt_weights(capsys, film, tmp_path):
    code, _, err = told(capsys, "--video", film, "--system", tmp_path / "no.safetensors")
    assert code == 1
    assert "missing" in err
    (tmp_path / "bad.safetensors").write_bytes(b"\x08" * 500)
    code, _, err = told(capsys, "--video", film, "--system", tmp_path / "bad.safetensors")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.safetensors", "film.mp4"]


# -- what is written


def test_a_film(capsys, fake, film, tmp_path):
    code, out, err = told(capsys, "--video", film)
    assert (code, err) == (0, "")
    assert "64x48" in out
    assert "12 frames" in out
    assert "network runs on" in out
    assert probe(tmp_path / "film.color.mp4").frame_count_estimate == 12
    code, out, _ = told(capsys, "--video", film)
    assert code == 0
    assert "already finished" in out


def test_events_as_json(capsys, fake, film):
    _, out, _ = told(capsys, "--video", film, "--json")
    told_events = [json.loads(line) for line in out.splitlines()]
    kinds = [event["event"] for event in told_events]
    assert kinds[0] == "found"
    assert "device" in kinds
    assert kinds[-1] == "finished"
    assert told_events[-1]["frames"] == 12
    assert set(told_events[-1]["shares"]) == {"decode", "network", "compose", "encode"}


def test_quiet(capsys, fake, film):
    assert told(capsys, "--video", film, "--quiet") == (0, "", "")


def test_frames_of_one_size_are_a_film(capsys, fake, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, luma in enumerate(lumas(5)):
        write_picture(folder / f"{index}.png", np.repeat(luma[..., None], 3, axis=2))
    code, _, _ = told(capsys, "--video", folder, "--fps", "12")
    assert code == 0
    made = probe(tmp_path / "frames.color.mp4")
    assert (made.frame_count_estimate, made.average_rate) == (5, 12)


@pytest.mark.parametrize(("sizes", "option"), [((48, 48), ["--pictures"]), ((48, 40), [])])
def test_pictures_are_colored_one_by_one(capsys, fake, tmp_path, sizes, option):
    for index, height in enumerate(sizes):
        luma = next(lumas(1, height, 64))
        write_picture(tmp_path / f"{index}.png", np.repeat(luma[..., None], 3, axis=2))
    assert told(capsys, "--video", tmp_path, *option)[0] == 0
    code, out, _ = told(capsys, "--video", tmp_path, *option)
    assert code == 0
    assert out.count("there already") == 2
    assert told(capsys, "--video", tmp_path, *option, "--overwrite")[0] == 0
    assert sorted(p.name for p in tmp_path.glob("*.color.png")) == ["0.color.png", "1.color.png"]
    colored = read_picture_rgb(tmp_path / "1.color.png")
    assert colored.shape == (sizes[1], 64, 3)
    assert np.ptp(colored.astype(int), axis=2).max() > 10


def test_a_list_of_shots(capsys, fake, film, tmp_path):
    cuts = tmp_path / "cuts.csv"
    cuts.write_text("first_frame\n7\n3\n")
    code, out, err = told(capsys, "--video", film, "--cuts", cuts)
    assert (code, out) == (2, "")
    assert "line 3: this shot does not begin after the one before it" in err
    cuts.write_text("first_frame\n3\n7\n")
    assert told(capsys, "--video", film, "--cuts", cuts)[0] == 0
    text = (tmp_path / "film.color.mp4.hueshift" / "shots.csv").read_text()
    assert [row.split(",")[1] for row in text.splitlines()[1:]] == ["0", "3", "7"]
    code, _, err = told(capsys, "--video", film, film, "--cuts", cuts)
    assert code == 2
    assert "one film" in err


def test_one_bad_film_does_not_stop_the_others(capsys, fake, film, tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    code, out, err = told(capsys, "--video", tmp_path)
    assert code == 1
    assert "a.mp4" in err
    assert "left out" in out
    assert (tmp_path / "film.color.mp4").exists()


def test_several_results_need_a_folder(capsys, fake, film, tmp_path):
    code, _, err = told(capsys, "--video", film, film, "--output", tmp_path / "x.mp4")
    assert code == 2
    assert "existing folder" in err


def test_a_damaged_film_is_colored_as_far_as_it_goes(capsys, fake, film):
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    film.write_bytes(data)
    code, out, _ = told(capsys, "--video", film)
    assert code == 0
    assert "The input is damaged" in out


def test_the_demo(capsys, fake, tmp_path):
    pytest.importorskip("skimage")
    code, _, _ = told(capsys, "--demo", "--output", tmp_path)
    assert code == 0
    assert probe(tmp_path / "demo.color.mp4").frame_count_estimate == 96
    sheet = read_picture_rgb(tmp_path / "demo.side-by-side.png")
    assert sheet.shape == (180 * len(demo.PHOTOGRAPHS), 960, 3)


# -- what is said


def test_sentences():
    advance = events.Advance("color", 30, 90, 15.0, 4.0)
    assert progress.sentence(advance) == "color: 30 of 90 frames, 15.0 frames/s, 0:04 left"
    assert progress.sentence(events.Advance("color", 30, None, None, None)) == "color: 30 frames"
    assert progress.clock(3725) == "1:02:05"


def test_a_bar_on_a_terminal(capsys):
    with progress.BarPrinter() as tell:
        tell(events.Advance("color", 1, 2, 3.0, 4.0))
        tell(events.Note("Something."))
    assert "Something." in capsys.readouterr().out


def test_options_become_settings():
    words = "--video x --saturation 1.5 --crf 20 --no-resume --fps 24000/1001"
    options = colorize.resolve(colorize.parse(words.split(" ")))
    assert options.controls.saturation == 1.5
    assert options.controls.hue == ""
    assert options.encoding.crf == 20
    assert not options.resume
    assert options.frames_rate == pytest.approx(23.976, abs=1e-3)


def test_given_colors_become_settings(tmp_path):
    folder = tmp_path / "a=b"
    folder.mkdir()
    words = ["--keyframe", "1:02.5=a=b.png", "--keyframe", str(folder)]
    words += ["--reference", "like.jpg", "--points", "one.csv", "--points", "two.csv"]
    given = colorize.resolve(colorize.parse(["--video", "x", *words])).given
    assert given.keyframes == ((62.5, Path("a=b.png")), (None, folder))
    assert given.references == (Path("like.jpg"),)
    assert given.points == (Path("one.csv"), Path("two.csv"))
    assert not colorize.resolve(colorize.parse(["--video", "x"])).given


def test_what_is_given_has_to_be_there(capsys, fake, film, tmp_path):
    code, _, err = told(capsys, "--video", str(film), "--points", str(tmp_path / "no.csv"))
    assert (code, len(err.splitlines())) == (1, 1)
    assert "no.csv cannot be read" in err
    code, _, err = told(capsys, "--video", str(film), "--keyframe", str(tmp_path / "no"))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no folder has this name" in err


def test_every_control_is_an_option():
    words = "--video x --warmth .1 --strength .2 --tint .3 --dark .4 --cast .5"
    hues = ["--hue", "300:340|0.4,0.2;red|0", "--hue", "180:280|+140"]
    controls = colorize.resolve(colorize.parse([*words.split(" "), *hues])).controls
    assert controls == Controls(
        warmth=0.1,
        strength=0.2,
        tint=0.3,
        dark=0.4,
        cast=0.5,
        hue="300:340|0.4,0.2;red|0;180:280|+140",
    )


@pytest.mark.parametrize("name", LIMITS)
def test_options_and_controls_have_the_same_limits(name):
    for ends in LIMITS[name]:
        assert getattr(colorize.parse(["--video", "x", f"--{name}", str(ends)]), name) == ends
    for beyond in (LIMITS[name][0] - 0.01, LIMITS[name][1] + 0.01):
        with pytest.raises(UsageError):
            colorize.parse(["--video", "x", f"--{name}={beyond}"])


def test_help_is_quick():
    done = subprocess.run(
        [sys.executable, "infer.py", "--help"], cwd=source.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "--saturation" in done.stdout


@pytest.mark.parametrize("motion", ["fast", "medium", "network"])
def test_how_motion_is_followed(motion):
    options = colorize.parse(["--video", "a.mp4", "--motion", motion])
    assert colorize.resolve(options).motion == motion
