"""The plain convolutional U-Net whose parameter names match nnU-Net v2's ``PlainConvUNet``.

Names decide whether a checkpoint written here runs in nnU-Net's own predictor and the other way round, so
the module tree below keeps its aliases: a block's layers appear both as ``conv``/``norm`` and inside
``all_modules``, and the decoder holds the encoder a second time.

Source: Isensee et al., nnU-Net, Nature Methods 2021; Ronneberger et al., U-Net, MICCAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LEAKY_SLOPE = 0.01
NORM_EPS = 1e-5

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class UNetArchitecture:
    """The shape of a 3-D U-Net. Kernels and strides are per stage, in array order [k, j, i]."""

    in_channels: int
    class_count: int
    features: tuple[int, ...]
    kernel_sizes: tuple[Triple, ...]
    strides: tuple[Triple, ...]
    encoder_convs: tuple[int, ...]
    decoder_convs: tuple[int, ...]
    conv_bias: bool = True
    norm_eps: float = NORM_EPS
    norm_affine: bool = True

    def __post_init__(self) -> None:
        stages = len(self.features)
        lengths = {len(self.kernel_sizes), len(self.strides), len(self.encoder_convs), stages}
        if lengths != {stages} or len(self.decoder_convs) != stages - 1 or stages < 2:
            raise ValueError(f"The U-Net's per-stage lists disagree in length: {self}.")

    @property
    def divisor(self) -> Triple:
        """The factor by which each axis of a patch must be divisible."""
        product = [1, 1, 1]
        for stride in self.strides:
            product = [p * s for p, s in zip(product, stride, strict=True)]
        return (product[0], product[1], product[2])


class ConvNormAct(nn.Module):
    """Convolution, instance norm, leaky ReLU."""

    def __init__(self, arch: UNetArchitecture, in_ch: int, out_ch: int, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        padding = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2, (kernel[2] - 1) // 2)
        self.conv = nn.Conv3d(in_ch, out_ch, kernel, stride, padding, bias=arch.conv_bias)
        self.norm = nn.InstanceNorm3d(out_ch, eps=arch.norm_eps, affine=arch.norm_affine)
        self.nonlin = nn.LeakyReLU(LEAKY_SLOPE, inplace=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, self.nonlin)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, in_ch, k, j, i]`` to ``[N, out_ch, k/s, j/s, i/s]``."""
        out: Tensor = self.all_modules(x)
        return out


class StackedConvBlocks(nn.Module):
    """Several blocks in a row; the first carries the stride."""

    def __init__(
        self, arch: UNetArchitecture, count: int, in_ch: int, out_ch: int, kernel: Triple, stride: Triple
    ) -> None:
        super().__init__()
        blocks = [ConvNormAct(arch, in_ch, out_ch, kernel, stride)]
        blocks += [ConvNormAct(arch, out_ch, out_ch, kernel, (1, 1, 1)) for _ in range(count - 1)]
        self.convs = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the blocks in order."""
        out: Tensor = self.convs(x)
        return out


class Encoder(nn.Module):
    """The contracting path; returns the skips from fine to coarse."""

    def __init__(self, arch: UNetArchitecture) -> None:
        super().__init__()
        stages = []
        in_ch = arch.in_channels
        for i, out_ch in enumerate(arch.features):
            block = StackedConvBlocks(arch, arch.encoder_convs[i], in_ch, out_ch, arch.kernel_sizes[i], arch.strides[i])
            stages.append(nn.Sequential(block))
            in_ch = out_ch
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return one feature map per stage."""
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        return skips


class Decoder(nn.Module):
    """The expanding path with one segmentation head per resolution."""

    def __init__(self, arch: UNetArchitecture, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        blocks: list[nn.Module] = []
        ups: list[nn.Module] = []
        heads: list[nn.Module] = []
        for i in range(len(arch.features) - 1, 0, -1):
            below, skip, stride = arch.features[i], arch.features[i - 1], arch.strides[i]
            ups.append(nn.ConvTranspose3d(below, skip, stride, stride, bias=arch.conv_bias))
            count = arch.decoder_convs[len(blocks)]
            blocks.append(StackedConvBlocks(arch, count, 2 * skip, skip, arch.kernel_sizes[i - 1], (1, 1, 1)))
            heads.append(nn.Conv3d(skip, arch.class_count, 1, bias=True))
        self.stages = nn.ModuleList(blocks)
        self.transpconvs = nn.ModuleList(ups)
        self.seg_layers = nn.ModuleList(heads)

    def forward(self, skips: Sequence[Tensor], every_scale: bool) -> list[Tensor]:
        """Return logits from fine to coarse; only the finest unless ``every_scale``."""
        x = skips[-1]
        outputs: list[Tensor] = []
        for i, stage in enumerate(self.stages):
            up = self.transpconvs[i](x)
            x = stage(torch.cat((up, skips[-(i + 2)]), 1))
            if every_scale or i == len(self.stages) - 1:
                outputs.append(self.seg_layers[i](x))
        return outputs[::-1]


class PlainConvUNet(nn.Module):
    """A U-Net from ``[N, channels, k, j, i]`` to logits ``[N, classes, k, j, i]``."""

    def __init__(self, arch: UNetArchitecture) -> None:
        super().__init__()
        self.arch = arch
        self.encoder = Encoder(arch)
        self.decoder = Decoder(arch, self.encoder)

    def forward(self, x: Tensor) -> Tensor:
        """Return the full-resolution logits."""
        logits: Tensor = self.decoder(self.encoder(x), False)[0]
        return logits

    def forward_every_scale(self, x: Tensor) -> list[Tensor]:
        """Return the logits of each resolution, finest first, for deep supervision."""
        outputs: list[Tensor] = self.decoder(self.encoder(x), True)
        return outputs


def initialise_weights(network: nn.Module) -> None:
    """Fill convolutions by He's rule for leaky ReLU, biases with zero, as nnU-Net does."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(module.weight, a=LEAKY_SLOPE)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
