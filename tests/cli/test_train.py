"""`train.py`: what it lists, refuses, trains, continues and exports."""

import json

import cv2
import jax
import numpy as np
import pytest

from hueshift_jax import checkpoint, config
from hueshift_jax.cli import run, train
from hueshift_jax.errors import ConfigError, DataError, MissingWeightsError
from hueshift_jax.systems import catalog, hueshift_gan
from hueshift_jax.training import loop
from tests.data.pictures import encoded, picture
from tests.systems import tiny

SMALL = (
    *("--system.pretrained", "False", "--system.widths", "32", "16", "16", "8"),
    *("--data.sizes", "32", "32", "--data.phase_ends", "0.5", "--data.batch_size", "2"),
    *("--log_every", "1", "--data.threads", "1", "--mesh.data", "1"),
)
MEASURED_PEAK = train._peak_gflops
PEAK = 50.0
"""10^9 operations a second, in place of a measurement."""


@pytest.fixture(scope="module")
def small_network():
    with tiny.small_and_quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(hueshift_gan.HueShiftGan, "init", lambda self, key: tiny.initial(self))
        patch.setattr(train, "_peak_gflops", lambda: PEAK)
        yield


@pytest.fixture
def stub(small_network, monkeypatch):
    """What the loop was given, in place of training."""
    given = {}

    def run_loop(settings, system, batches, **options):
        given.update(options, batch=next(batches(0)))

    monkeypatch.setattr(loop, "run", run_loop)
    return given


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for n in range(4):
        (folder / f"{n}.png").write_bytes(encoded(picture(n)))
    return folder


