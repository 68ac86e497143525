"""The default system's training step in plain PyTorch, to be timed beside ours.

Attributes have our names, so that weights go over by name (`copy_weights`). What is frozen, the
norms, losses, clipping, optimizer and averages are those of `hueshift_jax.systems.hueshift_gan`.
The one departure: PyTorch's running variance is unbiased, which no training loss sees.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BLOCKS = (
    # kernel, stride, expansion, inputs, outputs of EfficientNet-Lite2
    (3, 1, 1, 32, 16),
    *((3, 2 - (n > 0), 6, 24 if n else 16, 24) for n in range(3)),
    *((5, 2 - (n > 0), 6, 48 if n else 24, 48) for n in range(3)),
    *((3, 2 - (n > 0), 6, 88 if n else 48, 88) for n in range(4)),
    *((5, 1, 6, 120 if n else 88, 120) for n in range(4)),
    *((5, 2 - (n > 0), 6, 208 if n else 120, 208) for n in range(5)),
    (3, 1, 6, 208, 352),
)
TAPS = (3, 6, 14)
"""Blocks after which the decoder takes features."""
AB_SCALE = 32.0
RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)


class Same(nn.Conv2d):
    """TensorFlow's padding: at stride 2 the odd row and column go to the bottom and right."""

    def forward(self, x):
        pads = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size, self.stride):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] == pads[2] == pads[3]:
            return functional.conv2d(
                x, self.weight, self.bias, self.stride, pads[0], groups=self.groups
            )
        return super().forward(functional.pad(x, pads))


class Block(nn.Module):
    """Inverted residual; the norms are folded, the depthwise filter is frozen."""

    def __init__(self, kernel, stride, expansion, inputs, outputs):
        super().__init__()
        width = inputs * expansion
        self.expand = nn.Conv2d(inputs, width, 1) if expansion > 1 else None
        self.filter = Same(width, width, kernel, stride, groups=width)
        self.filter.weight.requires_grad = False
        self.project = nn.Conv2d(width, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.filter(y)))
        return x + y if self.residual else y


class Encoder(nn.Module):
    """EfficientNet-Lite2 for gray; the stem and the first blocks are frozen."""

    def __init__(self, frozen):
        super().__init__()
        self.stem = Same(1, 32, 3, 2)
        self.blocks = nn.ModuleList([Block(*spec) for spec in BLOCKS])
        self.frozen = frozen
        for part in (self.stem, *self.blocks[:frozen]):
            part.requires_grad_(False)

    def forward(self, x):
        features = []
        with torch.no_grad():
            x = functional.relu6(self.stem((x * 255.0 - 127.0) / 128.0))
            for number in range(self.frozen):
                x = self.blocks[number](x)
                features += [x] * (number in TAPS)
        for number in range(self.frozen, len(self.blocks)):
            x = self.blocks[number](x)
            features += [x] * (number in TAPS)
        return [*features, x]


class ConvBlock(nn.Module):
    """3x3, batch norm, ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, momentum=0.01)

    def forward(self, x):
        return functional.relu(self.norm(self.conv(x)))


class Stage(nn.Module):
    """Upsample, add the encoder's features, refine."""

    def __init__(self, inputs, skip, width, blocks):
        super().__init__()
        self.from_below = nn.Conv2d(inputs, width, 1, bias=False)
        self.from_skip = nn.Conv2d(skip, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width, momentum=0.01)
        self.blocks = nn.ModuleList([ConvBlock(width, width) for _ in range(blocks)])

    def forward(self, below, skip):
        below = functional.interpolate(self.from_below(below), scale_factor=2, mode="bilinear")
        x = functional.relu(self.norm(below + self.from_skip(skip)))
        for block in self.blocks:
            x = x + block(x)
        return x


class Context(nn.Module):
    """Global features that scale and shift the deepest ones."""

    def __init__(self, inputs, width):
        super().__init__()
        self.narrow = nn.Conv2d(inputs, width, 1)
        self.hidden = nn.Linear(inputs, width)
        self.modulate = nn.Linear(width, 2 * width)

    def forward(self, x):
        vector = functional.relu(self.hidden(x.mean((2, 3))))
        scale, shift = self.modulate(vector)[:, :, None, None].chunk(2, 1)
        return functional.relu(self.narrow(x) * (1.0 + scale) + shift), vector


