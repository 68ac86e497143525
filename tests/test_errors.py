"""The exception tree, and that every raise of the package is met by a test."""

import ast
import inspect

import pytest

from hueshift_jax import errors
from tests.architecture import source

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", CLASSES)
def test_belongs_to_the_tree(kind):
    assert issubclass(kind, errors.HueShiftError)
    assert kind.exit_code in (1, 2)
    assert kind.__name__ in errors.__doc__ or kind is errors.HueShiftError


@pytest.mark.parametrize("kind", CLASSES)
def test_matching_builtin_catches_it(kind):
    drawn = next(
        (line for line in errors.__doc__.splitlines() if f"+-- {kind.__name__} " in line), ""
    )
    if "(" in drawn:
        builtin = drawn.partition("(")[2].partition(")")[0]
        assert issubclass(kind, getattr(__import__("builtins"), builtin))


def raised() -> set[tuple[str, str]]:
    """Room and class of every `raise` of an error of ours."""
    ours = {kind.__name__ for kind in CLASSES}
    return {
        (source.room_of(path), name.id)
        for path in source.package_files()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.Raise)
        for name in ast.walk(node.exc or node)
        if isinstance(name, ast.Name) and name.id in ours
    }


@pytest.mark.parametrize(("room", "kind"), sorted(raised()))
def test_every_raise_has_a_test(room, kind):
    tests = source.ROOT / "tests"
    files = [*(tests / room).rglob("test_*.py"), tests / f"test_{room}.py"]
    files += (tests / "end_to_end").rglob("test_*.py")
    texts = [path.read_text(encoding="utf-8") for path in files if path.is_file()]
    assert any(kind in text for text in texts), f"no test in tests/{room} mentions {kind}"
