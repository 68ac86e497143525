"""Small functions, short files, few positional arguments."""

import ast

import pytest

from tests.architecture import source

FUNCTION_CAP = 60
USUAL_FUNCTION = 40
FILE_CAP = 400
NETWORK_FILE_CAP = 600
POSITIONAL_CAP = 5

FILES = source.product_files()


def code_lines(function: ast.FunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def positional(function: ast.FunctionDef) -> int:
    """Arguments that may be passed by position, without self and cls."""
    names = [arg.arg for arg in [*function.args.posonlyargs, *function.args.args]]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def test_code_lines_leave_the_docstring_out():
    text = 'def f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    return a\n'
    assert code_lines(ast.parse(text).body[0]) == 4


def test_functions_are_short():
    sizes = {
        f"{source.label(path, function)} {function.name}": code_lines(function)
        for path in FILES
        for function in source.functions(path)
    }
    longest = sorted(sizes.items(), key=lambda item: -item[1])
    report = "\n".join(f"{lines:4} {name}" for name, lines in longest if lines > USUAL_FUNCTION)
    assert longest[0][1] <= FUNCTION_CAP, report
    assert len([n for n in sizes.values() if n > USUAL_FUNCTION]) <= len(sizes) / 10, report


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(source.ROOT)))
def test_files_are_short(path):
    cap = NETWORK_FILE_CAP if path.parent.name == "models" else FILE_CAP
    assert len(path.read_text(encoding="utf-8").splitlines()) <= cap


def test_few_positional_arguments():
    found = [
        f"{source.label(path, function)} {function.name}: {positional(function)}"
        for path in FILES
        for function in source.functions(path)
        if positional(function) > POSITIONAL_CAP
    ]
    assert not found, "\n".join(found)


def test_no_asserts():
    found = [
        source.label(path, node)
        for path in source.package_files()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.Assert)
    ]
    assert not found
