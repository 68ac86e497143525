"""Gradients of every published network: finite, and none zero but of what is never used."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.interop.networks import networks
from hueshift_jax.nn.spectral import SingularVector
from hueshift_jax.parity import recipes

NETWORKS = networks()
SMALL = {
    "hueshift_discriminator": ({}, (32, 32)),
    "scgan_discriminator70": ({"start_channels": 4}, (64, 64)),
    "atlas_mapping": ({"hidden_dim": 16}, (4, 4)),
    "atlas_background_mapping": ({"hidden_dim": 16}, (4, 4)),
    "atlas_texture": ({"hidden_dim": 16}, (4, 4)),
    "atlas_opacity": ({"hidden_dim": 16}, (4, 4)),
    "deflicker_filter": ({"init_features": 4}, (32, 32)),
    "deflicker_refinement": ({"nf": 4, "blocks": 1}, (32, 32)),
    "conv_lstm": ({"input_size": 3, "hidden_size": 4}, (6, 6)),
    "three_frame_patch_discriminator": ({"ndf": 4}, (64, 64)),
    "colorization_net_discriminator": ({"features": [4, 8, 16, 32]}, (64, 64)),
    "dynamic_unet_discriminator": ({"out_channels": 4}, (64, 64)),
}
"""Arguments and size of networks whose gradient compiles in seconds."""
UNUSED = {
    "hueshift_generator": r"^saliency_dec",
    "vgg19": r"^features\.(30|32|34)\.",
    "dlvc_vit_b_32": r"^heads\.",
    "pwc_net": r"^deconv2\.",
    "pwc_net_old": r"^deconv2\.",
    "inception_v3": r"^AuxLogits\.",
    "inception_v3_fid": r"^fc\.",
    "three_frame_generator": r"^(attn|deconvLAB\.)",
    "three_frame_generator_older": r"^bn10\.",
    "per_frame_generator": r"^bn10\.",
    "three_frame_patch_discriminator": r"^attn",
    "three_frame_whole_discriminator": r"^attn",
    "colorization_net": r"^global_resnet\.[67]\.|_net\.(fusion|bn[145]|deconv1_new)\.",
}
"""Regular expressions of published parameters that no output of the originals depends on."""
EVERY = [name if name in SMALL else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS]


def with_random_weights(published, args):
    network = published.abstract(args)
    for name, place in published.places(network).items():
        drawn = recipes.tensor("gradients", name, place.published_shape)
        place.variable.set_value(jnp.asarray(place.layout.read(drawn)))
    network.eval()
    return network


@pytest.mark.parametrize("name", EVERY)
def test_gradients(name):
    published = NETWORKS[name]
    args, size = SMALL.get(name, ({}, published.size))
    network = with_random_weights(published, args)
    rng = np.random.default_rng(0)
    inputs = published.inputs(args, size, rng)
    if jax.tree.leaves(nnx.state(network, SingularVector)):
        network.train()  # Random singular vectors give scores at which sigmoids are flat.
        nnx.jit(published.call)(network, *inputs)
        network.eval()
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    def weighted(params, rest, inputs):
        outputs = published.call(nnx.merge(graph, params, rest, copy=True), *inputs)
        return sum(jnp.vdot(y, jnp.cos(jnp.arange(y.size)).reshape(y.shape)) for y in outputs)

    gradients = jax.jit(jax.grad(weighted))(params, rest, inputs)
    places = published.places(nnx.merge(graph, gradients, rest, copy=True))
    trained = {n: p for n, p in places.items() if isinstance(p.variable, nnx.Param)}
    values = {name: np.asarray(place.variable[...]) for name, place in trained.items()}
    assert not [name for name, value in values.items() if not np.isfinite(value).all()]
    zero = {name for name, value in values.items() if not value.any()}
    unused = re.compile(UNUSED.get(name, r"(?!)"))
    assert zero == {name for name in values if unused.search(name)}
