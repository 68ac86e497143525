"""Real deaths at random moments, and the same film in the end."""

import json
import random
import subprocess
import sys

import pytest

from tests.architecture import source
from tests.pipeline.doubles import color, lumas, make_film
from tests.pipeline.test_journal import packets
from tests.pipeline.test_progress import COUNT, SHOT, changed, files, names_of, run

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
CHANGE = """
import json, sys, time
from pathlib import Path
from hueshift_jax.pipeline import recorder
from tests.pipeline.test_progress import run

write = recorder.SegmentWriter.write

def slowly(self, planes):
    time.sleep(0.02)
    write(self, planes)

recorder.SegmentWriter.write = slowly
tints = {int(n): tint for n, tint in json.loads(sys.argv[3]).items()}
print("begun", flush=True)
print(run(Path(sys.argv[1]), Path(sys.argv[2]), tints).frames)
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
        kill(begin(RUN, film, output), draw.uniform(0.05, 1.5))
        assert not output.exists() or packets(output) == packets(tmp_path / "whole.mp4")
        now = {path.name for path in tmp_path.glob("out.mp4.hueshift/*.ok")}
        assert kept <= now or output.exists()
        kept = now
    last = begin(RUN, film, output)
    assert last.communicate()[0].split()[-1] == "1300"
    assert last.returncode == 0
    assert packets(output) == packets(tmp_path / "whole.mp4")


@pytest.mark.slow
def test_kills_while_one_shot_after_another_is_changed(tmp_path):
    """Each change is killed three times, and goes on with the next change or to its end."""
    film, output = tmp_path / "film.mp4", tmp_path / "out.mp4"
    make_film(film, lumas(COUNT, 48, 64, cuts=range(SHOT, COUNT, SHOT)))
    draw = random.Random(1)
    tints = {2: 4}
    for change in range(6):
        for _ in range(3):
            kill(begin(CHANGE, film, output, json.dumps(tints)), draw.uniform(0.02, 0.4))
        if change % 2:
            complete(film, output, tints)
        tints[draw.randrange(COUNT)] = draw.randrange(-20, 20)
    complete(film, output, tints)
    before = files(tmp_path)
    tints[31] = 15
    for _ in range(3):
        kill(begin(CHANGE, film, output, json.dumps(tints)), draw.uniform(0.02, 0.2))
    complete(film, output, tints)
    assert changed(before, files(tmp_path)) == names_of(31 // SHOT)


def complete(film, output, tints):
    """Lets a change go through, and compares the result with a run from nothing."""
    last = begin(CHANGE, film, output, json.dumps(tints))
    assert last.communicate()[0].strip() == str(COUNT)
    assert last.returncode == 0
    undisturbed = output.with_name("undisturbed.mp4")
    run(film, undisturbed, tints, overwrite=True, resume=False)
    assert packets(output) == packets(undisturbed)


def kill(process, after_s):
    """Ends a run, if it has not ended by then."""
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()


def begin(program, *arguments):
    """A run in a process of its own, after its imports."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=source.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    return process
