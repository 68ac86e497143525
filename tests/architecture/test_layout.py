"""Tests mirror the package, so that no two files of one name collide."""

from tests.architecture import source

TESTS = source.ROOT / "tests"


def test_every_folder_of_tests_is_a_package():
    folders = {path.parent for path in TESTS.rglob("test_*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_packaged_folders_are_declared():
    import tomllib

    declared = tomllib.loads((source.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = declared["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in source.PACKAGE.rglob("*.py")}
    needed = {".".join(folder.relative_to(source.ROOT).parts) for folder in folders}
    assert needed <= set(packages)
