"""Tests mirror the package, so that no two files of one name collide."""

import tomllib

from tests.architecture import source

TESTS = source.ROOT / "tests"


def test_every_folder_of_tests_is_a_package():
    folders = {path.parent for path in TESTS.rglob("test_*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_packages_are_declared_as_they_are():
    written = (source.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = set(tomllib.loads(written)["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(source.ROOT) for path in source.PACKAGE.rglob("*.py")}
    assert declared == {".".join(folder.parts) for folder in folders} | {"hueshift_jax.configs"}
