"""Twenty real deaths at random moments, and the same film in the end."""

import random
import subprocess
import sys

import pytest

from tests.architecture import source
from tests.pipeline.doubles import color, lumas, make_film
from tests.pipeline.test_journal import packets

KILLS = 20
RUN = """
import sys, time
from pathlib import Path
from tests.pipeline.doubles import FakeColorizer, color

class Slow(FakeColorizer):
    def __call__(self, *args):
        time.sleep(0.004)
        return super().__call__(*args)

print("begun", flush=True)
print(color(Path(sys.argv[1]), Path(sys.argv[2]), Slow()).frames)
"""


@pytest.mark.slow
def test_kills(tmp_path):
    film, output = tmp_path / "film.mp4", tmp_path / "out.mp4"
    cuts = (90, 100, 400, 520, 1000)
    make_film(film, lumas(1300, 48, 64, cuts=cuts))
    color(film, tmp_path / "whole.mp4")
    draw = random.Random(0)
    kept: set[str] = set()
    for _ in range(KILLS):
        run = begin(film, output)
        try:
            run.wait(draw.uniform(0.05, 1.5))
        except subprocess.TimeoutExpired:
            run.kill()
        run.communicate()
        assert not output.exists() or packets(output) == packets(tmp_path / "whole.mp4")
        now = {path.name for path in tmp_path.glob("out.mp4.hueshift/*.ok")}
        assert kept <= now or output.exists()
        kept = now
    last = begin(film, output)
    assert last.communicate()[0].split()[-1] == "1300"
    assert last.returncode == 0
    assert packets(output) == packets(tmp_path / "whole.mp4")


def begin(film, output):
    """A run in a process of its own, after its imports."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(film), str(output)],
        cwd=source.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    run.stdout.readline()
    return run
