"""Spectral normalization: a convolution whose kernel, as a matrix, has largest singular value 1.

Source: Miyato et al. 2018. One step of power iteration a call moves the estimates `u` (left) and
`v` (right); gradients flow through the singular value, not through `u` and `v`.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv


class SingularVector(nnx.Variable):
    """An estimate of a kernel's singular vector: moved by calls, not by gradients."""


class SpectralConv(Conv):
    """`Conv` (same arguments) divided by its kernel's largest singular value.

    iterates_in_eval: whether calls after `eval()` move `u` and `v` too. PyTorch's own layer does
    not; the wrapper that several published GANs carry does.
    """

    def __init__(
        self, *args, iterates_in_eval: bool = False, epsilon: float = 1e-12, rngs, **options
    ):
        super().__init__(*args, rngs=rngs, **options)
        outputs, rest = _matrix(self.kernel[...]).shape
        self.u = SingularVector(_unit(jax.random.normal(rngs.params(), (outputs,)), epsilon))
        self.v = SingularVector(_unit(jax.random.normal(rngs.params(), (rest,)), epsilon))
        self.epsilon = epsilon
        self.iterates_in_eval = iterates_in_eval
        self.use_running_average = False  # Set by `train()` and `eval()`.

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = self.convolve(x, self.normalized())
        return y if self.bias is None else y + self.bias[None, None, None]

    def normalized(self) -> Float[Array, "i j c d"]:
        """The kernel divided by its largest singular value, after this call's step."""
        return self.kernel[...] / self.sigma()

    def sigma(self) -> Float[Array, ""]:
        """The estimate of the largest singular value, after this call's step."""
        matrix = _matrix(self.kernel[...])
        if self.iterates_in_eval or not self.use_running_average:
            fixed = jax.lax.stop_gradient(matrix)
            self.v[...] = _unit(fixed.T @ self.u[...], self.epsilon)
            self.u[...] = _unit(fixed @ self.v[...], self.epsilon)
        u, v = jax.lax.stop_gradient((self.u[...], self.v[...]))
        return u @ (matrix @ v)


def _matrix(kernel: Float[Array, "i j c d"]) -> Float[Array, "d n"]:
    """Outputs by inputs, the inputs in PyTorch's order: channel, row, column."""
    return kernel.transpose(3, 2, 0, 1).reshape(kernel.shape[-1], -1)


def _unit(x: Float[Array, "n"], epsilon: float) -> Float[Array, "n"]:
    return x / jnp.maximum(jnp.linalg.norm(x), epsilon)
