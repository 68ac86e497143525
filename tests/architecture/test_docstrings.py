"""Whatever is public says what it is."""

import ast
from collections.abc import Iterator

from tests.architecture import source

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def silent(node: ast.Module | ast.ClassDef) -> Iterator[ast.AST]:
    """Public classes, functions and methods without a docstring."""
    for child in node.body:
        if not isinstance(child, ast.ClassDef | FUNCTIONS) or child.name.startswith("_"):
            continue
        if ast.get_docstring(child) is None:
            yield child
        if isinstance(child, ast.ClassDef):
            yield from silent(child)


def test_modules():
    found = [
        str(path.relative_to(source.ROOT))
        for path in source.product_files()
        if ast.get_docstring(source.tree(path)) is None
    ]
    assert not found


def test_public_names():
    found = [
        f"{source.label(path, node)} {node.name}"
        for path in source.package_files()
        for node in silent(source.tree(path))
    ]
    assert not found, "\n".join(found)
