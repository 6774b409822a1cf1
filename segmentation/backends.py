"""Which library runs a model's networks: OpenVINO on the CPU where it is installed and right, else torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from surgtwin.errors import DeviceError

from .device import ComputePlan
from .model_folder import ModelFolder, load_networks
from .openvino_backend import BackendError, OpenVinoTiles, openvino_version
from .tile_network import TileNetwork, TorchTiles

AUTO, TORCH, OPENVINO = "auto", "torch", "openvino"
BACKENDS = (AUTO, TORCH, OPENVINO)


@dataclass(frozen=True)
class Backend:
    """A model's networks, one per fold, ready to answer tiles.

    Parameters
    ----------
    name
        What provenance records, with its release: "OpenVINO 2026.4.1", "torch 2.13.0".
    note
        Why it is not the quickest one; empty if it is.
    """

    networks: Sequence[TileNetwork]
    name: str
    note: str = ""

    @property
    def is_openvino(self) -> bool:
        """Whether torch could still take its place."""
        return any(isinstance(network, OpenVinoTiles) for network in self.networks)


def load_backend(model: ModelFolder, compute: ComputePlan, wanted: str = AUTO) -> Backend:
    """Return a model's networks on the planned device.

    Parameters
    ----------
    wanted
        "auto", "torch" or "openvino".

    Raises
    ------
    ModelError
        If the weights do not fit the plans.
    DeviceError
        If OpenVINO is asked for by name and can't be used.
    """
    if wanted not in BACKENDS:
        raise DeviceError(f"There is no backend {wanted!r}; choose one of {', '.join(BACKENDS)}.")
    note = ""
    if compute.device.type == "cpu" and wanted != TORCH:
        version = openvino_version()
        if version is None:
            note = "OpenVINO is not installed (surgtwin[cpu])"
        else:
            try:
                return Backend(_openvino_networks(model, compute), f"OpenVINO {version}")
            except BackendError as error:
                note = f"OpenVINO {version} could not be used: {error}"
    if wanted == OPENVINO:
        raise DeviceError(f"{note or 'OpenVINO runs on the CPU only'}. Leave the choice out, or install surgtwin[cpu].")
    return torch_backend(model, compute, note)


def torch_backend(model: ModelFolder, compute: ComputePlan, note: str = "") -> Backend:
    """Return a model's networks in torch; ``note`` says why it is torch."""
    networks = [TorchTiles(network, compute.compute_dtype) for network in load_networks(model, compute.device)]
    return Backend(networks, f"torch {torch.__version__.partition('+')[0]}", note)


def _openvino_networks(model: ModelFolder, compute: ComputePlan) -> list[TileNetwork]:
    is_half = compute.compute_dtype == torch.bfloat16
    networks = load_networks(model, compute.device)
    return [OpenVinoTiles(network, model.plan.patch, is_half) for network in networks]
