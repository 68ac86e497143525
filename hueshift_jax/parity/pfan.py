"""References of PFAN: the network and its loss."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import pfan
from hueshift_jax.losses import saliency
from hueshift_jax.parity.case import Case, nchw, nhwc


def compare_network(case: Case) -> None:
    """Saliency, with running and with batch statistics."""
    x = jnp.asarray(nhwc(case.draw("x")))
    network = case.network(pfan.PFAN)
    run = nnx.jit(lambda net, x: net(x))
    prediction = run(network, x)
    case.compare("y", nchw(prediction.saliency))
    case.compare("reg", prediction.regularizer)
    network.train()
    prediction = run(network, x)
    case.compare("y_train", nchw(prediction.saliency))
    case.compare("reg_train", prediction.regularizer)
    case.compare("cpfe5_running_mean", network.reaches[-1].norm.mean[...])


def compare_loss(case: Case) -> None:
    """The loss and its parts, the edges, and what certainty costs."""
    found = jnp.asarray(nhwc(case.draw("pred")))
    truth = jnp.asarray(nhwc(case.draw("gt")) > case.find(r">\s*([\d.]+)", 0.5), jnp.float32)
    share = case.args.get("alpha_sal", 0.7)

    def loss_of(found, truth):
        return saliency.edge_saliency(found, truth, share=share, as_published=True)

    parts = (
        saliency.weighted_cross_entropy(found, truth),
        saliency.edge_cross_entropy(found, truth, as_published=True),
    )
    case.compare("values", jnp.stack([loss_of(found, truth), *parts]))
    case.compare("edges_gt", nchw(saliency.edges(truth)))
    case.compare("edges_pred", nchw(saliency.edges(found)))
    certain = (np.array(case.input(name), np.float32) for name in ("pred2", "gt2"))
    case.compare("saturated", loss_of(*(jnp.asarray(x)[None, :, :, None] for x in certain)))


RUNNERS = {"pfan": compare_network, "pfan_edge_loss": compare_loss}
