"""The systems that come with weights, and how a weights file becomes a colorizer."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from hueshift_jax import checkpoint, config
from hueshift_jax.contracts import Colorizer
from hueshift_jax.errors import ConfigError, MismatchedWeightsError
from hueshift_jax.weights import FOLDER

_Settings = TypeVar("_Settings")


@dataclass(frozen=True)
class Entry:
    """One system with bundled weights."""

    name: str
    """As `--system` takes it."""
    summary: str
    """One line for `hueshift systems`."""
    weights: str
    """File name in `hueshift_jax.weights`."""
    license: str
    """Of the weights."""
    data_terms: str
    """What the training pictures allow."""

    @property
    def path(self) -> Path:
        """The bundled file."""
        return FOLDER / self.weights

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the bundled file."""
        return checkpoint.digest(self.path)

    def load(self, path: str | Path | None = None, **settings: float) -> Colorizer:
        """The colorizer of the bundled weights, or of another file of the same system."""
        return load_colorizer(path or self.path, **settings)


SYSTEMS = {
    entry.name: entry
    for entry in (
        Entry(
            name="hueshift_gan",
            summary="chroma U-Net on EfficientNet-Lite2 (the default)",
            weights="hueshift_gan.safetensors",
            license="Apache-2.0",
            data_terms="photographs under mixed terms, for research; see the model card",
        ),
        Entry(
            name="scgan",
            summary="the published SCGAN, an eighth as wide, briefly trained",
            weights="scgan.safetensors",
            license="Apache-2.0",
            data_terms="photographs under mixed terms, for research; see the model card",
        ),
        Entry(
            name="hueshift_gan_notebook",
            summary="the published notebook's generator, narrow, against its two critics",
            weights="hueshift_gan_notebook.safetensors",
            license="Apache-2.0",
            data_terms="photographs under mixed terms, for research; see the model card",
        ),
    )
}


def save_system(
    path: str | Path, name: str, settings: object, weights: dict[str, np.ndarray], **notes: str
) -> None:
    """Writes weights that `load_colorizer` can read: they carry their system's configuration."""
    metadata = {"system": name, "config": config.to_json(settings), **notes}
    checkpoint.save_weights(path, weights, metadata)


def load_settings(
    path: str | Path, kind: type[_Settings]
) -> tuple[_Settings, dict[str, np.ndarray]]:
    """The configuration in a weights file, which is to be of one kind, and the weights.

    Raises:
      MissingWeightsError: there is no such file.
      MismatchedWeightsError: it is damaged, or holds another configuration or none.
    """
    weights, metadata = checkpoint.load_weights(path)
    try:
        settings = config.from_json(metadata["config"])
    except (KeyError, ConfigError) as exc:
        raise MismatchedWeightsError(
            f"{path} holds no configuration that can be read; expected a file written by training"
        ) from exc
    if not isinstance(settings, kind):
        raise MismatchedWeightsError(
            f"{path} has the configuration of a {type(settings).__name__}, "
            f"expected a {kind.__name__}"
        )
    return settings, weights


def load_colorizer(path: str | Path, **changes: float) -> Colorizer:
    """The colorizer of a weights file.

    Args:
      path: a file that `save_system` wrote.
      changes: fields of the system's configuration that apply when coloring, such as
        `temperature`.

    Raises:
      MissingWeightsError: there is no such file.
      MismatchedWeightsError: it is damaged, or no system's weights.
    """
    weights, metadata = checkpoint.load_weights(path)
    if "config" not in metadata:
        raise MismatchedWeightsError(
            f"{path} holds weights without a configuration; expected a file written by training"
        )
    try:
        settings = config.from_json(metadata["config"])
    except ConfigError as exc:
        raise MismatchedWeightsError(f"{path} has a damaged configuration: {exc}") from exc
    if not hasattr(settings, "build"):
        raise MismatchedWeightsError(
            f"{path} has the configuration of a {type(settings).__name__}, expected a system's"
        )
    return dataclasses.replace(settings, **changes).build().colorizer_from(weights)
