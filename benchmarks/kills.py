"""Kills a training run at random moments, restarts it, and compares it with an undisturbed one.

    python benchmarks/kills.py --kills 20 hueshift_gan_notebook --data photos --steps 60 \
        --system.widths 12 8 6 4 --system.feature_widths 2 4 4 6 8 --data.sizes 32 ...

Every second kill waits for a checkpoint to be half written. The run must log every step
(`--log_every 1`) and save often (`--save_every_s 0`), which this adds. The last parameters have to
be bit for bit those of the undisturbed run, and every step's loss the same, none missing or twice.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPEED = ("pictures_per_s", "input_share", "memory_mib", "peak_share", "peak_gflops")


def main() -> int:
    """Runs the comparison with `train.py`; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/kills"))
    options, arguments = parser.parse_known_args()
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    command += ["--log_every", "1", "--save_every_s", "0"]
    whole, killed = options.folder / "whole", options.folder / "killed"
    subprocess.run([*command, "--run", str(whole)], check=True, stdout=subprocess.DEVNULL)
    done = kill([*command, "--run", str(killed)], killed, kills=options.kills, seed=options.seed)
    compare(whole, killed)
    inside = sum(done)
    print(f"{len(done)} kills, {inside} of them inside a save: the same run bit for bit")
    return 0


def kill(command: list[str], folder: Path, *, kills: int, seed: int = 0) -> list[bool]:
    """Runs a command, killing it so many times after it has gone on; then lets it finish.

    Returns:
      For each kill, whether a checkpoint was half written.
    """
    rng, done = random.Random(seed), []
    for number in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _wait_for_progress(process, folder)
        time.sleep(rng.uniform(0.0, 0.6))
        while number % 2 and process.poll() is None and not _half_written(folder):
            pass
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        done.append(bool(_half_written(folder)))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return done


def _wait_for_progress(process: subprocess.Popen, folder: Path) -> None:
    before = _lines(folder)
    while process.poll() is None and _lines(folder) == before:
        time.sleep(0.01)


def _lines(folder: Path) -> tuple[int, float]:
    log = folder / "log.jsonl"
    return (log.stat().st_size, log.stat().st_mtime) if log.is_file() else (0, 0.0)


def _half_written(folder: Path) -> list[Path]:
    return list((folder / "checkpoints").glob("*.orbax-checkpoint-tmp*"))


def compare(whole: Path, killed: Path) -> None:
    """Compares the newest checkpoints and the logs of two runs.

    Raises:
      SystemExit: they differ; says where.
    """
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from hueshift_jax.checkpoint import Checkpoints

    first, second = (Checkpoints(folder / "checkpoints") for folder in (whole, killed))
    step = first.steps()[-1]
    if second.steps()[-1] != step:
        raise SystemExit(f"the runs end at steps {step} and {second.steps()[-1]}")
    ours, theirs = first.checksums(step), second.checksums(step)
    different = [name for name in ours if ours[name] != theirs[name]]
    if different:
        raise SystemExit(f"{len(different)} of {len(ours)} arrays differ: {different[:3]}")
    if figures(whole) != figures(killed):
        raise SystemExit("the logs differ")


def figures(folder: Path) -> list[dict]:
    """The lines of a log without what depends on the machine's speed."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in SPEED} for line in lines]


if __name__ == "__main__":
    raise SystemExit(main())
