"""The package as the architecture tests see it: files, their syntax trees and their rooms."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "hueshift_jax"


def package_files() -> list[Path]:
    """Every Python file of the package and every configuration."""
    return sorted([*PACKAGE.rglob("*.py"), *(ROOT / "configs").glob("*.py")])


def product_files() -> list[Path]:
    """Every Python file that is not a test."""
    return [
        *package_files(),
        *sorted((ROOT / "benchmarks").glob("*.py")),
        *sorted(ROOT.glob("*.py")),
    ]


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def label(path: Path, node: ast.AST) -> str:
    """Where a node is, as file:line."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def room_of(path: Path) -> str:
    """The first name below the package; `configs` for one, "" for the package itself."""
    if PACKAGE not in path.parents:
        return "configs"
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every absolute module name that a file imports, `from x import y` as `x.y`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file, nested ones included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
