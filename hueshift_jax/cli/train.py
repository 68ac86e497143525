"""`hueshift train NAME --data DIR`: train a system, or continue where the last run stopped."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from hueshift_jax import config
from hueshift_jax.errors import ConfigError, MissingWeightsError


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
    parser.add_argument("--run", type=Path, help="folder of the run (runs/NAME)")
    parser.add_argument("--export", type=Path, help="write the newest weights to this file, stop")
    parser.add_argument("--best", action="store_true", help="export the best, not the newest")
    parser.add_argument("--coordinator", help="host:port of process 0 of several")
    parser.add_argument("--process-id", type=int, help="number of this process, from 0")
    parser.add_argument("--num-processes", type=int, help="how many processes train together")
    parser.add_argument("--list", action="store_true", help="list the configurations")
    parser.add_argument("--print-config", action="store_true", help="print all settings and stop")
    options, rest = parser.parse_known_args(argv)
    options.name, overrides = _taken_name(rest)
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
        settings = _configured(_of_run(folder), overrides)
        _export(settings, name, folder=folder, output=options.export, best=options.best)
        return 0
    settings = _configured(config.load(options.name), overrides)
    if options.print_config:
        print(config.to_json(settings))
        return 0
    if options.data is None:
        raise ConfigError("no data was given; add --data FOLDER with pictures or tar files")
    from hueshift_jax import sharding

    sharding.connect(options.coordinator, options.process_id, options.num_processes)
    _train(settings, options.data, folder)
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


def _train(settings, data: str, folder: Path) -> None:
    import jax

    from hueshift_jax import sharding
    from hueshift_jax.data import batches, samples
    from hueshift_jax.data.pictures import open_pictures
    from hueshift_jax.training import loop

    pictures = open_pictures(
        data,
        short_side=settings.data.short_side,
        limit=settings.data.limit,
        memory_gb=settings.data.memory_gb,
    )
    mesh = settings.mesh.build(settings.data.batch_size)
    seen = batches.picture_counts(pictures, settings.data, settings.steps)
    if sharding.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(config.to_json(settings), encoding="utf-8")
        print(f"{len(pictures)} pictures, {seen['crops']} crops, {seen['passes']:.2f} passes")
        if mesh.size > 1 or settings.mesh.data == -1 < mesh.size < len(jax.devices()):
            parts = f"{mesh.shape['data']} x {mesh.shape['fsdp']}"
            print(f"{parts} devices (data x fsdp) of {len(jax.devices())}")
    system = settings.system.build()
    sheet = samples.Sheet(pictures, folder / "samples")
    loop.run(
        settings,
        system,
        lambda start: batches.batches(
            pictures,
            settings.data,
            steps=settings.steps,
            start=start,
            host=jax.process_index(),
            hosts=jax.process_count(),
        ),
        folder=folder,
        mesh=mesh,
        hooks=(lambda step, state: sheet.write(step, system.colorizer(state)),),
    )
