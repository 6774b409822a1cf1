"""A U-Net as an OpenVINO model: the same layers and weights, node by node, for a tile of one size.

The graph is built from the network's modules, so that neither tracing nor a copy on disk is needed: it takes tenths of
a second. OpenVINO is imported when a function is called, never with this module.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .network import ConvNormAct, Encoder, StackedConvBlocks, UNet
from .residual_network import ConvNorm, ResidualBlock, ResidualEncoder, StackedResidualBlocks

Node = Any
CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.InstanceNorm2d, nn.InstanceNorm3d)
AVERAGES = (nn.AvgPool2d, nn.AvgPool3d)
TELEMETRY = "openvino_telemetry"
BLOCK = 8
"""Voxels to a side that are summed in one go: few enough for float32, so many that it costs no time."""


class UnknownLayerError(Exception):
    """The network holds a layer that is not translated."""


def openvino_library() -> Any:
    """Return the module ``openvino``, imported so that it reports to nobody.

    Its import sends an event to Intel's analytics through a package of its own, which it does without where that is not
    installed: so it is not to be found here. Patients' computers call nobody.
    """
    if "openvino" in sys.modules or TELEMETRY in sys.modules:
        return importlib.import_module("openvino")
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[TELEMETRY]


def openvino_model(network: UNet, shape: tuple[int, ...], is_half: bool) -> Any:
    """Return the ``openvino.Model`` from ``[1, channels, (k,) j, i]`` float32 to logits of the same size.

    Parameters
    ----------
    is_half
        Whether it will be compiled for 16 bits: sums that are exact in float32 would then be worse than OpenVINO's own.

    Raises
    ------
    UnknownLayerError
        If the network is made of other layers than the plain and the residual U-Net.
    """
    openvino = openvino_library()
    opset13 = importlib.import_module("openvino.opset13")
    given = opset13.parameter(list(shape), np.float32, name="tile")
    logits = _GraphBuilder(opset13, is_half).unet(network, given)
    return openvino.Model([opset13.result(logits, name="logits")], [given], "unet")


class _GraphBuilder:
    """Translates modules to nodes; ``ops`` is an OpenVINO operator set."""

    def __init__(self, ops: Any, is_half: bool) -> None:
        self._ops = ops
        self._is_half = is_half

    def unet(self, network: UNet, given: Node) -> Node:
        """Return the logits of the finest scale."""
        skips = self._encoder(network.encoder, given)
        decoder = network.decoder
        node = skips[-1]
        for n, stage in enumerate(decoder.stages):
            up = self._layer(decoder.transpconvs[n], node)
            node = self._joined(stage, up, skips[-(n + 2)])
        return self._layer(decoder.seg_layers[-1], node)

    def _joined(self, stage: nn.Module, up: Node, skip: Node) -> Node:
        """A decoder's stage on two feature maps side by side, which are never copied into one.

        A convolution of both is the sum of one of each.
        """
        if not isinstance(stage, StackedConvBlocks):
            raise UnknownLayerError(type(stage).__name__)
        first, *others = stage.convs.children()
        if not isinstance(first, ConvNormAct) or not isinstance(first.conv, CONVOLUTIONS):
            raise UnknownLayerError(type(first).__name__)
        conv, count = first.conv, up.get_output_shape(0)[1]
        parts = [(up, conv.weight[:, :count]), (skip, conv.weight[:, count:])]
        both = self._ops.add(*(self._convolved(conv, node, weight) for node, weight in parts))
        node = self._plus_bias(both, conv.bias)
        for module in (first.norm, first.nonlin, *others):
            node = self._layer(module, node)
        return node

    def _encoder(self, encoder: nn.Module, node: Node) -> list[Node]:
        if isinstance(encoder, ResidualEncoder):
            node = self._layer(encoder.stem, node)
        elif not isinstance(encoder, Encoder):
            raise UnknownLayerError(type(encoder).__name__)
        skips = []
        for stage in encoder.stages:
            node = self._layer(stage, node)
            skips.append(node)
        return skips

    def _layer(self, module: nn.Module, node: Node) -> Node:
        if isinstance(module, nn.Sequential):
            return self._in_turn(module, node)
        if isinstance(module, StackedConvBlocks):
            return self._in_turn(module.convs, node)
        if isinstance(module, StackedResidualBlocks):
            return self._in_turn(module.blocks, node)
        if isinstance(module, ConvNormAct | ConvNorm):
            return self._in_turn(module.all_modules, node)
        if isinstance(module, ResidualBlock):
            straight = self._layer(module.conv2, self._layer(module.conv1, node))
            return self._layer(module.nonlin2, self._ops.add(straight, self._in_turn(module.skip, node)))
        return self._simple_layer(module, node)

    def _in_turn(self, modules: nn.Sequential, node: Node) -> Node:
        for module in modules:
            node = self._layer(module, node)
        return node

    def _simple_layer(self, module: nn.Module, node: Node) -> Node:
        if isinstance(module, CONVOLUTIONS):
            return self._convolution(module, node)
        if isinstance(module, TRANSPOSED):
            return self._transposed(module, node)
        if isinstance(module, NORMS):
            return self._norm(module, node)
        if isinstance(module, nn.LeakyReLU):
            return self._ops.prelu(node, self._constant(np.array([module.negative_slope], np.float32)))
        if isinstance(module, AVERAGES):
            rank = len(node.get_output_shape(0)) - 2
            none = [0] * rank
            return self._ops.avg_pool(
                node, _sizes(module.stride, rank), none, none, _sizes(module.kernel_size, rank), True
            )
        raise UnknownLayerError(type(module).__name__)

    def _convolution(self, module: nn.Conv2d | nn.Conv3d, node: Node) -> Node:
        return self._plus_bias(self._convolved(module, node, module.weight), module.bias)

    def _convolved(self, module: nn.Conv2d | nn.Conv3d, node: Node, weight: Tensor) -> Node:
        """Without the bias."""
        pads = [int(p) for p in module.padding]
        ones = [1] * len(pads)
        return self._ops.convolution(node, self._constant(_numbers(weight)), list(module.stride), pads, pads, ones)

    def _transposed(self, module: nn.ConvTranspose2d | nn.ConvTranspose3d, node: Node) -> Node:
        strides = list(module.stride)
        weight = self._constant(_numbers(module.weight))
        larger = self._ops.convolution_backprop_data(node, weight, strides)
        return self._plus_bias(larger, module.bias)

    def _norm(self, module: nn.InstanceNorm2d | nn.InstanceNorm3d, node: Node) -> Node:
        rank = len(node.get_output_shape(0))
        if self._is_half:
            node = self._ops.mvn(node, self._spatial_axes(node), True, module.eps, "inside_sqrt")
        else:
            node = self._exact_norm(node, module.eps)
        if not module.affine:
            return node
        scaled = self._ops.multiply(node, self._per_channel(module.weight, rank))
        return self._ops.add(scaled, self._per_channel(module.bias, rank))

    def _exact_norm(self, node: Node, eps: float) -> Node:
        """Instance norm whose sums are those of torch: OpenVINO's own adds a million numbers one by one in float32.

        Its logits were off by a thousandth of the largest, a thousand times more than torch's, and labels of small
        structures with them.
        """
        centred = self._ops.subtract(node, self._mean(node))
        variance = self._mean(self._ops.multiply(centred, centred))
        divisor = self._ops.sqrt(self._ops.add(variance, self._constant(np.array(eps, np.float32))))
        return self._ops.divide(centred, divisor)

    def _mean(self, node: Node) -> Node:
        """The mean over space, of means of small blocks."""
        while True:
            sizes = list(node.get_output_shape(0))[2:]
            block = [max(n for n in range(1, BLOCK + 1) if size % n == 0) for size in sizes]
            if max(block) == 1:
                return self._ops.reduce_mean(node, self._spatial_axes(node), True)
            none = [0] * len(sizes)
            node = self._ops.avg_pool(node, block, none, none, block, True)

    def _spatial_axes(self, node: Node) -> Node:
        return self._constant(np.arange(2, len(node.get_output_shape(0)), dtype=np.int64))

    def _plus_bias(self, node: Node, bias: Tensor | None) -> Node:
        if bias is None:
            return node
        return self._ops.add(node, self._per_channel(bias, len(node.get_output_shape(0))))

    def _per_channel(self, values: Tensor, rank: int) -> Node:
        return self._constant(_numbers(values).reshape(1, -1, *[1] * (rank - 2)))

    def _constant(self, values: npt.NDArray[Any]) -> Node:
        return self._ops.constant(values)


def _numbers(values: Tensor) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values.detach().to("cpu", torch.float32).numpy())


def _sizes(given: int | tuple[int, ...], rank: int) -> list[int]:
    return [given] * rank if isinstance(given, int) else list(given)
