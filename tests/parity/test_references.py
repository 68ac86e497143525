"""Every reference file of tests/golden, at the tolerance that it states."""

from pathlib import Path

import jax
import pytest

from hueshift_jax.parity import run
from hueshift_jax.parity.table import runners
from tests.models.weights import quick_compilation

GOLDEN = Path(__file__).parents[1] / "golden"
REFERENCES = sorted(path.stem for path in GOLDEN.glob("*.npz"))
LARGE = {
    "dlvc_vae",
    "hueshift_unet",
    "hueshift_unet_small",
    "raft",
    "scgan_discriminator70",
    "scgan_generator",
    "scgan_losses",
}
"""They take ten to fifty seconds of compilation each."""


def test_every_runner_has_its_reference():
    assert set(runners()) <= set(REFERENCES)


def test_the_references_are_small():
    assert sum(path.stat().st_size for path in GOLDEN.glob("*.npz")) <= 5_000_000


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in REFERENCES]
)
def test_reference(name):
    with quick_compilation():
        (outcome,) = run.run(GOLDEN, [name])
    jax.clear_caches()  # One of these programs holds up to a gigabyte.
    beyond = [check for check in outcome.checks if not check.passed]
    assert outcome.status == "passed", outcome.problem or beyond
