"""The evaluator of saliency, and `train.py pfan` from pictures with masks to weights."""

import cv2
import numpy as np
import pytest

from hueshift_jax.cli import held_out_saliency, train
from hueshift_jax.cli.held_out_saliency import FIGURES, HeldOutSaliency
from hueshift_jax.data.saliency import Pair
from hueshift_jax.errors import ConfigError
from hueshift_jax.models import efficientnet_lite
from hueshift_jax.models.efficientnet_lite import LITE0
from hueshift_jax.systems import pfan
from tests.data.masked import pair, write_folder
from tests.models.weights import quick_compilation
from tests.systems.test_pfan import initial
from tests.systems.tiny import STAGES

PAIRS = [Pair(*pair(n, 64, 64)) for n in range(3)]


class Bright:
    def working_size(self, height, width):
        return (64, 64)

    def __call__(self, luma):
        return (luma > 0.5).astype(np.float32)


def test_figures_of_a_detector_that_is_right():
    found = dict(HeldOutSaliency(PAIRS, lambda state: Bright())(None))
    assert tuple(found) == FIGURES
    assert found["mae"] < 0.02
    assert found["f_measure"] > 0.97


def test_references_know_nothing_of_training():
    found = HeldOutSaliency(PAIRS, None).references()
    assert set(found) == set(held_out_saliency.BASELINES)
    assert all(0.05 < figures.mae < 0.9 for figures in found.values())
    assert len(held_out_saliency.table(found)) == 3


def test_a_sheet_shows_picture_map_and_mask(tmp_path):
    path = held_out_saliency.write_sheet(tmp_path / "samples" / "0.png", PAIRS, Bright())
    assert cv2.imread(str(path)).shape == (2 * 160, 6 * 160, 3)


SMALL = (
    *("--system.pretrained", "False", "--system.width", "8", "--system.reach_width", "4"),
    *("--system.short_side", "32", "--data.sizes", "32", "32", "--data.phase_ends", "0.5"),
    *("--data.batch_size", "2", "--log_every", "1", "--data.threads", "1", "--mesh.data", "1"),
)


def test_train_py_trains_continues_and_exports(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(efficientnet_lite, "STAGES", STAGES)
    monkeypatch.setattr(pfan, "LITE2", LITE0)
    monkeypatch.setattr(pfan.PfanSystem, "init", lambda self, key: initial(self))
    monkeypatch.setattr(train, "_peak_gflops", lambda: 50.0)
    data, run = write_folder(tmp_path / "data"), tmp_path / "run"
    with quick_compilation():
        argv = ["pfan", "--data", str(data), "--run", str(run), "--steps", "2", *SMALL]
        assert train.main(argv) == 0
        assert "center prior" in capsys.readouterr().out
        assert (run / "samples" / "000002.png").is_file()
        assert "f_adaptive" in (run / "log.jsonl").read_text()
        names = (run / "held_out.txt").read_text().splitlines()
        assert len(names) == 2
        output = tmp_path / "pfan.safetensors"
        assert train.main(["pfan", "--run", str(run), "--export", str(output)]) == 0
        found = pfan.load_detector(output)(np.zeros((1, 32, 32), np.float32))
    assert found.shape == (1, 16, 16)


def test_systems_and_data_belong_together(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from hueshift_jax.configs import hueshift_gan, pfan\n"
        "def config():\n"
        "    return replace(pfan.config(), data=hueshift_gan.config().data)\n"
    )
    data = write_folder(tmp_path / "data")
    with pytest.raises(ConfigError, match="cannot learn from the batches of a DataConfig"):
        train.main([str(path), "--data", str(data), "--run", str(tmp_path / "run")])
