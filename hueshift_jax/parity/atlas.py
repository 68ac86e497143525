"""References of the layered neural atlas: networks, losses, and which flows are believed."""

import dataclasses
import functools
import re
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import atlas
from hueshift_jax.interop.published import Published
from hueshift_jax.losses import atlas as losses
from hueshift_jax.models import atlas as models
from hueshift_jax.ops.consistency import round_trip
from hueshift_jax.ops.warp import resize_flow
from hueshift_jax.parity.case import Case

_GRADIENT_TOLERANCE = 3e-2
"""Of the total loss: the same code in float64 differs by 2.5e-2."""
_REMAP_PARTS = 32


# -- Networks ----------------------------------------------------------------------------------


def _compare_network(published: Published, case: Case) -> None:
    """Values, the gradient of their sum by the points, and the encoding of the first points."""
    network = case.network(published)

    @nnx.jit
    def run(network, x):
        y, pullback = jax.vjp(network, x)
        return y, pullback(jnp.ones_like(y))[0], network.encode(x)

    y, slope, encoding = run(network, jnp.asarray(case.arrays["x"]))
    case.compare("y", y)
    case.compare("grad_x", slope)
    if "encoding" in case.arrays:
        case.compare("encoding", encoding[: len(case.arrays["encoding"])])


# -- Losses ------------------------------------------------------------------------------------


def compare_losses(case: Case) -> None:
    """All terms of one and of two layers, and gradients of the one layer's total."""
    shot = losses.Shot(case.args["H"], case.args["W"], case.args["N"])
    samples = _samples(case)
    networks = {name: _part(case, name, where) for name, where in _PARTS.items()}
    found = _values(networks, samples, shot)
    allowed = case.tolerance("values")
    for name, value in zip(map(str, case.arrays["names"]), case.arrays["values"], strict=True):
        case.compare(f"{name} loss", found[name], reference=value, tolerance=allowed)
    for name, value in _pointwise(networks, samples, shot).items():
        case.compare(name, value)
    for name, value in _gradients(networks, samples, shot).items():
        case.compare(name, value, tolerance=_GRADIENT_TOLERANCE)


_PARTS = {
    "mapping": atlas.MAPPING,
    "mapping2": atlas.BACKGROUND_MAPPING,
    "atlas": atlas.TEXTURE,
    "alpha": atlas.OPACITY,
}


def _part(case: Case, name: str, published: Published) -> models.CoordinateNetwork:
    prefix = f"{name}."
    tensors = {n.removeprefix(prefix): v for n, v in case.tensors.items() if n.startswith(prefix)}
    return case.network(published, _arguments(tensors, name in ("atlas", "alpha")), prefix)


