"""`hueshift train NAME --data DIR`: train a system, or continue where the last run stopped."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from hueshift_jax import config
from hueshift_jax.errors import ConfigError, MissingWeightsError

_NAMES = "held_out.txt"


def _parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="train.py",
        description=__doc__,
        allow_abbrev=False,
        usage="train.py NAME --data DIR [options] [--section.field VALUE ...]",
        epilog="NAME is a configuration's name or a Python file; --print-config shows its fields",
    )
    parser.add_argument(
        "--data", help="folder of pictures, tar files, shards or films; or tfds:NAME"
    )
    parser.add_argument(
        "--held-out", type=Path, help="folder of pictures to evaluate on; else a part of --data"
    )
    parser.add_argument("--run", type=Path, help="folder of the run (runs/NAME)")
    parser.add_argument("--export", type=Path, help="write the newest weights to this file, stop")
    parser.add_argument(
        "--best",
        nargs="?",
        const="",
        metavar="FIGURE",
        help="keep the best checkpoint too, by psnr, ciede2000 or fidelity; with --export: write "
        "the best",
    )
    parser.add_argument("--coordinator", help="host:port of process 0 of several")
    parser.add_argument("--process-id", type=int, help="number of this process, from 0")
    parser.add_argument("--num-processes", type=int, help="how many processes train together")
    parser.add_argument("--list", action="store_true", help="list the configurations")
    parser.add_argument("--print-config", action="store_true", help="print all settings and stop")
    options, rest = parser.parse_known_args(argv)
    options.name, overrides = _taken_name(rest)
    if options.name is None and options.best and options.best.replace("-", "_") in config.names():
        options.name, options.best = options.best, ""
    return options, overrides


def _taken_name(tokens: list[str]) -> tuple[str | None, list[str]]:
    """NAME and the overrides; NAME stands first, or anywhere if it is plainly one."""
    known = config.names()
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else ""
        is_value = before.startswith("--") and "=" not in before
        plain = token.endswith(".py") or token.replace("-", "_") in known
        if not token.startswith("--") and not is_value and (place == 0 or plain):
            return token, tokens[:place] + tokens[place + 1 :]
    return None, tokens


def _configured(base, overrides: list[str]):
    """The config with overrides; `--steps` also sets the schedule's length."""
    settings = config.override(base, overrides)
    optim = dataclasses.replace(settings.system.optim, steps=settings.steps)
    system = dataclasses.replace(settings.system, optim=optim)
    return dataclasses.replace(settings, system=system)


def _judged(settings, figure: str | None):
    """The config with the figure that tells the best checkpoint, and which end of it is best."""
    if not figure:
        return settings
    from hueshift_jax.cli.held_out import HIGHEST_IS_BEST

    if figure not in HIGHEST_IS_BEST:
        raise ConfigError(f"--best is {figure!r}, expected {', '.join(HIGHEST_IS_BEST)}")
    return dataclasses.replace(settings, best=figure, best_is_highest=HIGHEST_IS_BEST[figure])


def main(argv: list[str]) -> int:
    """Runs the command; returns the exit code."""
    options, overrides = _parse(argv)
    if options.list:
        print("\n".join(config.names()))
        return 0
    if not options.name:
        raise ConfigError(
            "no configuration was named; put its name first, `train.py --list` lists them"
        )
    name = Path(options.name).stem
    folder = options.run or Path("runs") / name
    if options.export:
        settings = _judged(_configured(_of_run(folder), overrides), options.best)
        best = options.best is not None
        _export(settings, name, folder=folder, output=options.export, best=best)
        return 0
    settings = _judged(_configured(config.load(options.name), overrides), options.best)
    if options.print_config:
        print(config.to_json(settings))
        return 0
    if options.data is None:
        raise ConfigError("no data was given; add --data FOLDER with pictures or tar files")
    from hueshift_jax import sharding

    sharding.connect(options.coordinator, options.process_id, options.num_processes)
    _train(settings, options.data, folder, options.held_out)
    _leave_compilation()
    return 0


