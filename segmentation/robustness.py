"""The held-out cases made harder, in ways that other hospitals' images are: how far do the scores fall?

Every variant changes image and reference labels together, so that both are still on one grid, and gives the same image
each time.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, Volume

from .evaluate import Labels
from .held_out_cases import HeldOutCase
from .orientation import reorientation_to

CT_NOISE_HU = 25.0
MR_NOISE_SHARE = 0.05
"""Of the image's 99th percentile."""
NARROW_WINDOW_HU = (-100.0, 240.0)
WINDOW_STEPS = 128
SHADING = 0.3

Values = npt.NDArray[Any]
DiceByStructure = dict[str, float | None]


@dataclass(frozen=True)
class Variant:
    """A change of a held-out case, and how the card calls it."""

    name: str
    change: Callable[[HeldOutCase], HeldOutCase]


@dataclass(frozen=True)
class Robustness:
    """What became of the scores: the mean over the structures, and the structure with the lowest mean."""

    name: str
    mean_dice: float
    worst_structure: str
    worst_dice: float


def variants_for(modality: str) -> tuple[Variant, ...]:
    """Return the changes that make sense for images of a modality."""
    common = (
        Variant("slices twice as thick and as far apart", with_thick_slices),
        Variant("the same image stored along other axes, all reversed", stored_otherwise),
        Variant("only the middle half from foot to head", with_middle_half),
    )
    if modality == Modality.CT:
        low, high = NARROW_WINDOW_HU
        return (
            *common,
            Variant(f"noise, standard deviation {CT_NOISE_HU:g} HU", with_noise),
            Variant(f"values cut to {low:g}..{high:g} HU in {WINDOW_STEPS} steps", in_narrow_window),
        )
    return (
        *common,
        Variant(f"noise, standard deviation {MR_NOISE_SHARE:.0%} of the bright end", with_noise),
        Variant(f"shading from -{SHADING:.0%} at the front to +{SHADING:.0%} at the back", with_shading),
    )


def with_thick_slices(case: HeldOutCase) -> HeldOutCase:
    """Keep every second slice along the coarsest axis, each the 1-2-1 mean of itself and its neighbours."""
    axis = int(np.argmax(case.volume.grid.spacing[::-1]))
    values = np.moveaxis(case.volume.values.astype(np.float32), axis, 0)
    around = np.pad(values, ((1, 1), (0, 0), (0, 0)), mode="edge")
    blurred = 0.25 * around[:-2] + 0.5 * around[1:-1] + 0.25 * around[2:]
    every_second = tuple(slice(None, None, 2) if n == axis else slice(None) for n in range(3))
    step = np.eye(4)
    step[2 - axis, 2 - axis] = 2.0
    return _changed(case, np.moveaxis(blurred, 0, axis)[every_second], case.labels[every_second], step)


def stored_otherwise(case: HeldOutCase) -> HeldOutCase:
    """Store the same image with its axes [k, j, i] as [i, k, j], each running the other way."""
    order = (2, 0, 1)
    values, labels = (np.transpose(a, order)[::-1, ::-1, ::-1] for a in (case.volume.values, case.labels))
    old_from_new = np.zeros((4, 4))
    old_from_new[3, 3] = 1.0
    for new, old in enumerate(order):
        old_from_new[2 - old, 2 - new] = -1.0
        old_from_new[2 - old, 3] = case.volume.grid.shape[old] - 1
    return _changed(case, values, labels, old_from_new)


