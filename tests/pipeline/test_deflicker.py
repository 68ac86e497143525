"""The second stage of deflickering with networks that can be read."""

import numpy as np
import pytest

from hueshift_jax.pipeline import deflicker


def frames(*values, size=(10, 13)):
    for value in values:
        yield np.full((*size, 3), value), np.full((*size, 3), value / 2)


def filter_frame(pair):
    """The reconstruction, which is the second half."""
    assert pair.shape == (1, 32, 32, 6)
    assert pair.dtype == np.float32
    return pair[..., 3:]


class Refinement:
    """Remembers what it was given; the change is half of the result before."""

    def __init__(self):
        self.memories, self.inputs = [], []

    def __call__(self, four, memory):
        self.memories.append(memory)
        self.inputs.append(four[0, 0, 0].reshape(4, 3)[:, 0].tolist())
        return 0.5 * four[..., 3:6], len(self.memories)


def test_the_result_follows_the_one_before():
    refinement = Refinement()
    steps = list(deflicker.refine(frames(0.2, 0.4, 0.8), filter_frame, refinement))
    results = [float(step.final[3, 3, 0]) for step in steps]
    np.testing.assert_allclose(results, [0.1, 0.2 + 0.05, 0.4 + 0.125], rtol=1e-6)
    np.testing.assert_allclose(refinement.inputs, [[0.2, 0.1, 0.2, 0.1], [0.4, 0.25, 0.4, 0.2]])
    assert refinement.memories == [None, None]
    assert steps[0].size == (10, 13)


def test_memory_and_source():
    refinement = Refinement()
    options = {"carries_memory": True, "sees_source": True}
    list(deflicker.refine(frames(0.2, 0.4, 0.8), filter_frame, refinement, **options))
    assert refinement.memories == [None, 1]
    np.testing.assert_allclose(refinement.inputs[0], [0.2, 0.1, 0.4, 0.2])


def test_smaller_reconstructions_are_enlarged():
    pairs = [(np.zeros((32, 32, 3)), np.full((4, 5, 3), 0.25))]
    (step,) = deflicker.refine(pairs, filter_frame, Refinement())
    np.testing.assert_allclose(step.final, 0.25)


@pytest.mark.parametrize(("size", "padded"), [((10, 13), (32, 32)), ((32, 65), (32, 96))])
def test_padding_is_cut_off_again(size, padded):
    picture = np.random.default_rng(0).random((*size, 3))
    wide = deflicker.pad(picture)
    assert wide.shape == (*padded, 3)
    found = deflicker.displayable(wide, size)
    np.testing.assert_array_equal(found, np.round(picture * 255).astype(np.uint8))


def test_as_published_the_padding_is_squeezed_in():
    wide = deflicker.pad(np.full((10, 13, 3), 0.999))
    assert deflicker.displayable(wide, (10, 13))[0, 0, 0] == 255
    found = deflicker.displayable(wide, (10, 13), as_published=True)
    assert found.shape == (10, 13, 3)
    assert found[0, 0, 0] == 254
