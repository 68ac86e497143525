"""Whatever is put in: one sentence, an exit code, and nothing half-written."""

import gc
import os
import random
import resource
import signal
import sys
import time

import av
import numpy as np
import pytest

from hueshift_jax import api
from hueshift_jax.cli import colorize
from hueshift_jax.cli.run import run
from hueshift_jax.systems import SYSTEMS
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.probe import probe
from tests.pipeline.doubles import FakeColorizer, lumas, make_film
from tests.video.clips import write_film

BOUND_S = 30
QUICK = ("--preset", "ultrafast")


@pytest.fixture
def fake(monkeypatch):
    """A colorizer without weights in the place of every system."""
    monkeypatch.setattr(api, "choose", lambda *args, **kwargs: FakeColorizer())


@pytest.fixture
def film(tmp_path):
    make_film(tmp_path / "film.mp4", lumas(12))
    return tmp_path / "film.mp4"


def told(capfd, *argv):
    """Exit code, stdout and stderr, that of foreign libraries included."""
    begin = time.monotonic()
    code = run(colorize.main, [str(part) for part in ("--video", *argv)])
    said = capfd.readouterr()
    assert time.monotonic() - begin < BOUND_S
    return code, said.out, said.err


def content(folder):
    """Names and bytes of everything in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refused(capfd, folder, *argv):
    """The sentence with which a command line is refused; nothing in `folder` changes."""
    before = content(folder)
    code, _, err = told(capfd, *argv)
    assert code in (1, 2)
    assert len(err.splitlines()) == 1, err
    assert err.startswith("error: ")
    assert content(folder) == before
    return err


# -- what is damaged

WHOLE = {
    "quick.mp4": {"container_options": {"movflags": "+faststart"}, "sounds": ["aac"]},
    "plain.mp4": {},
    "film.mkv": {"sounds": ["aac"]},
    "film.avi": {"codec": "mpeg4"},
}


@pytest.mark.parametrize("kind", ["cut", "spoiled"])
@pytest.mark.parametrize("name", WHOLE)
def test_damaged_films(capfd, fake, tmp_path, name, kind):
    options = {"preset": "veryfast", "g": "10"} if "codec" not in WHOLE[name] else {}
    whole = write_film(tmp_path / name, times=40, options=options, **WHOLE[name]).read_bytes()
    draw, colored = random.Random(0), 0
    for place in range(5):
        folder = tmp_path / str(place)
        folder.mkdir()
        data = _damaged(whole, kind, draw)
        (folder / name).write_bytes(data)
        code, out, err = told(capfd, folder / name, *QUICK)
        assert (folder / name).read_bytes() == data
        if code:
            assert code == 1
            assert len(err.splitlines()) == 1, err
            assert os.listdir(folder) == [name]
            continue
        colored += 1
        assert err == ""
        result = next(folder.glob("*.color.*[!t]"))
        count = probe(result).frame_count_estimate
        assert count >= 38 or "The input is damaged" in out, (count, out)
    assert colored or name == "plain.mp4"


def _damaged(whole, kind, draw):
    if kind == "cut":
        return whole[: draw.randrange(len(whole) // 4, len(whole) * 9 // 10)]
    data = bytearray(whole)
    for _ in range(draw.choice([1, 5, 50])):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("name", ["quick.mp4", "film.mkv", "film.avi"])
def test_a_film_that_was_cut_off_says_how_much_is_missing(capfd, fake, tmp_path, name):
    film = write_film(tmp_path / name, times=100, **WHOLE[name])
    data = film.read_bytes()
    _, out, _ = told(capfd, film, "--output", tmp_path / "whole.mp4", *QUICK)
    assert "damaged" not in out
    film.write_bytes(data[: len(data) // 2])
    _, out, _ = told(capfd, film, "--output", tmp_path / "cut.mp4", *QUICK)
    assert "s are missing" in out
    missing_s = float(out.split("the last ")[1].split(" s")[0])
    made = probe(tmp_path / "cut.mp4").frame_count_estimate
    assert missing_s == pytest.approx(4 - made / 25, abs=0.1)
    _, out, _ = told(capfd, film, "--output", tmp_path / "part.mp4", "--end", "0.4", *QUICK)
    assert "missing" not in out


def test_sound_that_lasts_longer_is_no_damage(capfd, fake, tmp_path):
    film = write_film(tmp_path / "film.mp4", times=25, sounds=["aac"], sound_s=4)
    assert "damaged" not in told(capfd, film, *QUICK)[1]


# -- what is no film


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_container_without_a_frame(capfd, fake, tmp_path, suffix):
    with av.open(str(tmp_path / f"zero{suffix}"), "w") as sink:
        stream = sink.add_stream("libx264", rate=25, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        sink.start_encoding()
    refused(capfd, tmp_path, tmp_path / f"zero{suffix}")


def test_sound_alone(capfd, fake, tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as sink:
        stream = sink.add_stream("aac", rate=48000)
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 2048), np.int16), format="s16", layout="stereo"
            )
            frame.sample_rate, frame.pts = 48000, 1024 * index
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    assert "only audio" in refused(capfd, tmp_path, tmp_path / "song.mp4")


@pytest.mark.parametrize("head", ["ffconcat version 1.0", "#EXTM3U"])
def test_a_playlist_under_a_films_name(capfd, fake, film, tmp_path, head):
    (tmp_path / "list.mp4").write_text(f"{head}\nfile film.mp4\n")
    assert "playlist" in refused(capfd, tmp_path, tmp_path / "list.mp4")


def test_an_address_is_repeated_as_it_was_typed(capfd, fake, tmp_path):
    assert "https://example.org/a.mp4 is" in refused(capfd, tmp_path, "https://example.org/a.mp4")


@pytest.mark.parametrize(
    ("data", "words"), [(None, "does not exist"), (b"", "not a picture"), (b"x", "not a picture")]
)
def test_bad_pictures(capfd, fake, tmp_path, data, words):
    if data is not None:
        (tmp_path / "a.png").write_bytes(data)
    assert words in refused(capfd, tmp_path, tmp_path / "a.png")


# -- where it cannot go


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("film.mp4/x.mp4", "does not exist"),
        ("/dev/null/x.mp4", "does not exist"),
        ("results", "no folder that exists"),
        ("x.txt", "no container"),
        ("x.png", "no container"),
    ],
)
def test_outputs_that_cannot_be(capfd, fake, film, tmp_path, monkeypatch, output, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(capfd, tmp_path, film, "--output", output)


def test_pictures_cannot_be_films(capfd, monkeypatch, tmp_path):
    colorizer = FakeColorizer()
    monkeypatch.setattr(api, "choose", lambda *args, **kwargs: colorizer)
    write_picture(tmp_path / "a.png", np.zeros((48, 64, 3), np.uint8))
    output = tmp_path / "a.mp4"
    assert "picture format" in refused(capfd, tmp_path, tmp_path / "a.png", "--output", output)
    assert colorizer.calls == 0


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_input_under_another_name(capfd, fake, film, tmp_path, link):
    link(film, tmp_path / "alias.mp4")
    for one, other in (("film.mp4", "alias.mp4"), ("alias.mp4", "film.mp4")):
        argv = tmp_path / one, "--output", tmp_path / other, "--overwrite"
        assert "input itself" in refused(capfd, tmp_path, *argv)


@pytest.mark.parametrize("place", ["film.mp4", "/dev/null/frames"])
def test_frames_that_cannot_be_written(capfd, fake, film, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    assert "cannot be made" in refused(capfd, tmp_path, film, "--frames", place)


@pytest.mark.parametrize("most", [300, 3000])
def test_a_full_disk(capfd, fake, film, tmp_path, most):
    """No file may grow beyond `most` bytes, which reports an error as a full disk does."""
    before = film.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        code, _, err = told(capfd, film, "--crf", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1
    assert "cannot be written" in err
    assert len(err.splitlines()) == 1, err
    assert film.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} <= {"film.mp4", "film.color.mp4.hueshift"}
    assert not list(tmp_path.rglob("*.part*"))
    assert told(capfd, film)[0] == 0


def test_one_result_does_not_replace_another(capfd, fake, film, tmp_path):
    twin = write_film(tmp_path / "film.avi", codec="mpeg4")
    code, _, err = told(capfd, film, twin, film, "--overwrite")
    assert code == 1
    assert err.count("\n") == 1
    assert "holds the colors of" in err
    assert probe(tmp_path / "film.color.mp4").frame_count_estimate == 12


# -- what does not fit


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--start", "100"), "not before the end"),
        (("--start", "0.41", "--end", "0.42"), "no frame between"),
        (("--preview", "0"), "longer than 0"),
        (("--temperature", "3"), "between 0.01 and 2"),
        (("--size=-3",), "between 32 and 1024"),
    ],
)
def test_ranges(capfd, fake, film, tmp_path, option, words):
    assert words in refused(capfd, tmp_path, film, *option)


@pytest.mark.parametrize("size", [32, 100])
def test_sizes_become_multiples(size):
    colorizer = api.LazyColorizer("hueshift_gan", __file__, size=size)
    colorizer.__dict__["network"] = FakeColorizer()
    height, width = colorizer.working_size(480, 640)
    assert height % 32 == width % 32 == 0
    assert height == min(96, size)


def _not_finite():
    from safetensors.numpy import save

    return save({"encoder.stem.kernel": np.full((3, 3), np.nan, np.float16)})


def _of_another():
    from safetensors.numpy import save

    return save({"encoder.stem.kernel": np.zeros((3, 3), np.float16)})


CORRUPT = {
    "text": lambda: b"These are no weights.",
    "empty": lambda: b"",
    "cut": lambda: _of_another()[:-1],
    "flipped": lambda: _of_another().replace(b"dtype", b"dtypf"),
    "not finite": _not_finite,
    "of another network": _of_another,
}


@pytest.mark.parametrize("name", CORRUPT)
def test_corrupt_weights(capfd, film, tmp_path, name):
    (tmp_path / "bad.safetensors").write_bytes(CORRUPT[name]())
    refused(capfd, tmp_path, film, "--system", tmp_path / "bad.safetensors")


def test_the_bundled_weights_cut_short(capfd, film, tmp_path):
    bundled = SYSTEMS["hueshift_gan"].path
    if not bundled.is_file():
        pytest.skip("no weights are bundled yet")
    data = bundled.read_bytes()
    (tmp_path / "bad.safetensors").write_bytes(data[: len(data) // 2])
    assert "damaged" in refused(capfd, tmp_path, film, "--system", tmp_path / "bad.safetensors")


# -- names


def test_names_of_all_kinds(capfd, fake, film, tmp_path):
    odd = tmp_path / "Мой 'фильм' \"один\" [1] %d.mp4"
    film.rename(odd)
    code, out, err = told(capfd, odd, "--side-by-side", "--frames", tmp_path / "a b", *QUICK)
    assert (code, err) == (0, "")
    assert odd.stem in out
    assert (tmp_path / f"{odd.stem}.color.mp4").exists()
    assert (tmp_path / f"{odd.stem}.color.side-by-side.mp4").exists()
    assert len(list((tmp_path / "a b").iterdir())) == 12


def test_counts_of_a_part(capfd, fake, film):
    _, out, _ = told(capfd, film, "--preview", "0.3", *QUICK)
    assert ", 8 frames, " in out
    assert ": 8 frames in" in out


# -- Ctrl-C


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_inside_a_callback_is_not_lost(capfd):
    """Python drops what is raised while it collects garbage."""

    def pressed(phase, info):
        if phase == "start":
            gc.callbacks.remove(pressed)
            signal.raise_signal(signal.SIGINT)

    def command(argv):
        gc.callbacks.append(pressed)
        gc.collect()
        for _ in range(500):
            time.sleep(0.01)
        return 0

    before = sys.unraisablehook
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell may ignore it.
    try:
        assert run(command, []) == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert sys.unraisablehook is before
    assert capfd.readouterr().err == "interrupted\n"


def test_an_interrupt_is_told_in_one_sentence(capfd, fake, film, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "probe", stop)
    code, _, err = told(capfd, film)
    assert (code, err) == (130, "Stopped; the same command continues where it was.\n")
