"""The convolutional U-Net, in two or three dimensions, whose parameter names match nnU-Net v2's ``PlainConvUNet``.

Names decide whether a checkpoint written here runs in nnU-Net's own predictor and the other way round, so
the module tree below keeps its aliases: a block's layers appear both as ``conv``/``norm`` and inside
``all_modules``, and the decoder holds the encoder a second time.

Source: Isensee et al., nnU-Net, Nature Methods 2021; Ronneberger et al., U-Net, MICCAI 2015.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LEAKY_SLOPE = 0.01
NORM_EPS = 1e-5

Triple = tuple[int, int, int]
Sizes = tuple[int, ...]
"""Two numbers [j, i] of a network that works slice by slice, or three [k, j, i]."""


@dataclass(frozen=True)
class UNetArchitecture:
    """The shape of a U-Net. Kernels and strides are per stage, in array order ([k,] j, i).

    Parameters
    ----------
    encoder_convs
        Convolutions per stage; of a residual encoder, its blocks of two.
    residual
        Whether the encoder is nnU-Net's residual one, which starts with a stem of ``stem_channels`` features.
    """

    in_channels: int
    class_count: int
    features: tuple[int, ...]
    kernel_sizes: tuple[Sizes, ...]
    strides: tuple[Sizes, ...]
    encoder_convs: tuple[int, ...]
    decoder_convs: tuple[int, ...]
    conv_bias: bool = True
    norm_eps: float = NORM_EPS
    norm_affine: bool = True
    leaky_slope: float = LEAKY_SLOPE
    residual: bool = False
    stem_channels: int = 0

    def __post_init__(self) -> None:
        stages = len(self.features)
        lengths = {len(self.kernel_sizes), len(self.strides), len(self.encoder_convs), stages}
        if lengths != {stages} or len(self.decoder_convs) != stages - 1 or stages < 2:
            raise ValueError(f"The U-Net's per-stage lists disagree in length: {self}.")
        if {len(s) for s in (*self.kernel_sizes, *self.strides)} not in ({2}, {3}):
            raise ValueError("The U-Net's kernels and strides must all have two, or all three numbers.")

    @property
    def is_flat(self) -> bool:
        """True if the network works slice by slice."""
        return len(self.strides[0]) == 2

    @property
    def divisor(self) -> Sizes:
        """The factor by which each axis of a patch must be divisible."""
        return tuple(math.prod(stride[axis] for stride in self.strides) for axis in range(len(self.strides[0])))

    def convolution(self, in_ch: int, out_ch: int, kernel: Sizes, stride: Sizes, bias: bool) -> nn.Module:
        """Return a convolution that keeps the size but for its stride."""
        padding = tuple((k - 1) // 2 for k in kernel)
        kind: type[nn.Module] = nn.Conv2d if self.is_flat else nn.Conv3d
        return kind(in_ch, out_ch, kernel, stride, padding, bias=bias)

    def transposed_convolution(self, in_ch: int, out_ch: int, stride: Sizes) -> nn.Module:
        """Return the enlargement by ``stride``."""
        kind: type[nn.Module] = nn.ConvTranspose2d if self.is_flat else nn.ConvTranspose3d
        return kind(in_ch, out_ch, stride, stride, bias=self.conv_bias)

    def norm(self, channels: int) -> nn.Module:
        """Return the instance norm of a layer."""
        kind: type[nn.Module] = nn.InstanceNorm2d if self.is_flat else nn.InstanceNorm3d
        return kind(channels, eps=self.norm_eps, affine=self.norm_affine)

    def averaging(self, stride: Sizes) -> nn.Module:
        """Return the reduction by ``stride`` that takes the mean."""
        kind: type[nn.Module] = nn.AvgPool2d if self.is_flat else nn.AvgPool3d
        return kind(stride, stride)

    @property
    def ones(self) -> Sizes:
        """A stride or kernel of one."""
        return (1,) * len(self.strides[0])


class ConvNormAct(nn.Module):
    """Convolution, instance norm, leaky ReLU."""

    def __init__(self, arch: UNetArchitecture, in_ch: int, out_ch: int, kernel: Sizes, stride: Sizes) -> None:
        super().__init__()
        self.conv = arch.convolution(in_ch, out_ch, kernel, stride, arch.conv_bias)
        self.norm = arch.norm(out_ch)
        self.nonlin = nn.LeakyReLU(arch.leaky_slope, inplace=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, self.nonlin)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, in_ch, (k,) j, i]`` to ``[N, out_ch, (k,) j, i]``, smaller by the stride."""
        out: Tensor = self.all_modules(x)
        return out


class StackedConvBlocks(nn.Module):
    """Several blocks in a row; the first carries the stride."""

    def __init__(
        self, arch: UNetArchitecture, count: int, in_ch: int, out_ch: int, kernel: Sizes, stride: Sizes
    ) -> None:
        super().__init__()
        blocks = [ConvNormAct(arch, in_ch, out_ch, kernel, stride)]
        blocks += [ConvNormAct(arch, out_ch, out_ch, kernel, arch.ones) for _ in range(count - 1)]
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

    def __init__(self, arch: UNetArchitecture, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        blocks: list[nn.Module] = []
        ups: list[nn.Module] = []
        heads: list[nn.Module] = []
        for i in range(len(arch.features) - 1, 0, -1):
            below, skip, stride = arch.features[i], arch.features[i - 1], arch.strides[i]
            ups.append(arch.transposed_convolution(below, skip, stride))
            count = arch.decoder_convs[len(blocks)]
            blocks.append(StackedConvBlocks(arch, count, 2 * skip, skip, arch.kernel_sizes[i - 1], arch.ones))
            heads.append(arch.convolution(skip, arch.class_count, arch.ones, arch.ones, True))
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


class UNet(nn.Module):
    """A U-Net from ``[N, channels, (k,) j, i]`` to logits ``[N, classes, (k,) j, i]``."""

    def __init__(self, arch: UNetArchitecture, encoder: nn.Module) -> None:
        super().__init__()
        self.arch = arch
        self.encoder = encoder
        self.decoder = Decoder(arch, self.encoder)

    def forward(self, x: Tensor) -> Tensor:
        """Return the full-resolution logits."""
        logits: Tensor = self.decoder(self.encoder(x), False)[0]
        return logits

    def forward_every_scale(self, x: Tensor) -> list[Tensor]:
        """Return the logits of each resolution, finest first, for deep supervision."""
        outputs: list[Tensor] = self.decoder(self.encoder(x), True)
        return outputs


class PlainConvUNet(UNet):
    """A U-Net whose encoder stacks convolutions."""

    def __init__(self, arch: UNetArchitecture) -> None:
        super().__init__(arch, Encoder(arch))


def initialise_weights(network: nn.Module) -> None:
    """Fill convolutions by He's rule for leaky ReLU, biases with zero, as nnU-Net does."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(module.weight, a=LEAKY_SLOPE)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
