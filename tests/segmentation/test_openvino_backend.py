"""Networks built node by node for OpenVINO: the numbers of torch, stopped at once, odd answers named."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from segmentation import openvino_backend
from segmentation.network import UNet, UNetArchitecture, initialise_weights
from segmentation.openvino_backend import BackendError, OpenVinoTiles, openvino_version
from segmentation.residual_network import build_network
from segmentation.tile_network import TorchTiles
from surgtwin.errors import Cancelled
from surgtwin.progress import SILENT, Progress

pytestmark = pytest.mark.skipif(openvino_version() is None, reason="OpenVINO is not installed")

PLAIN = UNetArchitecture(
    in_channels=2,
    class_count=3,
    features=(4, 6, 8),
    kernel_sizes=((1, 3, 3), (3, 3, 3), (3, 1, 5)),
    strides=((1, 1, 1), (1, 2, 2), (2, 2, 3)),
    encoder_convs=(2, 1, 2),
    decoder_convs=(1, 2),
)
KINDS = {
    "plain": PLAIN,
    "no bias, no affine": replace(PLAIN, conv_bias=False, norm_affine=False, leaky_slope=0.2),
    "residual": replace(PLAIN, residual=True, stem_channels=5, encoder_convs=(1, 2, 2)),
    "flat": replace(PLAIN, kernel_sizes=((3, 3), (3, 3), (1, 5)), strides=((1, 1), (2, 2), (2, 3)), residual=False),
}


def made(arch: UNetArchitecture) -> UNet:
    torch.manual_seed(1)
    network = build_network(arch)
    initialise_weights(network)
    for parameter in network.parameters():
        # Norms start as ones and zeros, which would hide a mix-up.
        parameter.data += 0.2 * torch.randn_like(parameter)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_torch(kind: str) -> None:
    network = made(KINDS[kind])
    patch = (1, 16, 36) if kind == "flat" else (6, 16, 36)
    tile = torch.randn(2, *patch)
    expected = TorchTiles(network).logits(tile, SILENT)
    compiled = OpenVinoTiles(network, patch, is_half=False)
    assert compiled.head_count == 3
    found = compiled.logits(tile, SILENT)
    assert found.shape == (3, *patch) == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    # A view that is not contiguous is read in its own order.
    torch.testing.assert_close(
        compiled.logits(tile.flip(3), SILENT), TorchTiles(network).logits(tile.flip(3), SILENT), rtol=1e-4, atol=1e-4
    )


def test_a_million_numbers_are_summed_as_exactly_as_by_torch() -> None:
    """Real tiles are this large, and their sums far from zero: half of one is air."""
    arch = replace(PLAIN, in_channels=1, kernel_sizes=((3, 3, 3),) * 2, strides=((1, 1, 1), (2, 2, 2)),
                   features=(4, 6), encoder_convs=(1, 1), decoder_convs=(1,))  # fmt: skip
    network = made(arch)
    tile = 4 + torch.randn(1, 64, 112, 128, generator=torch.Generator().manual_seed(2))
    tile[:, :32] = 0.3
    compiled = OpenVinoTiles(network, (64, 112, 128), is_half=False)
    found = compiled.logits(tile, SILENT).double()
    with torch.inference_mode():
        exact = network.double()(tile[None].double())[0]
    # float32 keeps 24 bits, and torch itself is off by up to 20 times the last: by numbers added one by one, 1e-4.
    assert float((found - exact).abs().max()) < 1e-5 * float(exact.abs().max())


def test_a_tile_in_work_stops_when_asked_and_the_network_goes_on_afterwards() -> None:
    network = made(PLAIN)
    compiled = OpenVinoTiles(network, (6, 16, 36), is_half=False)
    tile = torch.randn(2, 6, 16, 36)
    before = compiled.logits(tile, SILENT).clone()
    with pytest.raises(Cancelled):
        compiled.logits(tile, Progress(None, lambda: True))
    torch.testing.assert_close(compiled.logits(tile, SILENT), before)


def test_a_layer_that_is_not_known_is_named() -> None:
    network = made(PLAIN)
    network.decoder.seg_layers[-1] = nn.GELU()
    with pytest.raises(BackendError, match="GELU"):
        OpenVinoTiles(network, (6, 16, 36), is_half=False)


def test_a_failure_in_the_middle_is_a_backend_error() -> None:
    compiled = OpenVinoTiles(made(PLAIN), (6, 16, 36), is_half=False)
    with pytest.raises(BackendError, match="broadcast"):
        compiled.logits(torch.randn(2, 6, 16, 30), SILENT)


def test_other_numbers_than_torchs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = openvino_backend.openvino_model

    def mixed_up(network: UNet, shape: tuple[int, ...], is_half: bool) -> object:
        other = made(PLAIN)
        other.decoder.seg_layers[-1].weight.data *= 1.1
        return real(other, shape, is_half)

    monkeypatch.setattr(openvino_backend, "openvino_model", mixed_up)
    with pytest.raises(BackendError, match="differ from torch's"):
        OpenVinoTiles(made(PLAIN), (6, 16, 36), is_half=False)
