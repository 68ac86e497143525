"""Trains a system: `python train.py NAME --data DIR` is `hueshift train NAME --data DIR`."""

import sys

from hueshift_jax.cli.run import dispatch, run

if __name__ == "__main__":
    raise SystemExit(run(dispatch, ["train", *sys.argv[1:]]))
