"""Fit a label map to the image that it belongs to, and say what that took."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.geometry import Grid
from ..domain.label_regrid import regrid_labels
from ..domain.labels import LabelMap
from ..errors import LabelError


def labels_on_grid(labels: LabelMap, grid: Grid) -> tuple[LabelMap, tuple[Finding, ...]]:
    """`labels` on `grid`, exactly if both share one lattice (reordered, mirrored or cropped axes), else resampled.

    Returns
    -------
    LabelMap, findings
        "labels-resampled" if voxels were taken from the nearest voxel of another lattice, "labels-outside" if
        labelled voxels lie beyond `grid`; both with their numbers.

    Raises
    ------
    LabelError
        If no labelled voxel lies on `grid`: the label map belongs to another image.
    """
    result = regrid_labels(labels, grid)
    before = sum(int(labels.counts(n)[1:].sum()) for n in range(len(labels.layers)))
    if before and result.lost == before:
        raise LabelError(
            "No labelled voxel lies within the image: the label map belongs to another image, or its place is wrong."
        )
    findings = []
    if not result.is_exact:
        findings.append(_resampled(labels.grid, grid))
    if result.lost:
        findings.append(_outside(result.lost, before))
    return result.labels, tuple(findings)


def _resampled(old: Grid, new: Grid) -> Finding:
    was, now = (" x ".join(f"{s:.3g}" for s in g.spacing) for g in (old, new))
    return Finding(
        "labels-resampled",
        Severity.WARNING,
        f"The label map lies on another grid ({was} mm) than the image ({now} mm); each voxel got the nearest label. "
        "Borders may be off by half a voxel of the coarser grid, and volumes change a little.",
        numbers={"largest_spacing_mm": max(*old.spacing, *new.spacing)},
    )


def _outside(lost: int, before: int) -> Finding:
    return Finding(
        "labels-outside",
        Severity.WARNING,
        f"{lost} of {before} labelled voxels lie beyond the image and were left out.",
        numbers={"voxels": float(lost), "labelled_voxels": float(before)},
    )