def _leave_compilation() -> None:
    """Ends the process if SIGTERM came while XLA compiled, which cannot be ended otherwise."""
    from hueshift_jax.training import program

    if program.is_compiling():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _of_run(folder: Path):
    """The configuration that a run was started with."""
    path = folder / "config.json"
    if not path.is_file():
        raise MissingWeightsError(f"{folder} holds no run; train first, or name its --run")
    return config.from_json(path.read_text(encoding="utf-8"))


def _export(settings, name: str, *, folder: Path, output: Path, best: bool) -> None:
    """Finished weights of a run; overrides such as `--system.strength` go into the file."""
    import jax

    from hueshift_jax import checkpoint
    from hueshift_jax.systems.catalog import save_system

    system = settings.system.build()
    template = jax.eval_shape(system.init, jax.random.key(0))
    kept = folder / "checkpoints"
    figure, highest = settings.best, settings.best_is_highest
    restored = None
    if kept.is_dir():
        states = checkpoint.Checkpoints(kept, best=figure, highest=highest)
        step = states.best_step() if best else None
        if best and step is None:
            raise MissingWeightsError(
                f"{folder} holds no checkpoint with the figure {figure!r} that is to tell the best"
            )
        restored = states.restore(template, step)
    if restored is None:
        raise MissingWeightsError(f"{folder} holds no checkpoint; train first, or name its --run")
    weights = system.weights(restored.state)
    save_system(output, name, settings.system, weights, step=str(restored.step))
    print(f"wrote the weights of step {restored.step} to {output}")


def _train(settings, data: str, folder: Path, held_out: Path | None) -> None:
    import jax

    from hueshift_jax import sharding
    from hueshift_jax.training import loop

    divided = _divided(settings, data, folder, held_out)
    pictures, kept = divided.training, divided.held_out
    if settings.best and kept is None:
        raise ConfigError(f"best is {settings.best!r}, but {_not_held_out(settings)}")
    mesh = settings.mesh.build(settings.data.batch_size)
    first = sharding.is_first()
    if first:
        _write_down(settings, folder, divided.names)
        _announce(settings, pictures, mesh, folder)
    system = settings.system.build()
    evaluator, notes, hooks = _judge(system, settings)(system, divided, folder, held_out)
    if first and kept is None:
        print(f"{_not_held_out(settings)}; nothing is evaluated")
    peak = _peak_gflops() if first else 0.0
    loop.run(
        settings,
        system,
        lambda start: _reading(settings)(
            pictures,
            settings.data,
            steps=settings.steps,
            start=start,
            host=jax.process_index(),
            hosts=jax.process_count(),
        ),
        folder=folder,
        mesh=mesh,
        hooks=hooks,
        evaluators=() if kept is None else (evaluator or _elsewhere,),
        notes=notes | ({"peak_gflops": peak} if peak else {}),
        peak_gflops=peak,
    )


def _reads_masks(settings) -> bool:
    """Whether the data are pictures with masks."""
    from hueshift_jax.data.saliency import MaskedDataConfig

    return isinstance(settings.data, MaskedDataConfig)


def _reading(settings):
    """What makes batches of pictures, or of pictures with masks."""
    from hueshift_jax.data import batches, saliency

    return saliency.masked_batches if _reads_masks(settings) else batches.batches


def _judge(system, settings):
    """What makes the evaluator of a system, its notes, and what shows samples."""
    from hueshift_jax.contracts import FlowSystem, SaliencySystem

    if _reads_masks(settings) != isinstance(system, SaliencySystem):
        names = (type(settings.system).__name__, type(settings.data).__name__)
        raise ConfigError(f"a {names[0]} cannot learn from the batches of a {names[1]}")
    if isinstance(system, FlowSystem):
        return _flow_judged
    return _saliency_judged if isinstance(system, SaliencySystem) else _color_judged


def _color_judged(system, divided, folder: Path, held_out: Path | None):
    """The evaluator of a system that colors, its notes, and what shows samples."""
    from hueshift_jax import sharding
    from hueshift_jax.cli.held_out import HeldOut
    from hueshift_jax.data import samples

    pictures, kept = divided.training, divided.held_out
    sheet = samples.Sheet(pictures if kept is None else kept, folder / "samples")
    hooks = (lambda step, state: sheet.write(step, system.colorizer(state)),)
    if kept is None or not sharding.is_first():
        return None, {}, hooks
    evaluator = HeldOut(kept, pictures, system.colorizer)
    return evaluator, _references(evaluator, len(kept), held_out or folder / _NAMES), hooks


