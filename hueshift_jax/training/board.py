"""Figures and samples for TensorBoard."""

import struct
from pathlib import Path

from hueshift_jax.errors import ConfigError


class TensorBoard:
    """Writes event files into `folder/tensorboard`; `tensorboard --logdir RUNS` shows them.

    Args:
      folder: of the run.
      after: what an earlier part of this run wrote for later steps is not shown.

    Raises:
      ConfigError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path, *, after: int = 0):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as exc:
            raise ConfigError(
                "tensorboard is True, but tensorboardX is not installed; "
                "pip install hueshift-jax[tensorboard]"
            ) from exc
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1)

    def figures(self, step: int, figures: dict[str, float]) -> None:
        """One point on each figure's curve."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def picture(self, step: int, name: str, path: Path) -> None:
        """A PNG file as it is."""
        from tensorboardX.proto.summary_pb2 import Summary

        content = path.read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=content
        )
        summary = Summary(value=[Summary.Value(tag=name, image=image)])
        self._writer.file_writer.add_summary(summary, step)
        self._writer.flush()

    def close(self) -> None:
        """Ends the event file."""
        self._writer.close()
