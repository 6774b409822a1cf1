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


def openvino_model(network: UNet, shape: tuple[int, ...]) -> Any:
    """Return the ``openvino.Model`` from ``[1, channels, (k,) j, i]`` float32 to logits of the same size.

    Raises
    ------
    UnknownLayerError
        If the network is made of other layers than the plain and the residual U-Net.
    """
    openvino = openvino_library()
    opset13 = importlib.import_module("openvino.opset13")
    given = opset13.parameter(list(shape), np.float32, name="tile")
    logits = _GraphBuilder(opset13).unet(network, given)
    return openvino.Model([opset13.result(logits, name="logits")], [given], "unet")


class _GraphBuilder:
    """Translates modules to nodes; ``ops`` is an OpenVINO operator set."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops

    def unet(self, network: UNet, given: Node) -> Node:
        """Return the logits of the finest scale."""
        skips = self._encoder(network.encoder, given)
        decoder = network.decoder
        node = skips[-1]
        for n, stage in enumerate(decoder.stages):
            up = self._layer(decoder.transpconvs[n], node)
            node = self._layer(stage, self._ops.concat([up, skips[-(n + 2)]], 1))
        return self._layer(decoder.seg_layers[-1], node)

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
        pads = [int(p) for p in module.padding]
        ones = [1] * len(pads)
        weight = self._constant(_numbers(module.weight))
        return self._plus_bias(self._ops.convolution(node, weight, list(module.stride), pads, pads, ones), module.bias)

    def _transposed(self, module: nn.ConvTranspose2d | nn.ConvTranspose3d, node: Node) -> Node:
        strides = list(module.stride)
        weight = self._constant(_numbers(module.weight))
        larger = self._ops.convolution_backprop_data(node, weight, strides)
        return self._plus_bias(larger, module.bias)

    def _norm(self, module: nn.InstanceNorm2d | nn.InstanceNorm3d, node: Node) -> Node:
        rank = len(node.get_output_shape(0))
        axes = self._constant(np.arange(2, rank, dtype=np.int64))
        node = self._ops.mvn(node, axes, True, module.eps, "inside_sqrt")
        if not module.affine:
            return node
        scaled = self._ops.multiply(node, self._per_channel(module.weight, rank))
        return self._ops.add(scaled, self._per_channel(module.bias, rank))

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
