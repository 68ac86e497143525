"""What is stored of the systems' scores."""

from hueshift_jax.systems import SYSTEMS, measured
from hueshift_jax.systems.measured import Quality, Record, Speed

RECORD = Record(
    "two pictures",
    2,
    {"a": Quality("digest", {"ciede2000": 8.0, "psnr": 24.0, "colorfulness_ratio": 0.5})},
    {"gray": {"ciede2000": 11.0, "psnr": 22.0, "colorfulness_ratio": 0.0}},
    {"a": Speed(20.0, "a machine")},
)


def test_there_and_back(tmp_path):
    path = tmp_path / "m.json"
    assert measured.load(path) == Record()
    measured.save(RECORD, path)
    assert measured.load(path) == RECORD


def test_a_score_belongs_to_its_weights():
    assert RECORD.quality("a", "digest")["psnr"] == 24.0
    assert RECORD.quality("a", "another") is None
    assert RECORD.quality("b", "digest") is None


def test_what_is_kept():
    mean = {"psnr": 1.000001, "ciede2000": 2.0, "colorfulness_ratio": 0.3, "ssim": 0.9}
    assert measured.kept(mean) == {"ciede2000": 2.0, "psnr": 1.0, "colorfulness_ratio": 0.3}


def test_the_stored_record_names_bundled_systems_beside_four_references():
    record = measured.load()
    assert set(record.systems) <= set(SYSTEMS)
    assert set(record.speeds) <= set(SYSTEMS)
    assert len(record.references) == 4
    for mean in (*record.references.values(), *(q.figures for q in record.systems.values())):
        assert list(mean) == list(measured.FIGURES)
