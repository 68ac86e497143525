"""Runs the comparisons of reference files and tells their results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from hueshift_jax.errors import HueShiftError, ParityError
from hueshift_jax.parity.case import Case, Check
from hueshift_jax.parity.table import reference_of, runners

PENDING = "metric_"
"""Files whose names begin so are of metrics; those without a runner are pending, not failed."""


@dataclass(frozen=True)
class Outcome:
    """What became of one reference file: "passed", "failed", "pending" or "not covered".

    problem: one sentence where there are no checks to read it from.
    """

    name: str
    status: str
    checks: tuple[Check, ...] = ()
    problem: str = ""


def run(folder: Path, wanted: Sequence[str] = ()) -> Iterator[Outcome]:
    """The outcome of every reference file of `folder`, or of those `wanted` by name.

    Raises:
      ParityError: no such folder, no reference files in it, or a wanted one is missing.
    """
    paths = sorted(Path(folder).glob("*.npz"))
    if not paths:
        raise ParityError(f"{folder} holds no reference files (*.npz)")
    if missing := sorted(set(wanted) - {path.stem for path in paths}):
        raise ParityError(f"{folder} holds no {', '.join(missing)}")
    table = runners()
    for path in paths:
        if not wanted or path.stem in wanted:
            yield _outcome(path, table)


def _outcome(path: Path, table: dict) -> Outcome:
    try:
        case = Case(path)
        name = reference_of(path, case.key, list(table))
        if name is None:
            pending = path.stem.startswith(PENDING)
            return Outcome(path.stem, "pending" if pending else "not covered")
        with jax.default_matmul_precision("highest"):
            table[name](case)
    except HueShiftError as exc:
        return Outcome(path.stem, "failed", problem=str(exc))
    if not case.checks:
        return Outcome(path.stem, "failed", problem="nothing was compared")
    passed = all(check.passed for check in case.checks)
    return Outcome(path.stem, "passed" if passed else "failed", tuple(case.checks))
