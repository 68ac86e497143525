"""Configurations: found, overridden, stored."""

import dataclasses
import enum
import sys
import types
from pathlib import Path
from typing import Any, Literal

import pytest

from hueshift_jax import config
from hueshift_jax.errors import ConfigError

HERE = "hueshift_jax.stand_in"
"""The classes below pretend to live in the package, as only its own can be restored."""


class Mode(enum.Enum):
    """How."""

    FAST = "fast"
    EXACT = "exact"


@dataclasses.dataclass(frozen=True)
class Optim:
    """A section."""

    lr: float = 1e-3
    """learning rate"""
    betas: tuple[float, float] = (0.9, 0.999)
    kind: Literal["adam", "lion"] = "adam"
    clip: float | None = 1.0


@dataclasses.dataclass(frozen=True)
class Source:
    """One of several."""

    folder: Path | None = None
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class Train:
    """The whole."""

    system: Any = Optim(lr=0.5)
    optim: Optim = Optim()
    sources: tuple[Source, ...] = (Source(), Source(weight=2.0))
    mode: Mode = Mode.FAST
    flip: bool = True
    low: int = 1
    high: int = 3
    name: str = "x"
    weight_decay: float = 0.0
    tags: dict[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.low > self.high:
            raise ConfigError(f"low is {self.low}, expected at most high, which is {self.high}")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    module = types.ModuleType(HERE)
    module.__file__ = __file__
    for kind in (Mode, Optim, Source, Train):
        monkeypatch.setattr(kind, "__module__", HERE)
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, HERE, module)
    monkeypatch.setattr(sys.modules["hueshift_jax"], "stand_in", module, raising=False)


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A folder of configurations in place of the bundled one."""
    (tmp_path / "gray_gan.py").write_text(
        "from hueshift_jax.stand_in import Train\n\ndef config():\n    return Train(name='gray')\n"
    )
    (tmp_path / "_base.py").write_text("")
    package = types.ModuleType("hueshift_jax.configs")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "hueshift_jax.configs", package)
    yield tmp_path
    sys.modules.pop("hueshift_jax.configs.gray_gan", None)


def test_names(bundled):
    assert config.names() == ["gray_gan"]


@pytest.mark.parametrize("name", ["gray_gan", "gray-gan"])
def test_load_by_name(bundled, name):
    assert config.load(name).name == "gray"


def test_load_by_path(bundled):
    assert config.load(bundled / "gray_gan.py").name == "gray"


def test_a_file_may_build_on_a_bundled_configuration(bundled, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import dataclasses\nfrom hueshift_jax.configs import gray_gan\n\n"
        "def config():\n    return dataclasses.replace(gray_gan.config(), low=2)\n"
    )
    assert config.load(path) == Train(name="gray", low=2)


def test_without_installation_the_folder_beside_the_package_is_used(monkeypatch):
    monkeypatch.delitem(sys.modules, "hueshift_jax.configs", raising=False)
    monkeypatch.setattr(config.importlib, "import_module", _not_found)
    assert [Path(p).name for p in config._configs_package().__path__] == ["configs"]


def test_without_installation_and_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(config.importlib, "import_module", _not_found)
    monkeypatch.setattr(config, "__file__", str(tmp_path / "package" / "config.py"))
    with pytest.raises(ConfigError, match="install the package"):
        config.names()


def _not_found(name):
    raise ModuleNotFoundError(name)


def test_unknown_name_suggests_the_nearest(bundled):
    with pytest.raises(ConfigError, match="no configuration 'gray_gam'; the nearest is gray_gan"):
        config.load("gray_gam")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no configuration file"),
        ("x = 1\n", "does not define config"),
        ("def config():\n    return 3\n", "returned int, expected a frozen dataclass"),
        ("def config(:\n", "cannot be run: SyntaxError"),
        ("1 / 0\n", "cannot be run: ZeroDivisionError"),
        ("from hueshift_jax.stand_in import Train\nTrain(low=9)\n", "low is 9, expected at most"),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "bad.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        config.load(path)


def test_a_path_that_is_no_python_file(tmp_path):
    (tmp_path / "film.mp4").write_text("")
    with pytest.raises(ConfigError, match="is not a Python file"):
        config.load(tmp_path / "film.mp4")


@pytest.mark.parametrize(
    ("argv", "changed"),
    [
        ([], {}),
        (["--name", "y"], {"name": "y"}),
        (["--name=y=z"], {"name": "y=z"}),
        (["--weight-decay", "-1e-4"], {"weight_decay": -1e-4}),
        (["--weight_decay=1"], {"weight_decay": 1.0}),
        (["--flip", "False"], {"flip": False}),
        (["--mode", "EXACT"], {"mode": Mode.EXACT}),
        (["--low", "7", "--high", "9"], {"low": 7, "high": 9}),
        (["--high", "9", "--high", "8"], {"high": 8}),
        (["--optim.lr", "1e-4"], {"optim": Optim(lr=1e-4)}),
        (["--optim.betas", "0", "0.5"], {"optim": Optim(betas=(0.0, 0.5))}),
        (["--optim.kind", "lion"], {"optim": Optim(kind="lion")}),
        (["--optim.clip", "None"], {"optim": Optim(clip=None)}),
        (["--system.lr", "2"], {"system": Optim(lr=2.0)}),
        (["--sources.1.folder", "a/b"], {"sources": (Source(), Source(Path("a/b"), 2.0))}),
        (["--tags", "a", "1", "b", "2"], {"tags": {"a": 1, "b": 2}}),
    ],
)
def test_override(argv, changed):
    assert config.override(Train(), argv) == dataclasses.replace(Train(), **changed)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--optim.lrr", "1"], "no option --optim.lrr; the nearest is --optim.lr$"),
        (["--betas", "1"], r"no option --betas; the nearest is --system\.betas$"),
        (["--qqqqqq", "1"], "there are --system.lr, --system.betas"),
        (["--optim", "1"], "no option --optim"),
        (["stray"], "found 'stray', expected an option such as --"),
        (["--low", "1.5"], "--low takes int, found '1.5'"),
        (["--low", "True"], "--low takes int, found 'True'"),
        (["--low"], "--low takes int, found nothing"),
        (["--low", "1", "2"], "--low takes int, found '1 2'"),
        (["--optim.lr", "fast"], "--optim.lr takes float, found 'fast'"),
        (["--optim.kind", "sgd"], "--optim.kind takes one of adam, lion, found 'sgd'"),
        (["--optim.betas", "1"], "--optim.betas takes tuple"),
        (["--mode", "slow"], "--mode takes one of FAST, EXACT, found 'slow'"),
        (["--flip", "maybe"], "--flip takes True or False, found 'maybe'"),
        (["--low", "5"], "low is 5, expected at most high, which is 3"),
    ],
)
def test_wrong_overrides(argv, message, capsys):
    with pytest.raises(ConfigError, match=message):
        config.override(Train(), argv)
    assert capsys.readouterr() == ("", "")


def test_describe_lists_options_with_their_documentation():
    text = config.describe(Train(), "train.py gray_gan")
    assert "train.py gray_gan" in text
    assert "--optim.lr" in text
    assert "--weight_decay" in text


def test_json_restores_everything():
    made = Train(mode=Mode.EXACT, sources=(Source(Path("a")),), tags={"a": 1}, name="ü")
    assert config.from_json(config.to_json(made)) == made


def test_json_takes_defaults_for_new_fields():
    assert config.from_json(f'{{"class": "{HERE}:Optim", "lr": 2.0}}') == Optim(lr=2.0)


def test_json_refuses_foreign_classes_when_saving():
    foreign = dataclasses.make_dataclass("Foreign", [("x", int, 1)], frozen=True)
    with pytest.raises(ConfigError, match=r"Train\.system is a .*only classes of this package"):
        config.to_json(Train(system=foreign()))


def test_json_refuses_what_it_cannot_keep():
    with pytest.raises(ConfigError, match=r"Train\.system holds function"):
        config.to_json(Train(system=_not_found))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"class": "os:stat_result"}', "names os:stat_result"),
        ('{"class": "hueshift_jax.config:Path"}', "names hueshift_jax.config:Path"),
        ('{"class": "hueshift_jax.config:ConfigError"}', "names hueshift_jax.config:ConfigError"),
        ('{"class": "hueshift_jax.nowhere:X"}', "names hueshift_jax.nowhere:X"),
        ('{"class": "hueshift_jax.errors:ConfigError"}', "ConfigError .* is no dataclass"),
        (f'{{"class": "{HERE}:Optim", "lrr": 1}}', "no field 'lrr'; the nearest is lr"),
        (f'{{"enum": "{HERE}:Mode", "name": "SLOW"}}', "has no member 'SLOW'"),
        (f'{{"enum": "{HERE}:Optim", "name": "lr"}}', "has no member 'lr'"),
        ('{"lr": 1}', "without a class"),
        (f'{{"class": "{HERE}:Train", "low": 9}}', "low is 9"),
    ],
)
def test_bad_json(text, message):
    with pytest.raises(ConfigError, match=message):
        config.from_json(text)


def test_json_names_a_missing_field(monkeypatch):
    strict = dataclasses.make_dataclass("Strict", [("x", int)], frozen=True)
    monkeypatch.setattr(strict, "__module__", HERE)
    monkeypatch.setattr(sys.modules[HERE], "Strict", strict, raising=False)
    with pytest.raises(ConfigError, match="lacks the field x of Strict"):
        config.from_json(f'{{"class": "{HERE}:Strict"}}')


def test_outline_has_a_line_for_every_section():
    lines = config.outline(config.load("hueshift_gan"))
    assert [line.partition(": ")[0] for line in lines[1:]] == [
        "system",
        "system.temporal_span",
        "system.optim",
        "system.game",
        "system.game.adversary",
        "data",
        "mesh",
    ]
    assert lines[0].startswith("steps 8000, ")
    assert "sizes 96 128 160, " in lines[6]
    assert "best ''" in lines[0]
