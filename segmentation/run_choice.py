"""Where and how an image is run: chosen by what fits into memory, and what comes next when that ran out after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .device import ComputePlan, cpu_plan
from .memory_estimate import NORMAL_SLAB_BYTES, SMALL_SLAB_BYTES, free_bytes, memory_need
from .modes import Mode
from .plans import LabelScheme, ModelPlan, Spacing

NO_BFLOAT16 = "This processor has no fast bfloat16; float32 was used."
GPU_RAN_OUT = "The GPU's memory ran out; the CPU was used."
CPU_RAN_OUT = "Memory ran out; the image was run again with one row of logits at a time."


@dataclass(frozen=True)
class RunChoice:
    """One way to run an image, and what led to it.

    Parameters
    ----------
    slab_bytes
        Size of the logits that are brought back to the image at a time.
    fell_back
        Whether another device was wanted and its memory was too small.
    notes
        Sentences for provenance: what was chosen otherwise than asked or usual, and why.
    """

    compute: ComputePlan
    slab_bytes: int = NORMAL_SLAB_BYTES
    fell_back: bool = False
    notes: tuple[str, ...] = ()

    def noting(self, note: str) -> RunChoice:
        """Return it with one more note."""
        return replace(self, notes=(*self.notes, note)) if note else self


def first_choice(
    compute: ComputePlan, mode: Mode, plan: ModelPlan, labels: LabelScheme, shape: Sequence[int], spacing_mm: Spacing
) -> RunChoice:
    """Return how to run an image ``[k, j, i]`` of a shape and spacing, given where it should run."""

    def need_on(where: RunChoice) -> int:
        need = memory_need(plan, labels.head_count, shape, spacing_mm, where.compute, where.slab_bytes)
        return need.on_device(where.compute.device)

    choice = RunChoice(compute)
    if mode.is_half and compute.precision == "float32":
        choice = choice.noting(NO_BFLOAT16)
    need, free = need_on(choice), free_bytes(compute.device)
    if need > free and compute.device.type == "cuda":
        note = f"The GPU has {_gib(free)} free of the {_gib(need)} that this image needs; the CPU was used."
        choice = RunChoice(cpu_plan(mode.is_half), fell_back=True, notes=(*choice.notes, note))
        need, free = need_on(choice), free_bytes(choice.compute.device)
    if need > free:
        note = f"{_gib(free)} of memory were free of the {_gib(need)} wanted; one row of logits was held at a time."
        choice = replace(choice, slab_bytes=SMALL_SLAB_BYTES).noting(note)
    return choice


def next_choice(choice: RunChoice, mode: Mode) -> RunChoice | None:
    """Return what to try when memory ran out; None if nothing smaller is left."""
    if choice.compute.device.type == "cuda":
        return RunChoice(cpu_plan(mode.is_half), fell_back=True, notes=(*choice.notes, GPU_RAN_OUT))
    if choice.slab_bytes > SMALL_SLAB_BYTES:
        return replace(choice, slab_bytes=SMALL_SLAB_BYTES).noting(CPU_RAN_OUT)
    return None


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
