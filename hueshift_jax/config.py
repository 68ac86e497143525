"""Configurations: found by name, changed from the command line, kept as JSON.

A configuration is a tree of frozen dataclasses whose leaves are numbers, strings, booleans,
`None`, enums, paths, and tuples or dictionaries of these. Nothing here knows what a tree means.
"""

import contextlib
import dataclasses
import difflib
import enum
import importlib
import importlib.util
import io
import json
import pkgutil
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import tyro

from hueshift_jax.errors import ConfigError

_CONFIGS = "hueshift_jax.configs"
_MODULE_OF_OURS = re.compile(r"hueshift_jax(\.[a-z_][a-z0-9_]*)*")
_TYRO_MARKERS = (tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands)


# -- Finding ---------------------------------------------------------------------------------


def names() -> list[str]:
    """The configurations that come with the package, sorted."""
    found = pkgutil.iter_modules(_configs_package().__path__)
    return sorted(module.name for module in found if not module.name.startswith("_"))


def load(name_or_path: str | Path) -> Any:
    """What `config()` of a bundled configuration or of a Python file returns.

    Args:
      name_or_path: A name out of `names()`, or the path of a file, told by its `.py` or by a
        folder before it.

    Raises:
      ConfigError: There is no such configuration, or it cannot be run.
    """
    text = str(name_or_path)
    if text.endswith(".py") or "/" in text or "\\" in text:
        module = _run_file(Path(text).expanduser())
    else:
        module = _named(text.replace("-", "_"))
    return _call(module, text)


def _call(module: ModuleType, label: str) -> Any:
    if not callable(getattr(module, "config", None)):
        raise ConfigError(f"{label} does not define config(), which every configuration must")
    made = module.config()
    if not _is_config(made):
        raise ConfigError(
            f"config() of {label} returned {type(made).__name__}, expected a frozen dataclass"
        )
    return made


def _configs_package() -> ModuleType:
    """`hueshift_jax.configs`, which in a bare checkout is the folder beside the package."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module(_CONFIGS)
    folder = Path(__file__).resolve().parent.parent / "configs"
    if not folder.is_dir():
        raise ConfigError(f"the bundled configurations are not at {folder}; install the package")
    spec = importlib.util.spec_from_loader(_CONFIGS, loader=None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    package = importlib.util.module_from_spec(spec)
    sys.modules[_CONFIGS] = package
    return package


def _named(name: str) -> ModuleType:
    known = names()
    if name not in known:
        raise ConfigError(f"there is no configuration {name!r}{_nearest(name, known)}")
    return importlib.import_module(f"{_CONFIGS}.{name}")


def _run_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"there is no configuration file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None:
        raise ConfigError(f"{path} is not a Python file, which a configuration must be")
    _configs_package()
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as exc:
        raise ConfigError(f"{path} cannot be run: {type(exc).__name__}: {exc}") from exc
    return module


# -- Overrides -------------------------------------------------------------------------------


def override(config: Any, argv: Sequence[str]) -> Any:
    """`config` with `--section.field VALUE ...` applied; later ones win.

    Every option takes its value: `--flip False`, `--name None`, `--sizes 3 4 5`. Hyphens and
    underscores are the same, and `--name=value` is accepted.

    Raises:
      ConfigError: A name that the tree does not have, a value of another type, or a combination
        that the tree itself refuses.
    """
    return _rebuilt(config, "", _grouped(argv, _leaves(config)))


def describe(config: Any, program: str) -> str:
    """The options of `config`, with types, defaults and documentation, as text for `--help`."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(
            type(config),
            prog=program,
            args=["--help"],
            default=config,
            config=_TYRO_MARKERS,
            use_underscores=True,
        )
    return text.getvalue()