class ChromaUNet(nn.Module):
    """Luma (b, h, w) in; ab (b, 2, h/4, w/4) and logits (b, n, h/8, w/8) out."""

    def __init__(self, widths, bins, frozen):
        super().__init__()
        self.encoder = Encoder(frozen)
        self.context = Context(352, widths[0])
        self.stage16 = Stage(widths[0], 120, widths[1], 2)
        self.stage8 = Stage(widths[1], 48, widths[2], 2)
        self.stage4 = Stage(widths[2], 24, widths[3], 1)
        self.regression = nn.Conv2d(widths[3], 2, 3, padding=1)
        self.function = nn.Linear(widths[0], 20)
        self.bins = nn.Conv2d(widths[2], bins, 1)

    def forward(self, luma):
        picture = luma[:, None].contiguous(memory_format=torch.channels_last)
        skip4, skip8, skip16, deep = self.encoder(picture)
        x, vector = self.context(deep)
        x8 = self.stage8(self.stage16(x, skip16), skip8)
        local = self.regression(self.stage4(x8, skip4))
        terms = polynomial(functional.avg_pool2d(luma[:, None], 4)[:, 0])
        smooth = torch.einsum("bthw,btc->bchw", terms, self.function(vector).view(-1, 10, 2))
        return AB_SCALE * (0.25 * local + smooth), self.bins(x8)


def polynomial(luma):
    """Ten monomials of luma and position."""
    y, x = (torch.linspace(-1.0, 1.0, n) for n in luma.shape[1:])
    y, x = y[None, :, None].expand_as(luma), x[None, None].expand_as(luma)
    v = 2.0 * luma - 1.0
    return torch.stack([torch.ones_like(v), v, y, x, v * v, v * y, v * x, y * y, y * x, x * x], 1)


# -- Color and losses, channels first ----------------------------------------------------------


def mix(colors, matrix):
    """A 3x3 matrix applied to the channels."""
    return torch.einsum("rc,bchw->brhw", torch.tensor(matrix, dtype=torch.float32), colors)


def srgb_to_lab(srgb):
    """CIELAB of sRGB 0..1."""
    curved = ((srgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, curved)
    t = mix(linear, np.array(RGB_TO_XYZ) / np.array(WHITE)[:, None])
    f = torch.where(t > 0.008856, t.clamp(min=0.008856) ** (1 / 3), 7.787 * t + 16.0 / 116.0)
    x, y, z = f.unbind(1)
    return torch.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], 1)


def lab_to_srgb(lightness, ab):
    """sRGB of CIELAB, not clipped."""
    fy = (lightness + 16.0) / 116.0
    f = torch.stack([fy + ab[:, 0] / 500.0, fy, (fy - ab[:, 1] / 200.0).clamp(min=0.0)], 1)
    t = torch.where(f > 0.2068966, f**3, (f - 16.0 / 116.0) / 7.787)
    linear = mix(t, np.linalg.inv(np.array(RGB_TO_XYZ)) * np.array(WHITE))
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved)


def soft_bins(ab, bins):
    """How much each ab cell stands for a color."""
    squared = (ab**2).sum(1, keepdim=True) - 2.0 * torch.einsum("nc,bchw->bnhw", bins, ab)
    return torch.softmax(-(squared + (bins**2).sum(1)[None, :, None, None]) / 50.0, 1)


def losses(config, prediction, lab, target, prior):
    """The whole loss, and what the log shows beside it."""
    (ab, logits), truth = prediction, lab[:, 1:]
    huber = functional.smooth_l1_loss(ab / 5.0, truth / 5.0)
    error = lab_to_srgb(lab[:, 0], ab) - lab_to_srgb(lab[:, 0], truth)
    log_mse = torch.log((error**2).mean((1, 2, 3)) + 1e-3).mean()
    weights = 1.0 / (0.5 * prior + 0.5 / len(prior))
    weights = weights / (prior * weights).sum()
    entropy = -(target * torch.log_softmax(logits, 1)).sum(1)
    bins = (weights[target.argmax(1)] * entropy).mean()
    ratio = torch.linalg.vector_norm(ab.detach()) / torch.linalg.vector_norm(truth)
    weighted = config.huber_weight * huber + config.log_mse_weight * log_mse
    return weighted + config.bins_weight * bins, ratio


