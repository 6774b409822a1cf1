"""Where the network runs, in which number format, and what was chosen and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from surgtwin.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class ComputePlan:
    """A device and the number format of the network's layers there.

    ``precision`` is what provenance records: "float32", "float16 mixed" or "bfloat16 mixed".
    """

    device: torch.device
    compute_dtype: torch.dtype
    precision: str


def choose_compute(device: str, fast: bool) -> ComputePlan:
    """Return where and how to compute.

    CUDA runs in mixed float16, as nnU-Net does. The CPU runs in float32; with ``fast`` in bfloat16 where the
    processor has instructions for it (Dice against float32 about 0.997), else in float32 too.

    Raises
    ------
    DeviceError
        If a device is asked for that is not there.
    """
    if device not in DEVICES:
        raise DeviceError(f"There is no device {device!r}; choose one of {', '.join(DEVICES)}.")
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise DeviceError("No CUDA device was found. Use --device cpu, or install a torch build for this GPU's driver.")
    if has_cuda and device != "cpu":
        return ComputePlan(torch.device("cuda"), torch.float16, "float16 mixed")
    return cpu_plan(fast)


def cpu_plan(fast: bool) -> ComputePlan:
    """Return the plan for the processor."""
    if fast and has_fast_bfloat16():
        return ComputePlan(torch.device("cpu"), torch.bfloat16, "bfloat16 mixed")
    return ComputePlan(torch.device("cpu"), torch.float32, "float32")


def has_fast_bfloat16() -> bool:
    """Return whether this processor multiplies bfloat16 in hardware."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, probe)()) for probe in probes if hasattr(torch.cpu, probe))
