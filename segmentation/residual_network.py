"""The U-Net with a residual encoder whose parameter names match nnU-Net v2's ``ResidualEncoderUNet``.

Blocks are those of ResNet-D: where a block strides, its shortcut averages; where it widens, a 1 x 1
convolution follows.

Source: Isensee et al., nnU-Net Revisited, MICCAI 2024; He et al., Bag of Tricks, CVPR 2019.
"""

from __future__ import annotations

from torch import Tensor, nn

from .network import ConvNormAct, PlainConvUNet, Sizes, StackedConvBlocks, UNet, UNetArchitecture


class ConvNorm(nn.Module):
    """Convolution and instance norm."""

    def __init__(self, arch: UNetArchitecture, in_ch: int, out_ch: int, kernel: Sizes, bias: bool) -> None:
        super().__init__()
        self.conv = arch.convolution(in_ch, out_ch, kernel, arch.ones, bias)
        self.norm = arch.norm(out_ch)
        self.all_modules = nn.Sequential(self.conv, self.norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, in_ch, (k,) j, i]`` to ``[N, out_ch, (k,) j, i]``."""
        out: Tensor = self.all_modules(x)
        return out


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the first carries the stride."""

    def __init__(self, arch: UNetArchitecture, in_ch: int, out_ch: int, kernel: Sizes, stride: Sizes) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(arch, in_ch, out_ch, kernel, stride)
        self.conv2 = ConvNorm(arch, out_ch, out_ch, kernel, arch.conv_bias)
        self.nonlin2 = nn.LeakyReLU(arch.leaky_slope, inplace=True)
        shortcut: list[nn.Module] = []
        if any(s != 1 for s in stride):
            shortcut.append(arch.averaging(stride))
        if in_ch != out_ch:
            shortcut.append(ConvNorm(arch, in_ch, out_ch, arch.ones, False))
        self.skip = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, in_ch, (k,) j, i]`` to ``[N, out_ch, (k,) j, i]``, smaller by the stride."""
        out: Tensor = self.nonlin2(self.conv2(self.conv1(x)) + self.skip(x))
        return out


class StackedResidualBlocks(nn.Module):
    """Several blocks in a row; the first carries the stride."""

    def __init__(
        self, arch: UNetArchitecture, count: int, in_ch: int, out_ch: int, kernel: Sizes, stride: Sizes
    ) -> None:
        super().__init__()
        blocks = [ResidualBlock(arch, in_ch, out_ch, kernel, stride)]
        blocks += [ResidualBlock(arch, out_ch, out_ch, kernel, arch.ones) for _ in range(count - 1)]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the blocks in order."""
        out: Tensor = self.blocks(x)
        return out


class ResidualEncoder(nn.Module):
    """A stem at full resolution, then the contracting path; returns the skips from fine to coarse."""

    def __init__(self, arch: UNetArchitecture) -> None:
        super().__init__()
        in_ch = arch.stem_channels or arch.features[0]
        self.stem = StackedConvBlocks(arch, 1, arch.in_channels, in_ch, arch.kernel_sizes[0], arch.ones)
        stages = []
        for n, out_ch in enumerate(arch.features):
            kernel, stride = arch.kernel_sizes[n], arch.strides[n]
            stages.append(StackedResidualBlocks(arch, arch.encoder_convs[n], in_ch, out_ch, kernel, stride))
            in_ch = out_ch
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return one feature map per stage."""
        x = self.stem(x)
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        return skips


class ResidualEncoderUNet(UNet):
    """A U-Net whose encoder is residual; its decoder is the plain one."""

    def __init__(self, arch: UNetArchitecture) -> None:
        super().__init__(arch, ResidualEncoder(arch))


def build_network(arch: UNetArchitecture) -> UNet:
    """Return the network of an architecture, its weights not yet set."""
    return ResidualEncoderUNet(arch) if arch.residual else PlainConvUNet(arch)