def _flow_judged(system, divided, folder: Path, held_out: Path | None):
    """As `_color_judged`, of a system that sees motion, which has no samples."""
    from hueshift_jax import sharding
    from hueshift_jax.cli.held_out_flow import HeldOutFlow

    kept = divided.held_out
    if kept is None or not sharding.is_first():
        return None, {}, ()
    print(f"{len(kept)} pictures are held out and set in motion ({held_out or folder / _NAMES})")
    return HeldOutFlow(kept, system.estimator), {}, ()


def _saliency_judged(system, divided, folder: Path, held_out: Path | None):
    """As `_color_judged`, of a system that finds what catches the eye."""
    from hueshift_jax import sharding
    from hueshift_jax.cli import held_out_saliency as judging

    kept = divided.held_out
    shown = divided.training if kept is None else kept

    def write(step: int, state) -> Path:
        path = folder / "samples" / f"{step:06d}.png"
        return judging.write_sheet(path, shown, system.detector(state))

    if kept is None or not sharding.is_first():
        return None, {}, (write,)
    evaluator = judging.HeldOutSaliency(kept, system.detector)
    found = evaluator.references()
    print(f"{len(kept)} pictures are held out ({held_out or folder / _NAMES}); without training:")
    print("\n".join(judging.table(found)))
    return evaluator, {f"{row}/mae": figures.mae for row, figures in found.items()}, (write,)


def _elsewhere(state) -> Iterator[tuple[str, float]]:
    """Stands for the evaluator in all processes but the first, which alone evaluates."""
    del state
    return iter(())


def _divided(settings, data: str, folder: Path, held_out: Path | None):
    """The pictures; a run that goes on holds out what it has held out before."""
    from hueshift_jax.data import held_out as plain
    from hueshift_jax.data import saliency

    divide = saliency.divide if _reads_masks(settings) else plain.divide
    listed = folder / _NAMES
    names = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ()
    return divide(data, settings.data, folder=held_out, names=names)


def _not_held_out(settings) -> str:
    if settings.data.held_out == 0:
        return "no picture is held out (data.held_out is 0)"
    return "there are too few pictures to hold a tenth of them out; --held-out takes a folder"


def _write_down(settings, folder: Path, names: tuple[str, ...]) -> None:
    """The configuration of the run, and which part of the data it does not see."""
    from hueshift_jax import checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.to_json(settings), encoding="utf-8")
    if names:
        checkpoint.write_whole(folder / _NAMES, "".join(f"{n}\n" for n in names).encode())


def _announce(settings, pictures, mesh, folder: Path) -> None:
    import jax

    from hueshift_jax.data import batches

    print(f"settings, also in {folder / 'config.json'}:")
    print("\n".join(f"  {line}" for line in config.outline(settings)))
    seen = batches.picture_counts(pictures, settings.data, settings.steps)
    print(f"{len(pictures)} pictures, {seen['crops']} crops, {seen['passes']:.2f} passes")
    if pictures.skipped.names:
        print(f"left out, as they cannot be read: {', '.join(pictures.skipped.names)}")
    if mesh.size > 1 or settings.mesh.data == -1 < mesh.size < len(jax.devices()):
        parts = f"{mesh.shape['data']} x {mesh.shape['fsdp']}"
        print(f"{parts} devices (data x fsdp) of {len(jax.devices())}")


def _references(evaluator, count: int, where: Path) -> dict[str, float]:
    """Figures that need no colorizer, told before anything is trained."""
    from hueshift_jax.cli import held_out

    found = evaluator.references()
    print(f"{count} pictures are held out and evaluated ({where}); without a colorizer:")
    print("\n".join(held_out.table(found)))
    return held_out.notes(found)


def _peak_gflops() -> float:
    """10^9 operations a second of a device in a large matrix product: the best of a few."""
    from hueshift_jax.parity import speed

    product, gflop = speed.matrix_product()
    return round(gflop / float(speed.interleaved(product, rounds=5).min()), 1)
