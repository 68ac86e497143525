"""Every error that this package raises on purpose.

    HueShiftError                          exit_code 1
    +-- ConfigError (ValueError)           exit_code 2: a wrong name, type, value or combination
    +-- UsageError (ValueError)            exit_code 2: a command line that cannot be carried out
    +-- MediaError                         a picture or film
    |   +-- UnreadableMediaError (OSError)         missing, not a film, damaged beyond reading
    |   +-- UnsupportedMediaError (ValueError)     readable, but of a kind we do not handle
    |   +-- UnwritableMediaError (OSError)         the result cannot be written
    +-- JournalError (RuntimeError)        the stored progress of a job: locked, or not ours
    +-- CheckpointError                    weights and training checkpoints
    |   +-- MissingWeightsError (FileNotFoundError)
    |   +-- MismatchedWeightsError (ValueError)
    +-- ConversionError (ValueError)       a foreign weight file without a rule
    +-- DataError (ValueError)             training data
    +-- TrainingError (RuntimeError)       a loss became non-finite
    +-- ShapeError (ValueError)            an array that a network does not accept
    +-- ParityError (ValueError)           a reference or a baseline that cannot be compared with
    +-- EvaluationError (ValueError)       exit_code 2: a result and a truth that do not fit

Each class also derives from the matching builtin, so ordinary `except` clauses work. A message
is one sentence: what was found, what was expected, what to do. Errors of other libraries are
translated in the room that meets them. Programmer mistakes are plain `ValueError` and `TypeError`
and stand outside this tree.
"""


class HueShiftError(Exception):
    """The root; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(HueShiftError, ValueError):
    """A configuration has a wrong name, type, value or combination."""

    exit_code = 2


class UsageError(HueShiftError, ValueError):
    """A command line is well formed but cannot be carried out as asked."""

    exit_code = 2


class MediaError(HueShiftError):
    """A picture or film, or its content."""


class UnreadableMediaError(MediaError, OSError):
    """The input is missing, is no film, or is damaged beyond reading."""


class UnsupportedMediaError(MediaError, ValueError):
    """The input can be read but is of a kind that is not handled."""


class UnwritableMediaError(MediaError, OSError):
    """The result cannot be written: no permission, no folder, no space."""


class JournalError(HueShiftError, RuntimeError):
    """The stored progress of a job is in use by another run, or does not belong to this one."""


class CheckpointError(HueShiftError):
    """Weights or training checkpoints."""


class MissingWeightsError(CheckpointError, FileNotFoundError):
    """A weights file or checkpoint is not there."""


class MismatchedWeightsError(CheckpointError, ValueError):
    """A weights file is damaged or does not fit the network; names the first differences."""


class ConversionError(HueShiftError, ValueError):
    """A foreign weights file cannot be converted."""


class DataError(HueShiftError, ValueError):
    """Training data is missing, empty or unreadable."""


class TrainingError(HueShiftError, RuntimeError):
    """Training cannot go on: which quantity became non-finite, and between which steps."""


class ShapeError(HueShiftError, ValueError):
    """An array of a rank, size or number of channels that a network does not accept."""


class ParityError(HueShiftError, ValueError):
    """A reference file or a baseline cannot be read, built or compared with."""


class EvaluationError(HueShiftError, ValueError):
    """A result and its truth differ in length, size or names, or one of them cannot be read."""

    exit_code = 2
