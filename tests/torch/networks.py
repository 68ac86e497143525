"""Five published networks written once more in PyTorch, with the published names.

Imported by tests marked `torch` only, inside functions: without PyTorch this module must not be.
"""

import math

import torch
from torch import nn
from torch.nn import functional


class Encoder(nn.Module):
    """VGG-16 with a stride in place of every pool; the first layer has no norm."""

    def __init__(self):
        super().__init__()
        inputs = 1
        for place, (width, count) in enumerate(zip((64, 128, 256, 512, 512), (2, 2, 3, 3, 4))):
            layers = []
            for n in range(count):
                layers.append(nn.Conv2d(inputs, width, 3, 2 if n == count - 1 else 1, 1))
                if (place, n) != (0, 0):
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU())
                inputs = width
            self.add_module(f"block{place + 1}", nn.Sequential(*layers))

    def forward(self, gray):
        """Features at a 32nd of the size."""
        return self.block5(self.block4(self.block3(self.block2(self.block1(gray)))))


class _TwoConvs(nn.Module):
    def __init__(self, name, inputs, outputs):
        super().__init__()
        self.names = f"{name}conv1", f"{name}conv2"
        for part, channels in zip(self.names, (inputs, outputs)):
            self.add_module(part, nn.Conv2d(channels, outputs, 3, 1, 1, bias=False))

    def forward(self, x):
        for part in self.names:
            x = torch.relu(getattr(self, part)(x))
        return x


class FilterUNet(nn.Module):
    """A U-Net of four levels without norms."""

    def __init__(self, in_channels, out_channels, init_features):
        super().__init__()
        widths = [in_channels, *(init_features * 2**n for n in range(5))]
        for n in range(1, 5):
            here, below = widths[n], widths[n + 1]
            self.add_module(f"encoder{n}", _TwoConvs(f"enc{n}", widths[n - 1], here))
            up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.add_module(f"upconv{n}", nn.Sequential(up, nn.Conv2d(below, here, 3, 1, 1)))
            self.add_module(f"decoder{n}", _TwoConvs(f"dec{n}", 2 * here, here))
        self.bottleneck = _TwoConvs("bottleneck", widths[4], widths[5])
        self.conv = nn.Conv2d(init_features, out_channels, 1)

    def forward(self, x):
        """The filtered frame."""
        skips = []
        for n in range(1, 5):
            skips.append(getattr(self, f"encoder{n}")(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottleneck(x)
        for n in range(4, 0, -1):
            x = torch.cat([getattr(self, f"upconv{n}")(x), skips[n - 1]], 1)
            x = getattr(self, f"decoder{n}")(x)
        return self.conv(x)


class CoordinateNetwork(nn.Module):
    """Linear layers on sines and cosines of coordinates, which some see again without gradient."""

    def __init__(self, input_dim, output_dim, hidden_dim, positional_dim, num_layers, skip_layers):
        super().__init__()
        encoded = 2 * input_dim * positional_dim
        self.octaves, self.skips = positional_dim, skip_layers
        self.hidden = nn.ModuleList(
            nn.Linear(
                (hidden_dim if n else encoded) + (encoded if n in skip_layers else 0),
                output_dim if n == num_layers - 1 else hidden_dim,
            )
            for n in range(num_layers)
        )

    def forward(self, points):
        """Values -1..1."""
        angles = torch.stack([points * math.pi * 2**n for n in range(self.octaves)], 1)
        encoded = torch.cat([angles.sin(), angles.cos()], -1).flatten(1)
        x = encoded
        for n, layer in enumerate(self.hidden):
            x = torch.relu(x) if n else x
            x = layer(torch.cat([x, encoded.detach()], 1) if n in self.skips else x)
        return torch.tanh(x)


class PatchDiscriminator(nn.Module):
    """Instance norms with scale and bias; the first layer has no rectifier."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        w = out_channels
        layers = [nn.Conv2d(in_channels, w, 4, 2, 1), nn.InstanceNorm2d(w, affine=True)]
        for inputs, outputs, stride in ((w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 1)):
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False),
                nn.InstanceNorm2d(outputs, affine=True),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * w, 1, 4, 1, 1))

    def forward(self, lab):
        """A map of logits."""
        return self.layers(lab)


class ConvLSTM(nn.Module):
    """All gates from one convolution."""

    def __init__(self, input_size, hidden_size, kernel_size):
        super().__init__()
        both = input_size + hidden_size
        self.Gates = nn.Conv2d(both, 4 * hidden_size, kernel_size, 1, kernel_size // 2)

    def forward(self, x, memory):
        """The new output and cell."""
        output, cell = memory
        taken, kept, shown, proposed = self.Gates(torch.cat([x, output], 1)).chunk(4, 1)
        cell = kept.sigmoid() * cell + taken.sigmoid() * proposed.tanh()
        return shown.sigmoid() * cell.tanh(), cell
