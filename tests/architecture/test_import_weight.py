"""Nothing heavy is imported before it is needed."""

import subprocess
import sys

import pytest

from tests.architecture import source

HEAVY = ("jax", "flax", "optax", "orbax", "grain", "av", "cv2", "torch", "gradio", "numpy")
PROBE = """
import sys
try:
    {code}
except SystemExit:
    pass
print("LOADED", *sorted(set({heavy!r}) & set(sys.modules)))
"""


def loaded_by(code: str, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    """Which of `heavy` a fresh interpreter has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(code=code, heavy=heavy)],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.rpartition("LOADED")[2].split()


@pytest.mark.parametrize(
    "code",
    [
        "import hueshift_jax",
        "from hueshift_jax import HueShiftError",
        "import hueshift_jax.config",
        "from hueshift_jax.cli.run import dispatch; dispatch(['--help'])",
        "from hueshift_jax.cli.run import dispatch; dispatch(['--version'])",
        "import runpy; sys.argv = ['infer.py', '--help']; "
        "runpy.run_path('infer.py', run_name='__main__')",
    ],
)
def test_light(code):
    assert loaded_by(code) == []


def test_arrays_do_not_bring_the_other_libraries():
    foreign = ("av", "cv2", "torch", "gradio", "orbax", "grain")
    assert loaded_by("import hueshift_jax.checkpoint, hueshift_jax.sharding", foreign) == []


def test_public_names_are_there():
    import hueshift_jax

    for name in hueshift_jax.__all__:
        assert getattr(hueshift_jax, name)
        assert name in dir(hueshift_jax)
    with pytest.raises(AttributeError, match="colourise"):
        _ = hueshift_jax.colourise
