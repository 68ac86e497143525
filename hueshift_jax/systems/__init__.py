"""Trainable things: networks, losses and optimizer together, one file per system.

`SYSTEMS` lists those that come with weights.
"""

from hueshift_jax.systems.catalog import SYSTEMS, Entry

__all__ = ["SYSTEMS", "Entry"]