def with_middle_half(case: HeldOutCase) -> HeldOutCase:
    """Leave the lowest and the uppermost quarter of the image out."""
    axis = reorientation_to("LPS", case.volume.grid.direction).axes[0]
    size = case.volume.grid.shape[axis]
    start = size // 4
    kept = tuple(slice(start, start + (size + 1) // 2) if n == axis else slice(None) for n in range(3))
    moved = np.eye(4)
    moved[2 - axis, 3] = start
    return _changed(case, case.volume.values[kept], case.labels[kept], moved)


def with_noise(case: HeldOutCase) -> HeldOutCase:
    """Add Gaussian noise, always the same for a case."""
    values = case.volume.values.astype(np.float32)
    is_ct = case.volume.modality == Modality.CT
    deviation = CT_NOISE_HU if is_ct else MR_NOISE_SHARE * float(np.percentile(values, 99))
    rng = np.random.default_rng(zlib.crc32(case.name.encode("utf-8")))
    return _changed(case, values + deviation * rng.standard_normal(values.shape, dtype=np.float32))


def in_narrow_window(case: HeldOutCase) -> HeldOutCase:
    """Cut a CT to a soft-tissue window in few steps, as an export through a viewer does."""
    low, high = NARROW_WINDOW_HU
    shares = (np.clip(case.volume.values.astype(np.float32), low, high) - low) / (high - low)
    return _changed(case, np.round(shares * (WINDOW_STEPS - 1)) / (WINDOW_STEPS - 1) * (high - low) + low)


def with_shading(case: HeldOutCase) -> HeldOutCase:
    """Make an image darker at the patient's front and brighter at the back, as a surface coil does."""
    turn = reorientation_to("LPS", case.volume.grid.direction)
    turned = turn.apply(case.volume.values).astype(np.float32)
    field = np.linspace(1.0 - SHADING, 1.0 + SHADING, turned.shape[1], dtype=np.float32)
    return _changed(case, turn.undo(turned * field[:, None]))


def _changed(
    case: HeldOutCase,
    values: Values,
    labels: Labels | None = None,
    old_from_new: npt.NDArray[np.float64] | None = None,
) -> HeldOutCase:
    """The case with other values, and other labels on another grid where voxels (i, j, k) moved."""
    old = case.volume
    matrix = old.grid.lps_from_ijk if old_from_new is None else old.grid.lps_from_ijk @ old_from_new
    k, j, i = values.shape
    grid = Grid((k, j, i), matrix)
    values = np.ascontiguousarray(values)
    source = replace(old.source, content_sha256=content_sha256(grid, values), dicom=None)
    volume = Volume(grid, values, old.modality, source, old.patient, old.window, old.findings)
    return HeldOutCase(case.name, volume, np.ascontiguousarray(case.labels if labels is None else labels))


def dice_by_structure(found: Labels, reference: Labels, structures: Mapping[str, int]) -> DiceByStructure:
    """Return the Dice score of each structure that the reference has; None for others."""
    count = max(structures.values()) + 1
    pairs = np.bincount(found.ravel().astype(np.int64) * count + reference.ravel(), minlength=count * count)
    table = pairs.reshape(count, count)
    sizes, reference_sizes = table.sum(axis=1), table.sum(axis=0)
    return {
        name: 2 * float(table[v, v]) / float(sizes[v] + reference_sizes[v]) if reference_sizes[v] else None
        for name, v in structures.items()
    }


def summarise_variant(name: str, cases: Sequence[DiceByStructure]) -> Robustness:
    """Return the mean over the structures' means, each over the cases whose reference has it."""
    means = {}
    for structure in cases[0]:
        known = [case[structure] for case in cases]
        dice = [value for value in known if value is not None]
        if dice:
            means[structure] = float(np.mean(dice))
    worst = min(means, key=lambda structure: means[structure])
    return Robustness(name, float(np.mean(list(means.values()))), worst, means[worst])


def robustness_table(rows: Iterable[Robustness]) -> str:
    """Return the model card's table of variants; the first row is the unchanged images."""
    lines = ["| images | mean Dice | change | worst structure |", "|---|---|---|---|"]
    first: float | None = None
    for row in rows:
        change = "" if first is None else f"{row.mean_dice - first:+.3f}"
        first = row.mean_dice if first is None else first
        lines.append(f"| {row.name} | {row.mean_dice:.3f} | {change} | {row.worst_structure} {row.worst_dice:.3f} |")
    return "\n".join(lines)
