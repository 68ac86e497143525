"""One training run, from the newest checkpoint to the last step."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from hueshift_jax import checkpoint, config, sharding
from hueshift_jax.contracts import Batch, Evaluator, State, System
from hueshift_jax.errors import CheckpointError, ConfigError, TrainingError
from hueshift_jax.training.board import TensorBoard
from hueshift_jax.training.config import TrainConfig, changes
from hueshift_jax.training.log import Log
from hueshift_jax.training.program import Program, not_finite
from hueshift_jax.training.screen import screen
from hueshift_jax.training.stop import Stop

Hook = Callable[[int, State], Path | None]
"""Shows a state of a step; may return a PNG file that it has written."""


def run(
    settings: TrainConfig,
    system: System,
    batches: Callable[[int], Iterator[Batch]],
    *,
    folder: Path,
    mesh: Mesh | None = None,
    hooks: tuple[Hook, ...] = (),
    evaluators: tuple[Evaluator, ...] = (),
    notes: Mapping[str, float] | None = None,
    peak_gflops: float = 0.0,
) -> State | None:
    """Trains and returns the last state, which is saved.

    It ends at `settings.steps`, with the patience that the settings have, or at SIGTERM.

    (None, if SIGTERM came before there was any.)

    Args:
      settings: the experiment, saved with every checkpoint.
      system: what is trained.
      batches: gives the batches from a step on, or this process's part of each of them; called
        once, with the number of steps that are done.
      folder: of the run; checkpoints go to `folder/checkpoints`, figures to `folder/log.jsonl`.
      mesh: the devices; by default one.
      hooks: called every `sample_every` steps and after the last with (step, state).
      evaluators: called with the state before the first step, every `evaluate_every` steps and
        after the last; their figures go to the log and tell the best checkpoint.
      notes: figures that belong to the whole run, logged before the first step.
      peak_gflops: what a device computes at best, in 10^9 operations a second; the log says which
        part of it is reached.

    Raises:
      ConfigError: `settings.best` names a figure, and there is no evaluator that gives it; or there
        is patience without such a figure.
      TrainingError: a logged figure or a state to be saved is not finite; the last good checkpoint
        stays.
      CheckpointError: the last state cannot be saved.
    """
    if settings.best and not evaluators:
        raise ConfigError(f"best is {settings.best!r}, but nothing evaluates this run")
    if settings.patience and not settings.best:
        raise ConfigError(f"patience is {settings.patience}, but no figure tells the best state")
    with Stop() as stop:
        training = _Run(settings, system, folder, mesh or sharding.make_mesh(1, 1), stop)
        try:
            training.open_log(folder, peak_gflops)
            training.begin(notes or {}, evaluators)
            training.go(batches, hooks=hooks, evaluators=evaluators)
        finally:
            training.close()
    return training.state


class _Run:
    """The state of a run between two steps."""

    def __init__(self, settings: TrainConfig, system: System, folder: Path, mesh: Mesh, stop: Stop):
        self.settings, self._mesh, self._stop = settings, mesh, stop
        self._text = config.to_json(settings)
        self._keeper = checkpoint.Checkpoints(
            folder / "checkpoints",
            settings.keep,
            best=settings.best,
            highest=settings.best_is_highest,
        )
        self._program = Program(system, mesh, jax.random.key(settings.seed))
        restored = self._keeper.restore(self._program.template)
        self.step = restored.step if restored else 0
        self.state = restored.state if restored else self._program.init(stop.noted)
        self._before = restored.config if restored else self._text
        self._began = self._checked = self.step
        self._saved_at = time.monotonic()
        self._board = self._screen = None

    def open_log(self, folder: Path, peak_gflops: float) -> None:
        """Opens all that tells of the run; once, before anything else."""
        first, steps = sharding.is_first(), self.settings.steps
        if first and self.settings.tensorboard and self.step < steps:
            self._board = TensorBoard(folder, after=self.step)
        self._screen = screen(steps, self.step) if first else None
        self._log = Log(
            folder,
            every=self.settings.log_every,
            after=self.step,
            screen=self._screen,
            board=self._board,
            peak_gflops=peak_gflops,
        )

    def begin(self, notes: Mapping[str, float], evaluators: tuple[Evaluator, ...]) -> None:
        """What is told before the first step, or before the first of those that are left."""
        if 0 < self.step < self.settings.steps:
            other = changes(self._before, self._text)
            note = f", with other settings: {', '.join(other)}" if other else ""
            self._log.say(f"continues after step {self.step}{note}")
        if self.step > 0 or self.state is None:
            return
        if notes:
            self._log.write(0, notes, shown=False)
        if evaluators:
            self._evaluated(evaluators)

    def go(
        self,
        batches: Callable[[int], Iterator[Batch]],
        *,
        hooks: tuple[Hook, ...],
        evaluators: tuple[Evaluator, ...],
    ) -> None:
        """All steps that are left."""
        last = self.settings.steps
        if self.state is None:
            return self._log.say("stopped before the first step")
        if self._exhausted():
            return self._log.say(self._ended())
        for batch in self._timed(batches(self.step)):
            placed = self._program.place(batch)
            with self._log.aside():
                prepared = self._program.prepare(
                    self.state, placed, self._stop.noted, number=self.step + 1
                )
            if not prepared:
                break
            gflop = self._program.gflop(placed, number=self.step + 1)
            self.state, logs = self._program.step(self.state, placed, self.step + 1)
            self.step += 1
            stopping = self.step < last and self._stop.agreed(self.step)
            ending = self.step == last or stopping
            means = self._log.step(self.step, logs, len(placed.luma), gflop=gflop, last=ending)
            self._check(means or {})
            if stopping:
                break
            evaluated = bool(evaluators) and self._due(self.settings.evaluate_every)
            figures = self._evaluated(evaluators) if evaluated else {}
            if evaluated or self.step == last or (means and self._is_time()):
                with self._aside():
                    self._save(figures)
            self._show(hooks)
            if self._exhausted():
                break
        if self.step < last:
            self._check(self._log.flush(self.step))
            if self.step > self._began:
                self._save({}, final=True)
            if self._exhausted():
                return self._log.say(self._ended())
            self._log.say(f"stopped after step {self.step}; the same command continues")

    def _exhausted(self) -> bool:
        """Whether `patience` evaluations have passed without a better one."""
        settings = self.settings
        if not settings.patience or self.step % settings.evaluate_every:
            return False
        best = self._keeper.best_step()
        return best is not None and self.step - best >= settings.patience * settings.evaluate_every

    def _ended(self) -> str:
        figure, best = self.settings.best, self._keeper.best_step()
        return f"ended after step {self.step}: no better {figure} than at step {best}"

    def _timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches; how long each was waited for goes to the log."""
        for _ in range(self.step, self.settings.steps):
            began = time.monotonic()
            batch = next(batches, None)
            if batch is None:
                return
            self._log.waited(time.monotonic() - began)
            yield batch

    def _due(self, every: int) -> bool:
        return self.step == self.settings.steps or self.step % every == 0

    def _check(self, means: dict[str, Any]) -> None:
        bad = [name for name, value in means.items() if not np.isfinite(value)]
        self._refuse(bad)
        if means:
            self._checked = self.step

    def _refuse(self, bad: list[str]) -> None:
        if bad:
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            raise TrainingError(
                f"{', '.join(bad[:3])}{more} became non-finite between steps {self._checked} and "
                f"{self.step}; the last checkpoint is good: lower the learning rate and run the "
                "command again"
            )

    def _evaluated(self, evaluators: tuple[Evaluator, ...]) -> dict[str, float]:
        with self._aside():
            state = self._local()
            if not sharding.is_first():
                return {}
            figures = {name: float(value) for each in evaluators for name, value in each(state)}
        self._log.write(self.step, figures)
        best = self.settings.best
        if best and best not in figures:
            raise ConfigError(f"best is {best!r}, but what is evaluated is {', '.join(figures)}")
        return figures

    def _show(self, hooks: tuple[Hook, ...]) -> None:
        if not hooks or not self._due(self.settings.sample_every):
            return
        with self._aside():
            state = self._local()
            if not sharding.is_first():
                return
            for hook in hooks:
                picture = hook(self.step, state)
                if picture is not None and self._board is not None:
                    self._board.picture(self.step, picture.parent.name, picture)

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        """What happens inside does not count for the speed; steps under way do."""
        jax.block_until_ready(self.state)
        with self._log.aside():
            yield

    def _local(self) -> State:
        """The state as hooks may use it; of several processes every one has to ask."""
        if jax.process_count() == 1:
            return self.state
        return sharding.to_local(self.state, self._mesh)

    def _is_time(self) -> bool:
        """Whether the next checkpoint is due: by one clock, where there are several."""
        due = time.monotonic() - self._saved_at > self.settings.save_every_s
        if jax.process_count() > 1:
            due = bool(multihost_utils.broadcast_one_to_all(np.asarray(due)))
        return due

    def _save(self, figures: dict[str, float], *, final: bool = False) -> None:
        """Saves in the background, the last state at once."""
        final = final or self.step == self.settings.steps
        wait = final or (bool(figures) and self.settings.patience > 0)
        self._refuse(not_finite(self.state))
        position = {"batches": self.step, "seed": self.settings.seed}
        try:
            self._settle()
            self._keeper.save(
                self.step, self.state, self._text, position, figures=figures, wait=wait
            )
        except CheckpointError as exc:
            if final:
                raise
            self._tell(exc)
        self._saved_at = time.monotonic()

    def _settle(self) -> None:
        """Waits for the save before; that it failed is no reason not to try again."""
        try:
            self._keeper.wait()
        except CheckpointError as exc:
            self._tell(exc)

    def _tell(self, exc: CheckpointError) -> None:
        wait = self.settings.save_every_s
        print(f"{exc}; training goes on and tries again in {wait:.0f} s", file=sys.stderr)

    def close(self) -> None:
        """Ends what runs in the background."""
        try:
            self._settle()
            self._keeper.close()
        finally:
            for shown in (self._screen, self._board):
                if shown is not None:
                    shown.close()
