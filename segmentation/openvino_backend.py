"""The network by OpenVINO on the CPU: the same numbers as torch to rounding, in a third of the time.

OpenVINO is optional. Whatever it does that is odd becomes one `BackendError`, and torch takes its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from surgtwin.progress import Progress

from .network import Triple, UNet
from .openvino_network import UnknownLayerError, openvino_library, openvino_model

POLL_MS = 50
TRIAL_STEPS = 2
"""A trial tile is this many voxels wide where the network is coarsest: the least that instance norm can work on."""
EXACT_DIFFERENCE = 1e-4
HALF_DIFFERENCE = 0.15
"""Allowed difference from torch in a trial, as a share of the largest logit: float32, and bfloat16 (8 bits)."""
ODD = (RuntimeError, TypeError, ValueError, AttributeError, LookupError, OSError, ImportError)
"""What OpenVINO's bindings raise: C++ exceptions, and the errors of an interface that has changed."""


class BackendError(Exception):
    """OpenVINO can't be used; says why. Never shown as such: torch takes its place and the reason is recorded."""


def openvino_version() -> str | None:
    """Return the release of OpenVINO, None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


class OpenVinoTiles:
    """A network compiled for tiles of one size; kept, it costs nothing for the next image.

    Raises
    ------
    BackendError
        If OpenVINO can't build or run the network, or a trial differs from torch.
    """

    def __init__(self, network: UNet, patch: Triple, is_half: bool) -> None:
        self._arch = network.arch
        try:
            _check_against_torch(network, is_half)
            self._request = _compile(network, _shape(network, patch), is_half).create_infer_request()
        except UnknownLayerError as error:
            raise BackendError(f"the layer {error} is not known for OpenVINO") from error
        except ODD as error:
            raise BackendError(_reason(error)) from error

    @property
    def head_count(self) -> int:
        """The number of outputs."""
        return self._arch.class_count

    def logits(self, tile: Tensor, progress: Progress) -> Tensor:
        """Return logits ``[heads, k, j, i]`` float32 of a tile; see `TileNetwork`.

        Raises
        ------
        BackendError
            If OpenVINO fails.
        """
        given = tile[:, 0] if self._arch.is_flat else tile
        try:
            self._request.get_input_tensor(0).data[0] = given.numpy()
            self._request.start_async()
        except ODD as error:
            raise BackendError(_reason(error)) from error
        self._wait(progress)
        answer = torch.from_numpy(self._request.get_output_tensor(0).data)[0]
        return answer[:, None] if self._arch.is_flat else answer

    def _wait(self, progress: Progress) -> None:
        is_done = False
        try:
            while not is_done:
                progress.check()
                try:
                    is_done = bool(self._request.wait_for(POLL_MS))
                except ODD as error:
                    is_done = True
                    raise BackendError(_reason(error)) from error
        finally:
            if not is_done:
                self._stop()

    def _stop(self) -> None:
        self._request.cancel()
        try:
            self._request.wait()
        except RuntimeError:
            # That is how a request says that it was stopped.
            return


def _compile(network: UNet, shape: tuple[int, ...], is_half: bool) -> Any:
    openvino = openvino_library()
    options = {
        "INFERENCE_PRECISION_HINT": openvino.Type.bf16 if is_half else openvino.Type.f32,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return openvino.Core().compile_model(openvino_model(network, shape, is_half), "CPU", options)


def _shape(network: UNet, patch: Triple) -> tuple[int, ...]:
    spatial = patch[1:] if network.arch.is_flat else patch
    return (1, network.arch.in_channels, *spatial)


def _check_against_torch(network: UNet, is_half: bool) -> None:
    """Compare a small tile of noise, so that no processor or release gives other answers unnoticed."""
    size = tuple(TRIAL_STEPS * d for d in network.arch.divisor)
    shape = (1, network.arch.in_channels, *size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(noise).numpy()
    found = _compile(network, shape, is_half)(noise.numpy())[0]
    largest = max(float(np.abs(expected).max()), 1e-6)
    difference = float(np.abs(found - expected).max()) / largest
    # Written so that NaN fails too.
    if not difference <= (HALF_DIFFERENCE if is_half else EXACT_DIFFERENCE):
        raise BackendError(f"on this processor its answers differ from torch's by {difference:.2g} of the largest")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else 'no reason given'}"
