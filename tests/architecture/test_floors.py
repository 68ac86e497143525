"""Imports go down only: the table of docs/architecture.md is the law."""

import ast
import re

import pytest

from tests.architecture import source

FORBIDDEN_ROOMS = {"utils", "util", "common", "helpers", "misc", "core"}
BORDERS = {
    "av": {"video"},
    "torch": {"interop", "parity"},
    "orbax": {"checkpoint"},
    "gradio": {"web"},
    "grain": {"data"},
    "tyro": {"config", "cli"},
}
"""Libraries that only some rooms may import."""


def read_table() -> dict[str, tuple[int, set[str]]]:
    """Floor and permitted imports by room; `*` stands for everything below."""
    text = (source.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *(\d+) *\| *`(\w+)` *\|([^|\n]*)\|", text, re.MULTILINE)
    table = {room: (int(floor), set(re.findall(r"`(\w+)`", cell))) for floor, room, cell in rows}
    below = [room for floor, room, cell in rows if "everything below" in cell]
    for room in below:
        floor = table[room][0]
        lower = {other for other, (level, _) in table.items() if level < floor}
        table[room] = (floor, lower | {""})
    return table


def illegal_edges(path, table) -> list[str]:
    """Imports of `path` that the table does not permit."""
    room = source.room_of(path)
    permitted = table[room][1] | {room}
    found = []
    for node, module in source.imports(path):
        first, _, rest = module.partition(".")
        target = rest.split(".")[0]
        if first == "hueshift_jax" and (target if target in table else "") not in permitted:
            found.append(f"{source.label(path, node)}: {room} must not import {target or first}")
    return found


TABLE = read_table()


def test_the_table_itself_goes_down():
    wrong = [
        f"{room} (floor {floor}) may import {other} (floor {TABLE[other][0]})"
        for room, (floor, permitted) in TABLE.items()
        for other in permitted - {""}
        if TABLE[other][0] >= floor
    ]
    assert not wrong, "\n".join(wrong)


def test_every_room_is_in_the_table():
    rooms = {source.room_of(path) for path in source.package_files()} - {""}
    assert rooms <= TABLE.keys()


@pytest.mark.parametrize("path", source.package_files(), ids=lambda path: path.stem)
def test_imports_go_down(path):
    if source.room_of(path):
        found = illegal_edges(path, TABLE)
        assert not found, "\n".join(found)


def test_the_package_itself_imports_nothing_of_ours():
    ours = [name for _, name in source.imports(source.PACKAGE / "__init__.py")]
    assert not [name for name in ours if name.startswith("hueshift_jax")]


def test_an_illegal_edge_is_named():
    table = {"errors": (0, set()), "config": (1, set())}
    found = illegal_edges(source.PACKAGE / "config.py", table)
    assert found
    assert re.fullmatch(r"hueshift_jax/config\.py:\d+: config must not import errors", found[0])


def test_no_relative_imports():
    found = [
        source.label(path, node)
        for path in source.product_files()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not found


def test_foreign_libraries_stay_behind_their_borders():
    found = [
        f"{source.label(path, node)}: {module} in {source.room_of(path)}"
        for path in source.package_files()
        for node, module in source.imports(path)
        if source.room_of(path) not in BORDERS.get(module.split(".")[0], {source.room_of(path)})
    ]
    assert not found, "\n".join(found)


def test_torch_is_imported_inside_functions():
    found = [
        source.label(path, node)
        for path in source.package_files()
        for node in source.tree(path).body
        if isinstance(node, ast.Import | ast.ImportFrom) and "torch" in ast.unparse(node).split()
    ]
    assert not found


def test_no_drawers():
    every = [*source.product_files(), *source.PACKAGE.rglob("*/")]
    assert not [str(path) for path in every if path.stem in FORBIDDEN_ROOMS]
