"""Where the pieces meet: `load` a colorizer, `colorize_image` and `colorize_video` with it."""

import difflib
import importlib.metadata
import os
import sys
import time
from functools import cache, cached_property, partial
from pathlib import Path

import jax
import numpy as np

from hueshift_jax import checkpoint
from hueshift_jax.contracts import Array, Colorizer, FlowEstimator, Memory
from hueshift_jax.errors import ConfigError, MissingWeightsError
from hueshift_jax.ops.dis_flow import DisFlow, RefinedFlow
from hueshift_jax.pipeline import events
from hueshift_jax.pipeline.controls import Controls
from hueshift_jax.pipeline.film import ColorizeOptions, Film
from hueshift_jax.pipeline.giving import given_for_picture
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.pictures import color_picture
from hueshift_jax.pipeline.target import check_target, target
from hueshift_jax.systems import SYSTEMS
from hueshift_jax.video.frame import luma_from_rgb
from hueshift_jax.video.picture import check_picture_name, read_picture_luma, write_picture
from hueshift_jax.video.probe import probe

DEFAULT_SYSTEM = "hueshift_gan"

_SIZE_STEP = 32


class LazyColorizer:
    """A colorizer whose weights are read when it is first asked; before, only its identity.

    identity names all that decides what it says, in plain JSON values. size, if given, is the
    short side at which it works.
    """

    def __init__(self, name: str, path: Path, *, size: int | None = None, **settings: float):
        self._name = name
        self._path = path
        self._size = size
        self._settings = settings
        digest = checkpoint.digest(path)
        self.identity = {
            "system": name,
            "weights": digest,
            "size": size,
            "version": _version(),
            **settings,
        }

    @cached_property
    def network(self) -> Colorizer:
        """The colorizer itself.

        Raises:
          MismatchedWeightsError: its weights are damaged or of another system.
        """
        use_compilation_cache()
        return SYSTEMS[self._name].load(self._path, **self._settings)

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """As the network's, scaled to the wanted short side."""
        size = self.network.working_size(height, width)
        if self._size is None:
            return size
        factor = self._size / min(size)
        return tuple(max(_SIZE_STEP, _SIZE_STEP * round(s * factor / _SIZE_STEP)) for s in size)

    def start(self, height: int, width: int) -> Memory:
        """As the network's."""
        return self.network.start(height, width)

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """As the network's."""
        return self.network(memory, luma, key)


def _version() -> str:
    try:
        return importlib.metadata.version("hueshift-jax")
    except importlib.metadata.PackageNotFoundError:
        return ""


def choose(
    system: str | Path = DEFAULT_SYSTEM,
    *,
    size: int | None = None,
    temperature: float | None = None,
) -> LazyColorizer:
    """The colorizer of a system's name, or of a weights file; its weights are not read yet.

    Raises:
      ConfigError: no system has this name.
      MissingWeightsError: the weights are not there.
    """
    settings = {} if temperature is None else {"temperature": float(temperature)}
    name, path = str(system), Path(system)
    if name in SYSTEMS:
        path = SYSTEMS[name].path
    elif path.suffix == ".safetensors" or path.exists():
        name = DEFAULT_SYSTEM
    else:
        raise _unknown_system(name)
    if not path.is_file():
        raise MissingWeightsError(f"The weights of {system} are missing: there is no file {path}.")
    return LazyColorizer(name, path, size=size, **settings)


def _unknown_system(name: str) -> ConfigError:
    close = difflib.get_close_matches(name, SYSTEMS, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(SYSTEMS)}."
    return ConfigError(f"There is no system {name!r}; {hint}")