@pytest.fixture(scope="module")
def trained(small_network, photos, tmp_path_factory):
    """The folder of a run of three steps."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    argv = ["hueshift_gan", "--data", str(photos), "--run", str(folder), "--steps", "3", *SMALL]
    assert train.main(argv) == 0
    return folder


@pytest.fixture(scope="module")
def evaluated(small_network, tmp_path_factory):
    """The folders of twenty pictures and of a run that has held two of them out."""
    where = tmp_path_factory.mktemp("evaluated")
    photos, folder = where / "photos", where / "run"
    photos.mkdir()
    for n in range(20):
        (photos / f"{n}.png").write_bytes(encoded(picture(n)))
    argv = ["hueshift_gan", "--data", str(photos), "--run", str(folder), "--steps", "4", *SMALL]
    argv += ["--system.short_side", "64", "--evaluate_every", "2", "--keep", "1"]
    assert train.main([*argv, "--best", "ciede2000"]) == 0
    return photos, folder, argv


def test_list(capsys):
    assert train.main(["--list"]) == 0
    assert "hueshift_gan" in capsys.readouterr().out.split()


def test_help(capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main(["--help"])
    assert stopped.value.code == 0
    assert "--data" in capsys.readouterr().out


def test_print_config(capsys):
    argv = ["hueshift_gan", "--print-config", "--steps", "77", "--data.short_side", "96"]
    assert train.main(argv) == 0
    settings = config.from_json(capsys.readouterr().out)
    assert settings.steps == settings.system.optim.steps == 77
    assert settings.data.short_side == 96


@pytest.mark.parametrize(
    "argv",
    [
        ["hueshift_gan", "--steps", "77", "--data.sizes", "32", "64", "--print-config"],
        ["--steps", "77", "hueshift_gan", "--data.sizes", "32", "64", "--print-config"],
        ["--print-config", "--data.sizes", "32", "64", "hueshift_gan", "--steps=77"],
        ["--data.sizes", "32", "64", "--steps=77", "hueshift-gan", "--print-config"],
    ],
)
def test_the_name_may_stand_anywhere(argv, capsys):
    assert train.main([*argv, "--data.phase_ends", "0.5"]) == 0
    settings = config.from_json(capsys.readouterr().out)
    assert (settings.steps, settings.data.sizes) == (77, (32, 64))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no configuration was named"),
        (["--steps", "5", "hueshift_gam"], "no configuration was named; put its name first"),
        (["hueshift_gan"], "no data was given; add --data"),
        (["hueshift_gan", "photos"], "found 'photos', expected an option"),
        (["hueshift_gam", "--data", "x"], "no configuration 'hueshift_gam'; .* is hueshift_gan"),
        (["hueshift_gan", "--stepz", "3"], "no option --stepz; the nearest is --steps$"),
        (["hueshift_gan", "--steps", "many"], "--steps takes int, found 'many'"),
        (["hueshift_gan", "--steps", "0"], "steps is 0, expected at least 1"),
        (["hueshift_gan", "--dat", "x"], "no option --dat"),
        (["missing.py", "--data", "x"], "no configuration file missing.py"),
        (
            ["hueshift_gan", "--data", "x", "--best", "psrn"],
            "--best is 'psrn', expected psnr, ciede2000, fidelity$",
        ),
        (["--export", "x", "--best", "psrn"], "no configuration was named"),
    ],
)
def test_wrong_usage(argv, message):
    with pytest.raises(ConfigError, match=message):
        train.main(argv)


def test_wrong_usage_is_one_sentence_and_exit_code_2(capsys):
    assert run.run(run.dispatch, ["train", "hueshift_gam"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: there is no configuration 'hueshift_gam'")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "there is no folder"), ("empty", "no readable picture")]
)
def test_wrong_data_leaves_nothing_behind(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    argv = ["hueshift_gan", "--data", str(tmp_path / name), "--run", str(tmp_path / "run")]
    with pytest.raises(DataError, match=message):
        train.main(argv)
    assert not (tmp_path / "run").exists()


def test_a_run_writes_its_log_samples_configuration_and_checkpoint(trained):
    entries = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [0, 1, 2, 3]
    assert entries[0] == {"step": 0, "peak_gflops": PEAK}
    assert {"loss", "huber", "log_mse", "bins", "gradient_norm"} <= entries[1].keys()
    settings = config.from_json((trained / "config.json").read_text())
    assert settings.system.widths == (32, 16, 16, 8)
    assert settings.system.optim.steps == 3
    assert checkpoint.Checkpoints(trained / "checkpoints").steps() == [3]
    sheet = cv2.imread(str(trained / "samples" / "000003.png"))
    assert sheet.shape == (4 * 160, 3 * 160, 3)
    gray = sheet[:, :160].astype(int)
    assert np.ptp(gray, axis=-1).max() == 0, "the first column is gray"
    truth = cv2.resize(picture(0)[:, 8:48], (160, 160), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(sheet[:160, 320:, ::-1], truth)


def test_a_finished_run_is_not_repeated(trained, photos, capsys):
    before = (trained / "log.jsonl").read_text()
    argv = ["hueshift_gan", "--data", str(photos), "--run", str(trained), "--steps", "3", *SMALL]
    assert train.main(argv) == 0
    assert (trained / "log.jsonl").read_text() == before
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"settings, also in {trained / 'config.json'}:"
    assert "  system: widths 32 16 16 8, " in "\n".join(out)
    assert out[-2:] == [
        "4 pictures, 6 crops, 1.50 passes",
        "there are too few pictures to hold a tenth of them out; --held-out takes a folder; "
        "nothing is evaluated",
    ]


def test_export(trained, tmp_path, capsys):
    output = tmp_path / "weights.safetensors"
    argv = ["hueshift_gan", "--run", str(trained), "--export", str(output), "--steps", "3", *SMALL]
    assert train.main([*argv, "--system.strength", "1.4", "--system.short_side", "96"]) == 0
    assert capsys.readouterr().out == f"wrote the weights of step 3 to {output}\n"
    weights, metadata = checkpoint.load_weights(output)
    assert metadata["system"] == "hueshift_gan"
    assert metadata["step"] == "3"
    assert config.from_json(metadata["config"]).strength == 1.4
    assert "encoder.stem.kernel" in weights
    colorizer = catalog.load_colorizer(output)
    assert colorizer.working_size(100, 100) == (96, 96)


def test_export_without_a_run(small_network, tmp_path):
    output = tmp_path / "weights.safetensors"
    argv = ["hueshift_gan", "--run", str(tmp_path / "none"), "--export", str(output), *SMALL]
    with pytest.raises(MissingWeightsError, match="holds no run"):
        train.main(argv)
    assert not output.exists()
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_run_from_the_bundled_encoder(photos, tmp_path):
    """Nothing is shrunk here but the number of steps and the pictures."""
    small = ("--data.sizes", "32", "32", "--data.phase_ends", "0.5", "--data.batch_size", "2")
    argv = ["hueshift_gan", "--data", str(photos), "--run", str(tmp_path), "--steps", "2", *small]
    assert train.main(argv) == 0
    state = hueshift_gan.HueShiftGanConfig().build()
    template = jax.eval_shape(state.init, jax.random.key(0))
    assert checkpoint.Checkpoints(tmp_path / "checkpoints").restore(template).step == 2


# -- Held-out pictures -----------------------------------------------------------------------


def entries_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_floors_and_figures_are_logged(evaluated):
    _, folder, _ = evaluated
    first, *others = entries_of(folder)
    assert first["step"] == 0
    rows = {name.partition("/")[0] for name in first if "/" in name}
    assert rows == {"gray", "training_mean_ab", "own_mean_ab", "truth"}
    assert first["peak_gflops"] == PEAK
    measured = [entry for entry in others if "psnr" in entry]
    assert [entry["step"] for entry in measured] == [0, 2, 4]
    assert all({"ciede2000", "colorfulness", "colorfulness_ratio"} <= e.keys() for e in measured)
    trained = [entry for entry in others if "loss" in entry]
    assert all(entry["peak_share"] >= 0 for entry in trained)


def test_the_best_checkpoint_is_kept_and_exported(evaluated, tmp_path, capsys):
    _, folder, _ = evaluated
    measured = {
        e["step"]: e["ciede2000"] for e in entries_of(folder) if e.get("psnr") and e["step"]
    }
    best = min(measured, key=measured.get)
    kept = checkpoint.Checkpoints(folder / "checkpoints", best="ciede2000")
    assert kept.best_step() == best
    assert kept.steps() == sorted({best, 4})
    output = tmp_path / "best.safetensors"
    assert (
        train.main(["--run", str(folder), "--export", str(output), "--best", "hueshift_gan"]) == 0
    )
    assert capsys.readouterr().out == f"wrote the weights of step {best} to {output}\n"


def test_a_run_that_goes_on_holds_out_the_same_pictures(evaluated, capsys):
    photos, folder, argv = evaluated
    names = (folder / "held_out.txt").read_text().splitlines()
    assert len(names) == 2
    for n in range(20, 60):
        (photos / f"{n}.png").write_bytes(encoded(picture(n)))
    assert train.main(argv) == 0
    assert "58 pictures, " in capsys.readouterr().out
    assert (folder / "held_out.txt").read_text().splitlines() == names


def test_held_out_pictures_with_a_folder_of_their_own(stub, evaluated, photos, tmp_path, capsys):
    argv = [*evaluated[2], "--run", str(tmp_path / "run"), "--held-out", str(photos)]
    assert train.main([*argv, "--best", "psnr"]) == 0
    assert f"4 pictures are held out and evaluated ({photos})" in capsys.readouterr().out
    assert len(stub["evaluators"]) == 1
    assert not (tmp_path / "run" / "held_out.txt").exists()
    settings = config.from_json((tmp_path / "run" / "config.json").read_text())
    assert (settings.best, settings.best_is_highest) == ("psnr", True)


def test_the_best_of_nothing(photos, tmp_path):
    argv = ["hueshift_gan", "--data", str(photos), "--run", str(tmp_path / "run"), *SMALL]
    with pytest.raises(ConfigError, match="best is 'psnr', but there are too few pictures"):
        train.main([*argv, "--best", "psnr"])
    with pytest.raises(ConfigError, match="but no picture is held out"):
        train.main([*argv, "--best", "psnr", "--data.held_out", "0"])
    assert not (tmp_path / "run").exists()


def test_a_single_picture_trains(stub, photos, tmp_path, capsys):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "0.png").write_bytes((photos / "0.png").read_bytes())
    argv = ["hueshift_gan", "--data", str(tmp_path / "one"), "--run", str(tmp_path / "run")]
    assert train.main([*argv, "--steps", "1", *SMALL]) == 0
    assert "1 pictures, 2 crops, 2.00 passes" in capsys.readouterr().out
    assert stub["batch"].luma.shape == (2, 32, 32)
    assert stub["evaluators"] == ()


def test_pictures_that_are_left_out_are_named(stub, tmp_path, capsys):
    for n in range(120):
        (tmp_path / f"{n}.png").write_bytes(encoded(picture(n % 4)))
    (tmp_path / "5.png").write_bytes(b"nothing")
    argv = ["hueshift_gan", "--data", str(tmp_path), "--run", str(tmp_path / "run"), *SMALL]
    assert train.main([*argv, "--steps", "1", "--data.held_out", "0"]) == 0
    out = capsys.readouterr().out
    assert "left out, as they cannot be read: 5.png\n" in out
    assert "no picture is held out (data.held_out is 0); nothing is evaluated" in out


def test_the_peak_is_measured():
    assert MEASURED_PEAK() > 0.1
