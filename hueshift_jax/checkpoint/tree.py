"""Trees of arrays as flat dictionaries by dotted name."""

from collections.abc import Mapping
from typing import Any

import jax

from hueshift_jax.errors import MismatchedWeightsError


def flatten(tree: Any) -> dict[str, Any]:
    """The leaves of `tree` (dictionaries, tuples, nnx states) by dotted name."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_dotted(path): leaf for path, leaf in paths}


def unflatten(flat: Mapping[str, Any]) -> dict[str | int, Any]:
    """Nested dictionaries from dotted names; a part of digits becomes an integer key."""
    tree: dict[str | int, Any] = {}
    for name, leaf in flat.items():
        *sections, last = (int(part) if part.isdigit() else part for part in name.split("."))
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = leaf
    return tree


def fill(template: Any, flat: Mapping[str, Any]) -> Any:
    """`template` with its leaves replaced by those of the same names in `flat`.

    Raises:
      MismatchedWeightsError: A name or a shape differs.
    """
    names = flatten(template)
    match(names, flat)
    return jax.tree.unflatten(jax.tree.structure(template), [flat[name] for name in names])


def match(expected: Mapping[str, Any], found: Mapping[str, Any], what: str = "the weights") -> None:
    """Checks that two collections have the same names and shapes.

    Args:
      expected: Shapes, or things with a shape, by name.
      found: Likewise.
      what: The subject of the message.

    Raises:
      MismatchedWeightsError: They have not; names the first three differences.
    """
    differences = [f"{name} is missing" for name in expected if name not in found]
    differences += [f"{name} is not known" for name in found if name not in expected]
    for name in expected:
        if name in found and _shape(expected[name]) != _shape(found[name]):
            shapes = f"{_shape(found[name])}, not {_shape(expected[name])}"
            differences.append(f"{name} is {shapes}")
    if differences:
        rest = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        listed = ", ".join(differences[:3])
        raise MismatchedWeightsError(f"{what} do not fit the network: {listed}{rest}")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", value))


def _dotted(path: tuple[Any, ...]) -> str:
    parts = [
        str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path
    ]
    if parts and isinstance(path[-1], jax.tree_util.GetAttrKey) and parts[-1] == "value":
        del parts[-1]  # an nnx variable's own wrapper
    return ".".join(parts)