# -- The step ------------------------------------------------------------------------------------


class Step:
    """Network, optimizer, averages, and one step of them.

    config: our system's.
    bins: centers of the ab cells.
    rate: (step, peak) -> learning rate.
    """

    def __init__(self, config, bins, rate):
        self.config, self.rate, self.steps = config, rate, 0
        self.network = ChromaUNet(config.widths, len(bins), config.frozen_blocks)
        self.network.to(memory_format=torch.channels_last).train()
        self.bins = torch.from_numpy(bins)
        self.prior = torch.full((len(bins),), 1.0 / len(bins))
        self.optimizer = torch.optim.AdamW(self._groups(), fused=True)
        self.average = []

    def take(self, params, stats):
        """Begins with our weights."""
        copy_weights(self.network, params, stats)
        self.average = [value.detach().clone() for value in self._state()]

    def _state(self):
        return [v for v in self.network.state_dict().values() if v.is_floating_point()]

    def _groups(self):
        optim = self.config.optim
        for room, peak in (("encoder", optim.encoder_lr), ("decoder", optim.lr)):
            named = [
                parameter
                for name, parameter in self.network.named_parameters()
                if parameter.requires_grad and name.startswith("encoder.") == (room == "encoder")
            ]
            for decays in (True, False):
                yield {
                    "params": [p for p in named if (p.ndim > 1) == decays],
                    "weight_decay": optim.weight_decay if decays else 0.0,
                    "peak": peak,
                }

    def __call__(self, luma, rgb_u8):
        """One step; the loss before it and the gradient's norm."""
        rgb = torch.from_numpy(rgb_u8).permute(0, 3, 1, 2).float() / 255.0
        lab = srgb_to_lab(rgb)
        target = soft_bins(functional.avg_pool2d(lab[:, 1:], 2), self.bins)
        self.prior = 0.999 * self.prior + 0.001 * target.mean((0, 2, 3))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.steps, group["peak"])
        self.optimizer.zero_grad()
        prediction = self.network(torch.from_numpy(luma))
        loss, ratio = losses(self.config, prediction, lab, target, self.prior)
        loss.backward()
        trained = [p for p in self.network.parameters() if p.requires_grad]
        norm = nn.utils.clip_grad_norm_(trained, self.config.optim.clip_norm)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self._state(), 1.0 - self.config.ema_decay)
        self.steps += 1
        return loss.item(), norm.item(), ratio.item()


def copy_weights(network, params, stats):
    """Gives `network` the values of ours, flat dictionaries by dotted name."""
    ours = {_name(name): _laid_out(name, np.asarray(value)) for name, value in params.items()}
    for name, value in stats.items():
        if name.endswith((".mean", ".var")):
            ours[name.replace(".mean", ".running_mean").replace(".var", ".running_var")] = value
    expected = network.state_dict()
    for name, value in expected.items():
        if not name.endswith("num_batches_tracked"):
            value.copy_(torch.from_numpy(np.array(ours.pop(name))).view(value.shape))
    if ours:
        raise SystemExit(f"PyTorch's network has no place for {sorted(ours)[:5]}")


def _name(name):
    room, _, last = name.rpartition(".")
    return f"{room}.{'weight' if last in ('kernel', 'scale') else last}"


def _laid_out(name, value):
    if not name.endswith(".kernel"):
        return value
    if value.ndim == 3:  # depthwise
        return value.transpose(2, 0, 1)
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


def schedule(optim):
    """Rise, plateau, fall to zero: the rate at a step, of a peak."""
    rise = max(min(optim.warmup, optim.steps // 4), 1)
    fall = max(min(round(optim.descent * optim.steps), optim.steps - rise), 1)
    turn = max(optim.steps - fall, rise)

    def rate(step, peak):
        return peak * min(step / rise, 1.0, 1.0 - max(step - turn, 0) / fall)

    return rate
