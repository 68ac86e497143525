"""What a network accepts, said in one sentence when it is handed something else."""

from collections.abc import Sequence

from jaxtyping import Array, Float, Shaped

from hueshift_jax.errors import ShapeError


def require_picture(
    x: Float[Array, "..."], channels: int, *, multiple: int = 1, least: int = 1, what: str = "input"
) -> None:
    """Checks that `x` is (b, h, w, channels) with sides that are multiples of `multiple`.

    Raises:
      ShapeError: another rank, other channels, or a side that is too small or no multiple.
    """
    expected = f"(batch, height, width, {channels})"
    if x.ndim != 4 or x.shape[-1] != channels:
        raise ShapeError(f"the {what} has shape {x.shape}; expected {expected}")
    sides = x.shape[1:3]
    if min(sides) < least:
        raise ShapeError(f"the {what} is {sides[0]}x{sides[1]}; expected sides of at least {least}")
    if any(side % multiple for side in sides):
        raise ShapeError(
            f"the {what} is {sides[0]}x{sides[1]}; expected sides that are multiples of {multiple}"
        )


def require_shape(
    x: Shaped[Array, "..."], expected: Sequence[int | None], *, what: str = "input"
) -> None:
    """Checks the shape of `x`; None stands for any size.

    Raises:
      ShapeError: another rank or another size on some axis.
    """
    fits = x.ndim == len(expected) and all(
        wanted is None or found == wanted for found, wanted in zip(x.shape, expected, strict=True)
    )
    if not fits:
        listed = ", ".join("any" if n is None else str(n) for n in expected)
        raise ShapeError(f"the {what} has shape {x.shape}; expected ({listed})")


def require_equal_size(
    x: Float[Array, "..."], y: Float[Array, "..."], *, what: str = "the two inputs"
) -> None:
    """Checks that two pictures agree in batch, height and width.

    Raises:
      ShapeError: they do not.
    """
    if x.shape[:-1] != y.shape[:-1]:
        raise ShapeError(
            f"{what} have shapes {x.shape} and {y.shape}; expected equal batch, height and width"
        )