def _is_config(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _children(node: Any, prefix: str) -> Iterator[tuple[dataclasses.Field, str, Any]]:
    for field in dataclasses.fields(node):
        if field.init:
            yield field, f"{prefix}{field.name}", getattr(node, field.name)


def _is_section(value: Any) -> bool:
    """Whether `value` is a tuple of sections, addressed by index: `--sources.0.folder`."""
    return isinstance(value, tuple) and bool(value) and all(_is_config(item) for item in value)


def _leaves(node: Any, prefix: str = "") -> list[str]:
    found = []
    for _, name, value in _children(node, prefix):
        if _is_config(value):
            found += _leaves(value, f"{name}.")
        elif _is_section(value):
            for index, item in enumerate(value):
                found += _leaves(item, f"{name}.{index}.")
        else:
            found.append(name)
    return found


def _grouped(argv: Sequence[str], known: Sequence[str]) -> dict[str, list[str]]:
    """Values by option name."""
    groups: dict[str, list[str]] = {}
    name = None
    for token in argv:
        if token.startswith("--"):
            option, equals, value = token[2:].partition("=")
            name = option.replace("-", "_")
            if name not in known:
                raise ConfigError(f"there is no option --{option}{_nearest(name, known, '--')}")
            groups[name] = [value] if equals else []
        elif name is None:
            raise ConfigError(f"found {token!r}, expected an option such as --{known[0]} VALUE")
        else:
            groups[name].append(token)
    return groups


def _rebuilt(node: Any, prefix: str, groups: dict[str, list[str]]) -> Any:
    changes = {}
    for field, name, value in _children(node, prefix):
        if _is_config(value):
            changes[field.name] = _rebuilt(value, f"{name}.", groups)
        elif _is_section(value):
            changes[field.name] = tuple(
                _rebuilt(item, f"{name}.{index}.", groups) for index, item in enumerate(value)
            )
        elif name in groups:
            hint = typing.get_type_hints(type(node))[field.name]
            changes[field.name] = _parsed(name, hint, groups[name])
    return dataclasses.replace(node, **changes)


def _parsed(name: str, hint: Any, values: list[str]) -> Any:
    errors = io.StringIO()
    try:
        with contextlib.redirect_stdout(errors), contextlib.redirect_stderr(errors):
            return tyro.cli(hint, args=values, config=_TYRO_MARKERS)
    except SystemExit as exc:
        found = repr(" ".join(values)) if values else "nothing"
        raise ConfigError(f"--{name} takes {_type_in_words(hint)}, found {found}") from exc


def _type_in_words(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "one of " + ", ".join(hint.__members__)
    if hint is bool:
        return "True or False"
    return hint.__name__ if type(hint) is type else str(hint)


def _nearest(name: str, known: Sequence[str], mark: str = "") -> str:
    """The end of a message: the closest known name, or all of them where none is close."""
    closeness = {full: _closeness(name, full) for full in known}
    best = max(known, key=closeness.get, default=None)
    if best is None:
        return ""
    if closeness[best][0] < 0.6:
        return f"; there are {', '.join(mark + full for full in known)}"
    return f"; the nearest is {mark}{best}"


def _closeness(name: str, full: str) -> tuple[float, int]:
    """Likeness 0..1 of what was typed to a dotted name or to its last part; then fewer dots."""
    ends = (full, full.rpartition(".")[2])
    likeness = max(difflib.SequenceMatcher(None, name, end).ratio() for end in ends)
    return likeness, -full.count(".")


def outline(config: Any, name: str = "") -> list[str]:
    """One line for every section of `config`: its name, and its own fields with their values."""
    own, below = [], []
    for field, _, value in _children(config, ""):
        if _is_config(value):
            below += outline(value, f"{name}.{field.name}" if name else field.name)
        else:
            own.append(f"{field.name} {_in_words(value)}")
    return [f"{name + ': ' if name else ''}{', '.join(own)}", *below] if own else below


def _in_words(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_in_words, value)) or "()"
    if isinstance(value, enum.Enum):
        return value.name
    return f"{value:g}" if isinstance(value, float) else str(value) or "''"


# -- JSON ------------------------------------------------------------------------------------


def to_json(config: Any) -> str:
    """`config` as indented JSON with the class of every dataclass, for `from_json`.

    Raises:
      ConfigError: It holds something that could not be restored.
    """
    return json.dumps(_encoded(config, type(config).__name__), indent=2)


def from_json(text: str) -> Any:
    """The configuration that `to_json` wrote.

    Only dataclasses and enums of this package are made; fields that the text lacks take their
    defaults.

    Raises:
      ConfigError: Not JSON, a class that is not ours, or a field that the class does not have.
    """
    try:
        tree = json.loads(text)
    except ValueError as exc:
        raise ConfigError(f"a stored configuration is not JSON: {exc}") from exc
    return _decoded(tree)


def _encoded(value: Any, where: str) -> Any:
    if _is_config(value):
        return {"class": _name_of_ours(type(value), where)} | {
            field.name: _encoded(child, name)
            for field, name, child in _children(value, f"{where}.")
        }
    if isinstance(value, enum.Enum):
        return {"enum": _name_of_ours(type(value), where), "name": value.name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, tuple | list):
        return [_encoded(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {k: _encoded(item, f"{where}[{k!r}]") for k, item in value.items()}}
    raise ConfigError(f"{where} holds {type(value).__name__}, which JSON cannot keep")


def _name_of_ours(kind: type, where: str) -> str:
    if not _MODULE_OF_OURS.fullmatch(kind.__module__):
        raise ConfigError(
            f"{where} is a {kind.__module__}.{kind.__qualname__}, "
            "but only classes of this package can be restored"
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def _decoded(tree: Any) -> Any:
    if isinstance(tree, list):
        return tuple(map(_decoded, tree))
    if not isinstance(tree, dict):
        return tree
    if "class" in tree:
        return _made(_class_of_ours(tree["class"]), tree)
    if "enum" in tree:
        return _member(_class_of_ours(tree["enum"]), tree.get("name"))
    if "path" in tree:
        return Path(tree["path"])
    if "dict" in tree:
        return {key: _decoded(value) for key, value in tree["dict"].items()}
    raise ConfigError(f"a stored configuration has an entry without a class: {sorted(tree)}")


def _made(kind: type, tree: dict[str, Any]) -> Any:
    if not dataclasses.is_dataclass(kind):
        raise ConfigError(f"{kind.__name__} in a stored configuration is no dataclass")
    known = [field.name for field in dataclasses.fields(kind) if field.init]
    for name in tree.keys() - {"class", *known}:
        raise ConfigError(f"{kind.__name__} has no field {name!r}{_nearest(name, known)}")
    for field in dataclasses.fields(kind):
        if field.name not in tree and _is_required(field):
            raise ConfigError(
                f"a stored configuration lacks the field {field.name} of {kind.__name__}"
            )
    return kind(**{name: _decoded(tree[name]) for name in known if name in tree})


def _is_required(field: dataclasses.Field) -> bool:
    missing = dataclasses.MISSING
    return field.init and field.default is missing and field.default_factory is missing


def _member(kind: type, name: str | None) -> enum.Enum:
    if not issubclass(kind, enum.Enum) or name not in kind.__members__:
        raise ConfigError(f"{kind.__name__} in a stored configuration has no member {name!r}")
    return kind[name]


def _class_of_ours(name: str) -> type:
    """The class called `module:Class`, which must be defined in a module of this package."""
    module_name, _, class_name = str(name).partition(":")
    if _MODULE_OF_OURS.fullmatch(module_name):
        if module_name.startswith(_CONFIGS):
            _configs_package()
        with contextlib.suppress(ImportError):
            found = getattr(importlib.import_module(module_name), class_name, None)
            if isinstance(found, type) and found.__module__ == module_name:
                return found
    raise ConfigError(f"a stored configuration names {name}, which this version does not have")