def _arguments(tensors: Mapping[str, np.ndarray], encoded: bool) -> dict:
    """The published constructor's arguments, from the tensors' shapes."""
    kernels = [v.shape for n, v in sorted(tensors.items(), key=_place) if n.endswith("weight")]
    width, seen = kernels[0]
    found = {
        "hidden_dim": width,
        "output_dim": kernels[-1][0],
        "num_layers": len(kernels),
        "skip_layers": [n for n, (_, inputs) in enumerate(kernels) if n and inputs > width],
    }
    # An atlas has two coordinates, everything else three.
    inputs = 2 if found["output_dim"] == 3 else 3
    return found | {"input_dim": inputs, "positional_dim": seen // (2 * inputs) if encoded else 0}


def _place(item: tuple[str, np.ndarray]) -> int:
    return int(re.search(r"\d+", item[0])[0])


def _samples(case: Case) -> losses.Samples:
    """What the meta says of the shot, at the stored pixels."""
    drawn = {recipe.name: recipe for recipe in case.recipes_of("")}

    def draw(name: str, like: str) -> np.ndarray:
        return np.moveaxis(dataclasses.replace(drawn[like], name=name).draw(case.key), 1, -1)

    def mask(name: str, before: str, threshold: float) -> np.ndarray:
        return draw(name, "mask")[..., 0] > case.find(before + r"\s*>\s*([\d.]+)", threshold)

    x, y, t = case.arrays["jif"]
    video = draw("video", "video")
    forward = mask("mask", r"""["']mask["'],\s*\([^)]*\)\)""", 0.4)
    backward = mask("mask_reverse", "mask_reverse", 0.4)
    forward[-1], backward[0] = False, False
    right, below = (np.diff(video, axis=a, append=video.take([-1], a)) for a in (2, 1))
    read = losses.Samples(
        points=np.stack([x, y, t], -1),
        color=video[t, y, x],
        right=right[t, y, x],
        below=below[t, y, x],
        forward=draw("flow", "flow")[t, y, x],
        backward=draw("flow_reverse", "flow")[t, y, x],
        has_forward=forward[t, y, x],
        has_backward=backward[t, y, x],
        foreground=mask("segmentation", "segmentation", 0.5)[t, y, x],
    )
    return losses.Samples(*(jnp.asarray(value, jnp.float32) for value in read))


def _one_layer(networks: Mapping, samples: losses.Samples, shot: losses.Shot, **options) -> dict:
    color = functools.partial(models.foreground_color, networks["atlas"])
    return losses.one_layer(networks["mapping"], color, samples, shot, with_border=True, **options)


def _layers(networks: Mapping) -> losses.Layers:
    return losses.Layers(
        networks["mapping"],
        networks["mapping2"],
        functools.partial(models.foreground_color, networks["atlas"]),
        functools.partial(models.background_color, networks["atlas"]),
        functools.partial(models.opacity_of, networks["alpha"]),
    )


@functools.partial(nnx.jit, static_argnums=2)
def _values(networks: Mapping, samples: losses.Samples, shot: losses.Shot) -> dict:
    """Every loss by its name in the file."""
    one = _one_layer(networks, samples, shot)
    two = losses.two_layers(_layers(networks), samples, shot, with_border=True)
    return {
        "rgb": one["rgb"],
        "gradient": one["gradient"],
        "gradient_resx": _one_layer(networks, samples, shot, by_width=True)["gradient"],
        "rigidity": one["rigidity"],
        "rigidity_global": one["global_rigidity"],
        "flow": one["flow"],
        "rgb_two": two["rgb"],
        "sparsity": two["sparsity"],
        "flow1_two": two["flow"],
        "flow2_two": two["background_flow"],
        "flow_alpha": two["opacity_flow"],
        "gradient_two": two["gradient"],
        "bootstrap": two["bootstrap"],
        "pretrain": losses.identity_error(networks["mapping"], samples.points, shot),
        "total": losses.total(one, losses.ONE_LAYER_WEIGHTS),
    }


@functools.partial(nnx.jit, static_argnums=2)
def _pointwise(networks: Mapping, samples: losses.Samples, shot: losses.Shot) -> dict:
    """Every array with a row for each sample by its name in the file."""
    points = [
        losses.normalized(samples.points - jnp.array([step]), shot)
        for step in ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    ]
    uv, left, above = map(networks["mapping"], points)
    density = shot.longer / (2.0 * losses.SCALE)
    return {
        "uv": uv,
        "rgb": models.foreground_color(networks["atlas"], uv),
        "alpha": models.opacity_of(networks["alpha"], points[0]),
        "rigidity_rows": losses.rigidity(uv, left, above, density),
    }


@functools.partial(nnx.jit, static_argnums=2)
def _gradients(networks: Mapping, samples: losses.Samples, shot: losses.Shot) -> dict:
    """Of the one layer's total by three kernels, as the file has them."""
    graph, params = nnx.split((networks["mapping"], networks["atlas"]))

    def total(params):
        mapping, texture = nnx.merge(graph, params)
        terms = _one_layer({"mapping": mapping, "atlas": texture}, samples, shot)
        return losses.total(terms, losses.ONE_LAYER_WEIGHTS)

    mapping, texture = nnx.merge(graph, jax.grad(total)(params))
    return {
        "grad_mapping0": mapping.layers[0].kernel[...].T,
        "grad_atlas0": texture.layers[0].kernel[...].T,
        f"grad_atlas{len(texture.layers) - 1}": texture.layers[-1].kernel[...].T,
    }


# -- Flow --------------------------------------------------------------------------------------


def compare_flow_mask(case: Case) -> None:
    """Distances after a round trip, the masks, and a flow on a grid of another size."""
    flows = [jnp.asarray(case.arrays[name])[None] for name in ("flow12", "flow21")]
    trip = jax.jit(functools.partial(round_trip, parts=_REMAP_PARTS))
    threshold = case.find(r"threshold\s+([\d.]+)", 1.0)
    for name, there, back in (("12", *flows), ("21", *flows[::-1])):
        distance = np.asarray(trip(there, back))[0, ..., 0]
        case.compare(f"distance{name}", distance, tolerance=1e-5)
        case.exact(f"mask{name}", distance < threshold, case.arrays[f"mask{name}"])
    size = tuple(int(case.find(rf"new{side}\s*=\s*(\d+)", 0)) for side in "hw")
    resized = resize_flow(flows[0], size, swapped=True)[0]
    case.compare("resized", resized, tolerance=1e-5)


RUNNERS = {
    "atlas_mlp_mapping": functools.partial(_compare_network, atlas.MAPPING),
    "atlas_mlp_mapping2": functools.partial(_compare_network, atlas.BACKGROUND_MAPPING),
    "atlas_mlp_atlas": functools.partial(_compare_network, atlas.TEXTURE),
    "atlas_mlp_alpha": functools.partial(_compare_network, atlas.OPACITY),
    "atlas_losses": compare_losses,
    "atlas_flow_mask": compare_flow_mask,
}
