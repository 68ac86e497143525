"""Colors a film: `python infer.py --video FILM` is `hueshift colorize --video FILM`."""

import sys

from hueshift_jax.cli.run import dispatch, run

if __name__ == "__main__":
    raise SystemExit(run(dispatch, ["colorize", *sys.argv[1:]]))