def load(
    system: str | Path = DEFAULT_SYSTEM,
    *,
    size: int | None = None,
    temperature: float | None = None,
) -> Colorizer:
    """A colorizer ready to work; raises as `choose`, and if the weights are damaged.

    Args:
      system: a name that `hueshift systems` lists, or a weights file.
      size: the short side at which the network works, in pixels; the default suits its training.
      temperature: how decided colors are, where a system has this setting.

    Raises:
      MismatchedWeightsError: the weights are damaged or of another system.
    """
    chosen = choose(system, size=size, temperature=temperature)
    _ = chosen.network
    return chosen


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, so that the next start is quick."""
    folder = cache_folder() / "xla"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if jax.config.jax_compilation_cache_dir is None and os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def cache_folder() -> Path:
    """Our part of the user's cache folder."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "hueshift-jax"


def colorize_image(
    picture: np.ndarray, colorizer: Colorizer, controls: Controls | None = None, *, seed: int = 0
) -> np.ndarray:
    """RGB (h, w, 3) uint8 of a picture: gray (h, w) or RGB (h, w, 3), uint8, gamma-encoded.

    The colors of an RGB picture are not used.
    """
    gray = picture if picture.ndim == 2 else luma_from_rgb(picture, "bt601")
    painter = Painter(colorizer, colorizer.working_size(*gray.shape), seed=seed)
    return color_picture(gray, painter, controls or Controls())


def colorize_picture_file(
    source: Path,
    output: Path,
    colorizer: Colorizer,
    options: ColorizeOptions,
    tell: events.Listener = lambda event: None,
) -> None:
    """Colors one picture file; side_by_side puts the gray picture to its left.

    Raises:
      UsageError: `output` exists, or is the input, or what is given does not fit.
      MediaError: it, or what is given, cannot be read or written.
    """
    begin = time.perf_counter()
    gray = read_picture_luma(source, "bt601")
    check_picture_name(output)
    check_target(source, output, may_exist=options.overwrite)
    tell(events.Found(source, output, "picture", gray.shape[1], gray.shape[0], frames=1))
    painter = Painter(colorizer, colorizer.working_size(*gray.shape), seed=options.seed)
    see = partial(_seen, colorizer)
    given = given_for_picture(options.given, probe(source), painter, see)
    rgb = color_picture(gray, painter, options.controls, given)
    if options.side_by_side:
        rgb = np.concatenate([np.repeat(gray[..., None], 3, axis=2), rgb], axis=1)
    write_picture(output, rgb)
    tell(events.Finished(output, 1, 1, round(time.perf_counter() - begin, 2)))


def colorize_video(
    source: str | Path,
    output: str | Path | None = None,
    colorizer: Colorizer | None = None,
    options: ColorizeOptions | None = None,
    tell: events.Listener = lambda event: None,
) -> events.Finished:
    """Colors a film or a folder of frames; continues where an earlier run stopped.

    Args:
      source: the film, or the folder.
      output: the result; by default beside the input, with `.color` before its suffix.
      colorizer: from `load`; the default system if missing. One without an `identity` of plain
        values cannot be told from others, and makes every run begin anew.
      options: how.
      tell: called with `pipeline.events` as they happen, from several threads.

    Raises:
      UsageError: the result exists, or is the input, or what is given does not fit.
      MediaError, JournalError, CheckpointError: as their names say.
    """
    options = options or ColorizeOptions()
    colorizer = colorizer or choose()
    info = probe(Path(source), frames_rate=options.frames_rate)
    see = partial(_seen, colorizer)
    follow = partial(_estimator, options.motion)
    goal = target(info, output, tell)
    return Film(info, goal, colorizer, options, tell, see=see, follow=follow).color()


def _estimator(motion: str) -> FlowEstimator:
    if motion != "network":
        return DisFlow(motion)
    from hueshift_jax.systems.flow import load_estimator

    return RefinedFlow(load_estimator())


def _seen(colorizer: Colorizer, gray: np.ndarray) -> np.ndarray:
    """Features of gray (h, w) uint8, of the colorizer or, where it has none, of the default one."""
    network = getattr(colorizer, "network", colorizer)
    if not hasattr(network, "features"):
        network = _default_network()
    return np.asarray(network.features(gray[None].astype(np.float32) / 255)[0])


@cache
def _default_network() -> Colorizer:
    return load().network
