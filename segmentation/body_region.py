"""Whether an image shows the region that a model knows at all: a network labels something in any image, a head too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid

from .placed import FEWEST_EDGE_VOXELS, Placed
from .plausible_volumes import VOLUME_RANGES

ANCHORS = ("liver", "right kidney", "left kidney")
"""An image of the abdomen shows at least one of them whole, or cut off by its edge. Spleen and stomach prove nothing:
their smallest sizes are those of a blob that a network finds in a head."""
LARGE_ORGANS = ("liver", "spleen", "right kidney", "left kidney", "stomach")
"""An image of a whole abdomen shows two of them at a usual size, whatever was taken out."""
FEWEST_JUDGED = 3
"""A model that knows fewer of them says nothing about the region."""
CUT_SHARE = 0.2
"""Of the smallest usual volume: what an organ cut by the edge must still measure."""

FEWEST_WHOLE = 2
LUNG_SHARE, BONE_SHARE = 0.2, 0.12
"""Of the body: a chest's lungs, the bones of a head; an abdomen has far less of both."""
HEAD_WIDTH_MM = 230.0
LUNGS_LOW_MM = 60.0
"""Below the body's middle: in no scan that shows an abdomen head up."""

Labels = npt.NDArray[Any]


def wrong_region(grid: Grid, labels: Labels, values: Mapping[str, int]) -> Finding | None:
    """Return a finding if none of the large organs has a size that such an organ can have, else None.

    Parameters
    ----------
    labels
        ``[k, j, i]`` on ``grid``.
    values
        Standard name -> label.
    """
    judged = {name: value for name, value in values.items() if name in ANCHORS}
    if len(judged) < FEWEST_JUDGED:
        return None
    if any(_is_plausible(name, labels == value, grid) for name, value in judged.items()):
        return None
    found_ml = float(np.count_nonzero(labels)) * grid.voxel_volume_ml
    message = (
        f"None of {', '.join(judged)} has a size that such an organ can have, so this is hardly an adult's abdomen. "
        f"What the network found, {found_ml:.0f} mL in pieces, was left out."
    )
    return Finding("wrong-region", Severity.ERROR, message, numbers={"left_out_ml": found_ml})


def few_organs(placed: Mapping[str, Placed], expected: Sequence[str]) -> list[Finding]:
    """Return a finding if fewer than two of the large organs have a usual size: this is hardly a whole abdomen.

    Their labels are kept: the image may show a part of an abdomen.
    """
    judged = [name for name in LARGE_ORGANS if name in expected]
    if len(judged) < FEWEST_JUDGED:
        return []
    whole = [n for n in judged if n in placed and placed[n].volume_ml >= VOLUME_RANGES[n].usual_ml[0]]
    if len(whole) >= FEWEST_WHOLE:
        return []
    found = f"Only {whole[0]}" if whole else "None"
    message = (
        f"{found} of {', '.join(judged)} has a usual size. The image shows an edge of the abdomen, or another "
        "region, or lies in it turned over (head down, mirrored): look at every structure."
    )
    return [Finding("few-organs", Severity.WARNING, message, numbers={"usual_sized": float(len(whole))})]


def region_hint(placed: Mapping[str, Placed], body: Placed | None) -> str:
    """Return what the image seems to show instead, by body, lungs and bone; empty if unclear."""
    if body is None:
        return ""
    hints = []
    if "lungs" in placed and body.centre_mm[2] - placed["lungs"].centre_mm[2] > LUNGS_LOW_MM:
        hints.append("The lungs lie at the lower end: the image may be upside down, its slices in reverse order.")
    shares = {n: placed[n].volume_ml / body.volume_ml if n in placed else 0.0 for n in ("lungs", "bone")}
    if shares["lungs"] > LUNG_SHARE:
        hints.append(f"Lungs fill {shares['lungs']:.0%} of the body: it seems to be a chest.")
    width_mm = float(np.ptp(body.points_mm[:, 0]))
    if shares["bone"] > BONE_SHARE and width_mm < HEAD_WIDTH_MM:
        hints.append(f"Bone fills {shares['bone']:.0%} of a body {width_mm:.0f} mm wide: it seems a head or a limb.")
    return " ".join(hints)


def _is_plausible(name: str, mask: npt.NDArray[np.bool_], grid: Grid) -> bool:
    volume_ml = float(np.count_nonzero(mask)) * grid.voxel_volume_ml
    smallest = VOLUME_RANGES[name].possible_ml[0]
    return volume_ml >= smallest or (volume_ml >= CUT_SHARE * smallest and _is_cut(mask))


def _is_cut(mask: npt.NDArray[np.bool_]) -> bool:
    """Whether the mask reaches a face of the image, by more than some stray voxels."""
    faces = (np.take(mask, index, axis=axis) for axis in range(3) for index in (0, -1) if mask.shape[axis] > 1)
    return any(int(np.count_nonzero(face)) > FEWEST_EDGE_VOXELS for face in faces)
