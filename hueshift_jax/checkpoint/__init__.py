"""What training and inference keep on disk.

Training state goes through orbax (`Checkpoints`), finished weights through safetensors
(`save_weights`, `load_weights`). Weights have flat names: `flatten` joins the keys on the way to
a leaf with dots, so that `encoder.blocks.0.kernel` is a dictionary's or an nnx state's entry.
"""

from hueshift_jax.checkpoint.states import Checkpoints, Restored
from hueshift_jax.checkpoint.tree import fill, flatten, match, unflatten
from hueshift_jax.checkpoint.weights import digest, load_weights, save_weights, write_whole

__all__ = [
    "Checkpoints",
    "Restored",
    "digest",
    "fill",
    "flatten",
    "load_weights",
    "match",
    "save_weights",
    "unflatten",
    "write_whole",
]
