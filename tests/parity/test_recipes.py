"""Recipes are read as they are written, and draw what their names say."""

import numpy as np
import pytest

from hueshift_jax.errors import ParityError
from hueshift_jax.parity import recipes
from hueshift_jax.parity.recipes import Recipe


def parsed(text, **symbols):
    return list(recipes.read(text, symbols))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image(key,'x',(2,3,64,96),-2.0,2.4)", [("image", None, "x", (2, 3, 64, 96), -2.0, 2.4)]),
        ('image(key,"x%d",(2,8,6,7),-1,1) t=0..2', [("image", None, "x%d", (2, 8, 6, 7), -1, 1)]),
        ("image('other','L',(1,1,8,8))", [("image", "other", "L", (1, 1, 8, 8), 0, 1)]),
        ("normal(key,'eps',(1,3)), more", [("normal", None, "eps", (1, 3), 0, 1)]),
        ("u8('bgr',(60,84)), B,G,R", [("u8", None, "bgr", (60, 84), 0, 1)]),
        (
            'tokens generator(key,"tokens").standard_normal((2,50,768)); t=[7]',
            [("normal", None, "tokens", (2, 50, 768), 0, 1)],
        ),
        (
            "max(generator(key,'a'|'b').standard_normal((5,4)),0) for image 0|1",
            [("normal", None, "a", (5, 4), 0, 1), ("normal", None, "b", (5, 4), 0, 1)],
        ),
        (
            'x=image(key,"x",(2,3,6,6)), y=image(key,"y",...) in [0,1]',
            [("image", None, "x", (2, 3, 6, 6), 0, 1), ("image", None, "y", (2, 3, 6, 6), 0, 1)],
        ),
        (
            'real image(key,"lab",...), fake image(key,"fake",(2,3,4,6),-1,1), alpha=[0.25,0.7]',
            [
                ("image", None, "lab", (2, 3, 4, 6), -1, 1),
                ("image", None, "fake", (2, 3, 4, 6), -1, 1),
            ],
        ),
        (
            'image(key,"x",(1,4),-1,1), image(key,"y",...,0,2), u8("z",...)',
            [
                ("image", None, "x", (1, 4), -1, 1),
                ("image", None, "y", (1, 4), 0, 2),
                ("u8", None, "z", (1, 4), -1, 1),
            ],
        ),
        (
            "big=image(key,'x',(n,3,h+16,w+16)); n,h,w=2,128,192; cut",
            [("image", None, "x", (2, 3, 144, 208), 0, 1)],
        ),
        ("20*(image(key,'f',(1,2,24,32))-0.5)", [("image", None, "f", (1, 2, 24, 32), 0, 1)]),
        ("stored", []),
        ("normal = generator(key,name).standard_normal(shape)", []),
    ],
)
def test_reading(text, expected):
    assert parsed(text) == [Recipe(*values) for values in expected]


def test_symbols_from_elsewhere():
    (recipe,) = parsed('image(key,"mask",(N,1,H,W))>0.4', N=5, H=16, W=24)
    assert recipe.shape == (5, 1, 16, 24)


@pytest.mark.parametrize("text", ["image(key,'x',(n,3))", "image(key,'x',(2,3)"])
def test_what_cannot_be_read(text):
    with pytest.raises(ParityError, match="recipe"):
        parsed(text)


def test_bounds_and_kinds():
    picture = Recipe("image", None, "x", (3, 20, 30), -2.0, 2.5).draw("key")
    assert (picture.min(), picture.max()) == (-2.0, 2.5)
    assert picture.dtype == np.float32
    assert Recipe("u8", None, "x", (3, 20, 30)).draw("key").dtype == np.uint8
    drawn = Recipe("normal", None, "z%d", (2, 3)).draw("key", 4)
    np.testing.assert_array_equal(drawn, recipes.normal("key", "z4", (2, 3)))
    np.testing.assert_array_equal(Recipe("normal", "key", "z4", (2, 3)).draw("another"), drawn)


def test_tensors_follow_their_names():
    def mean_and_deviation(name, shape=(4000,)):
        value = recipes.tensor("key", name, shape)
        return round(float(value.mean()), 1), round(float(value.std()), 1)

    assert mean_and_deviation("norm.running_var") == (1.0, 0.3)
    assert mean_and_deviation("norm.running_mean") == (0.0, 0.1)
    assert mean_and_deviation("norm.weight") == (1.0, 0.1)
    assert mean_and_deviation("norm.bias") == (0.0, 0.1)
    assert mean_and_deviation("conv.weight", (400, 8)) == (0.0, 0.5)
    assert recipes.tensor("key", "gamma", (1,)) == 0.5
    assert recipes.tensor("key", "norm.num_batches_tracked", ()) == 0
    assert np.linalg.norm(recipes.tensor("key", "conv.weight_u", (64,))) == pytest.approx(1)
