"""`hueshift bench networks`: the published networks and the layers they are made of, timed.

For every network, with random weights, one picture and its default size: time of a call, and how
much of what the machine reaches in a large matrix product it reaches there. For layers: time
beside PyTorch's, where PyTorch is installed. Rounds are interleaved and medians count, so that a
busy machine does no more harm than it must. The tables are written into BENCHMARKS.md.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from hueshift_jax.cli import bench
from hueshift_jax.errors import UsageError

_START = (
    "import sys; from hueshift_jax.cli import bench_networks; bench_networks.measure(sys.argv[1:])"
)
_SURROUNDINGS = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "OMP_WAIT_POLICY": "passive"}
"""Huge pages halve the time of large outputs; PyTorch's idle threads must not hold the cores."""
_HEAD = """\
| network | parameters | size | ms | GFLOP | GFLOP/s | of the product | compile s |
|---|---|---|---|---|---|---|---|"""
_BESIDE_HEAD = (
    "| layer | ms | PyTorch's ms | ratio | bar | within 10 % | error |",
    "|---|---|---|---|---|---|---|",
)
_ALONE_HEAD = ("| layer | ms |", "|---|---|")


@dataclass(frozen=True)
class Speed:
    """A network's speed.

    share: of the GFLOP/s of the matrix product in the same round.
    product: those GFLOP/s.
    """

    name: str
    parameters: int
    size: tuple[int, int]
    compile_s: float
    seconds: float
    gflop: float
    share: float
    product: float


def main(argv: list[str]) -> int:
    """Runs the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="hueshift bench networks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all by default")
    parser.add_argument("--layers", choices=("yes", "no", "only"), default="yes")
    parser.add_argument("--rounds", type=int, default=7, help="of which the median counts")
    parser.add_argument("--output", type=Path, default=Path("BENCHMARKS.md"))
    options = parser.parse_args(argv)
    from hueshift_jax.interop.networks import network, networks

    names = [network(name).name for name in options.names] or list(networks())
    names = [] if options.layers == "only" else names
    speeds, timings = [], []
    for row in _rows(names, options.layers != "no", options.rounds):
        (speeds if "name" in row else timings).append(row)
        print(row.get("name", row.get("what")), file=sys.stderr)
    bench.write(options.output, "networks", _lines(speeds, timings))
    return 0


def _rows(names: Sequence[str], with_layers: bool, rounds: int) -> Iterator[dict]:
    """What `measure` says in a process of its own, whose surroundings are set.

    Raises:
      UsageError: it failed; its own words are in the message.
    """
    words = json.dumps([list(names), with_layers, rounds])
    command = [sys.executable, "-c", _START, words]
    surroundings = os.environ | _SURROUNDINGS
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings) as child:
        for line in child.stdout:
            yield json.loads(line)
    if child.returncode != 0:
        raise UsageError(f"the benchmark's own run ended with exit code {child.returncode}")


def measure(argv: Sequence[str]) -> None:
    """Prints one JSON object a line: `Speed` for networks, `layers.Timing` for layers."""
    from hueshift_jax.interop.networks import network
    from hueshift_jax.parity import layers

    names, with_layers, rounds = json.loads(argv[0])
    for name in names:
        print(json.dumps(asdict(_speed(network(name), rounds))), flush=True)
    if with_layers:
        with_torch = importlib.util.find_spec("torch") is not None
        threads = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        )
        for timing in layers.measure(threads, with_torch=with_torch):
            print(json.dumps(asdict(timing)), flush=True)


def _speed(published, rounds: int) -> Speed:
    """The speed of one network with random weights."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx

    from hueshift_jax.parity import recipes, speed

    network = published.abstract({})
    for name, place in published.places(network).items():
        drawn = recipes.tensor("bench", name, place.published_shape)
        place.variable.set_value(jnp.asarray(place.layout.read(drawn)))
    network.eval()
    graph, state = nnx.split(network)
    parameters = sum(v.size for v in jax.tree.leaves(nnx.state(network, nnx.Param)))
    inputs = published.inputs({}, published.size, np.random.default_rng(0))

    def call(state, *inputs):
        return published.call(nnx.merge(graph, state, copy=True), *inputs)

    begin = time.perf_counter()
    traced = jax.jit(call).trace(state, *inputs)
    compiled = traced.lower().compile()
    compile_s = time.perf_counter() - begin
    product, product_gflop = speed.matrix_product()
    times = speed.interleaved(speed.called(compiled, state, *inputs), product, rounds=rounds)
    gflop = speed.gflop(traced.jaxpr)
    shares = (gflop / times[:, 0]) / (product_gflop / times[:, 1])
    seconds, product_s = np.median(times, 0).tolist()
    return Speed(
        published.name,
        int(parameters),
        published.size,
        compile_s,
        seconds,
        gflop,
        float(np.median(shares)),
        product_gflop / product_s,
    )


def _lines(speeds: Sequence[dict], timings: Sequence[dict]) -> list[str]:
    """Both tables, as Markdown."""
    lines = ["## Networks", "", f"`hueshift bench networks` on {bench.machine('jax', 'flax')}."]
    if speeds:
        product = statistics.median(row["product"] for row in speeds)
        lines += [
            "Batch 1, float32, random weights. GFLOP count the products carried out: fewer",
            'than usual where large 3x3 convolutions save some. "Of the product" compares with a',
            f"2048x2048 matrix product in the same rounds ({product:.0f} GFLOP/s).",
            "",
            _HEAD,
            *map(_network_line, speeds),
        ]
    if timings:
        lines += ["", "### Layers", "", *_layer_lines(timings)]
    return lines


def _layer_lines(timings: Sequence[dict]) -> list[str]:
    if timings[0]["ratio"] is None:
        lines = [f"| {row['what']} | {row['our_ms']:.2f} |" for row in timings]
        return ["PyTorch is not installed here to compare with.", "", *_ALONE_HEAD, *lines]
    return [
        f"Beside PyTorch {version('torch')} with as many threads. The bar is the ratio that these",
        "formulations reached on two quiet AVX-512 cores.",
        "",
        *_BESIDE_HEAD,
        *map(_layer_line, timings),
    ]


def _network_line(row: dict) -> str:
    rate = row["gflop"] / row["seconds"]
    return (
        f"| {row['name']} | {row['parameters']:,} | {row['size'][0]}x{row['size'][1]} "
        f"| {1e3 * row['seconds']:.1f} | {row['gflop']:.2f} | {rate:.0f} "
        f"| {row['share']:.0%} | {row['compile_s']:.0f} |"
    )


def _layer_line(row: dict) -> str:
    within = "yes" if row["ratio"] <= 1.1 * row["bar"] else "no"
    return (
        f"| {row['what']} | {row['our_ms']:.2f} | {row['their_ms']:.2f} | {row['ratio']:.2f} "
        f"| {row['bar']:.2f} | {within} | {row['error']:.0e} |"
    )
