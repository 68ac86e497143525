"""Every published network by the table: names, tensors both ways, shapes; no array is computed."""

import functools
import importlib
from collections import Counter

import jax
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.interop import networks as table
from hueshift_jax.interop.published import Published

NETWORKS = table.networks()
_ABSTRACT = Published.abstract
BOTH_WAYS = [name for name, network in NETWORKS.items() if type(network) is Published]
"""The others are folded when they are read and cannot be written."""
OUTPUTS = {
    "hueshift_generator": [(1, 3, 48, 48), (1, 1, 48, 48)],
    "hueshift_encoder": [(1, 512, 2, 2)],
    "hueshift_autoencoder": [(1, 1, 64, 64)],
    "hueshift_discriminator": [(1, 1, 1, 1)],
    "pfan": [(1, 1, 64, 64), ()],
    "hueshift_unet": [(1, 2, 32, 32)],
    "hueshift_vae": [(1, 3, 64, 64), (1, 6, 8, 8), (1, 3, 8, 8), (1, 3, 8, 8)],
    "scgan_perceptual": [(1, 256, 16, 16)],
    "scgan_generator": [(1, 3, 256, 256), (1, 1, 256, 256)],
    "scgan_discriminator70": [(1, 1, 30, 30)],
    "vgg19": [
        (1, 64, 64, 64),
        (1, 128, 32, 32),
        (1, 256, 16, 16),
        (1, 512, 8, 8),
        (1, 512, 4, 4),
    ],
    "dlvc_unet": [(1, 4, 28, 28)],
    "dlvc_vae": [(1, 3, 64, 64)],
    "dlvc_vit_b_32": [(1, 50, 768)],
    "fast_flow_net": [(1, 2, 32, 48)],
    "pwc_net": [(1, 2, 32, 48)],
    "pwc_net_old": [(1, 2, 32, 48)],
    "pwc_net_second": [(1, 2, 32, 48)],
    "raft": [(1, 2, 16, 20), (1, 2, 128, 160)],
    "raft_small": [(1, 2, 16, 20), (1, 2, 128, 160)],
    "flowchroma": [(1, 3, 240, 320, 2)],
    "inception_resnet_v2": [(1, 1000)],
    "inception_v3": [(1, 1000)],
    "inception_v3_fid": [(1, 2048, 1, 1)],
    "squeezenet": [(1, 1000)],
    "squeezenet_features": [(1, 512, 13, 13)],
    "efficientnet_lite0": [(1, 1000)],
    "efficientnet_lite1": [(1, 1000)],
    "efficientnet_lite2": [(1, 1000)],
    "resnet18": [(1, 1000)],
    "three_frame_generator": [(1, 3, 64, 64)],
    "three_frame_generator_older": [(1, 3, 64, 64)],
    "three_frame_patch_discriminator": [(6, 6)],
    "three_frame_whole_discriminator": [(1, 1, 1, 1)],
    "per_frame_generator": [(1, 3, 64, 64)],
    "atlas_mapping": [(256, 2)],
    "atlas_background_mapping": [(256, 2)],
    "atlas_texture": [(256, 3)],
    "atlas_opacity": [(256, 1)],
    "deflicker_filter": [(1, 3, 64, 64)],
    "deflicker_refinement": [(1, 3, 64, 64), (1, 128, 16, 16), (1, 128, 16, 16)],
    "conv_lstm": [(1, 128, 16, 16), (1, 128, 16, 16)],
    "colorization_net": [(1, 2, 64, 64)],
    "colorization_net_discriminator": [(1, 1, 6, 6)],
    "dynamic_unet": [(1, 2, 64, 64)],
    "dynamic_unet_discriminator": [(1, 1, 6, 6)],
    "tcvc_generator": [(1, 3, 64, 64)],
    "tcvc_discriminator": [(1, 1, 6, 6)],
}
"""Shapes of what each network gives for its example, in the published layout."""


@functools.cache
def abstract(name):
    """The network's structure and shapes."""
    return nnx.split(_ABSTRACT(NETWORKS[name], {}))


def example(name):
    published = NETWORKS[name]
    return published.inputs({}, published.size, np.random.default_rng(0))


def shapes_of(name, inputs):
    """Shapes of the outputs, in the published layout."""
    graph, state = abstract(name)

    def call(state, *inputs):
        network = nnx.merge(graph, state, copy=True)
        network.eval()
        return NETWORKS[name].call(network, *inputs)

    return [y.shape for y in jax.eval_shape(call, state, *inputs)]


def test_names_are_unique():
    rooms = [importlib.import_module(f"hueshift_jax.interop.{room}") for room in table.ROOMS]
    counts = Counter(published.name for room in rooms for published in room.NETWORKS)
    assert not [name for name, count in counts.items() if count > 1]


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_weights_go_both_ways(name, monkeypatch):
    monkeypatch.setattr(Published, "abstract", lambda self, args: nnx.merge(*abstract(self.name)))
    published = NETWORKS[name]
    places = published.places(nnx.merge(*abstract(name)))
    # One number per tensor, spread over its shape without memory.
    tensors = {
        name: np.broadcast_to(np.float32(number), place.published_shape)
        for number, (name, place) in enumerate(places.items())
    }
    loaded = published.load({}, tensors)
    exported = published.export(loaded)
    for tensor, value in tensors.items():
        assert exported[tensor].shape == value.shape, tensor
        assert exported[tensor].flat[0] == value.flat[0], tensor
    if exported.keys() != tensors.keys():  # Some tensors bear several names.
        again = published.export(published.load({}, exported))
        assert {n: v.flat[0] for n, v in again.items()} == {
            n: v.flat[0] for n, v in exported.items()
        }


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name):
    assert shapes_of(name, example(name)) == OUTPUTS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_another_number_of_channels_is_refused(name):
    first, *rest = example(name)
    wrong = np.concatenate([first, first[:, :1]], 1)
    with pytest.raises(ShapeError, match="expected"):
        shapes_of(name, (wrong, *rest))
