"""What an image's values show of what spoils a segmentation: nothing in it, a phantom, no HU, metal, a field too small.

All of them look at the image, not at the labels; a network was never asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid, Point3
from surgtwin.domain.volume import Modality, Volume

from .placed import Placed, listed

Values = npt.NDArray[Any]

METAL_HU = 2800.0
"""Cortical bone and teeth's dentine stay below 2000 HU; scanners cut off at 3071."""
LEAST_METAL_ML = 0.1
METAL_REACH_MM = 40.0
"""Streaks are worst this near."""
NAMED = 3
"""Of the organs near metal, the nearest."""
FAT_HU = (-130.0, -40.0)
BONE_HU = 250.0
LEAST_FAT_SHARE, LEAST_BONE_SHARE = 0.01, 0.002
"""Of the body: a person has more of both, a water phantom has next to none."""
BODY_MEDIAN_HU = (-160.0, 160.0)
NO_AIR_ABOVE = -10.0
"""Values that hold nothing lower are no Hounsfield units: even a clipped CT has fat."""
LEAST_SKIN_CUT_CM2, MUCH_SKIN_CUT_CM2 = 10.0, 100.0
SOLID_ORGANS = ("liver", "spleen", "right kidney", "left kidney", "pancreas", "gallbladder", "stomach")
CORNER_SHARE = 0.04
ARM_ML, ARM_BONE_ML = 60.0, 4.0
SOFT_HU = (-130.0, 150.0)
SOFT_SHARE = 0.5
COARSE_STEP_MM = 3.0


def check_values(volume: Volume, body: Placed | None) -> list[Finding]:
    """Return findings if the image is empty, holds no Hounsfield units, or shows a uniform object."""
    lowest, highest = float(volume.values.min()), float(volume.values.max())
    if lowest == highest:
        message = f"Every value of the image is {lowest:g}: it shows nothing. Open another series."
        return [Finding("empty-image", Severity.ERROR, message, numbers={"value": lowest})]
    if volume.modality is not Modality.CT:
        return []
    if lowest > NO_AIR_ABOVE:
        message = (
            f"The lowest value is {lowest:g}: a CT in Hounsfield units holds fat (-100) and air (-1000). The values "
            "were rescaled, or this is no CT; the network was given values it does not know. Use the original series."
        )
        return [Finding("not-hounsfield", Severity.ERROR, message, numbers={"lowest": lowest, "highest": highest})]
    return [] if body is None else _check_tissue(volume.values[body.box][body.mask], body)


def _check_tissue(inside: Values, body: Placed) -> list[Finding]:
    median = float(np.median(inside))
    fat = float(np.mean((inside > FAT_HU[0]) & (inside < FAT_HU[1])))
    bone = float(np.mean(inside > BONE_HU))
    numbers = {"median_hu": median, "fat_share": fat, "bone_share": bone}
    if not BODY_MEDIAN_HU[0] < median < BODY_MEDIAN_HU[1] and fat < LEAST_FAT_SHARE:
        message = (
            f"Half of the body lies above {median:.0f} HU and there is no fat: these are hardly Hounsfield units. "
            "Use the original series."
        )
        return [Finding("not-hounsfield", Severity.ERROR, message, body.where_mm, numbers)]
    if fat < LEAST_FAT_SHARE and bone < LEAST_BONE_SHARE:
        message = (
            f"The object in the image has neither fat ({fat:.1%}) nor bone ({bone:.1%}): it is probably a test "
            "phantom, not a patient. What the network found in it means nothing."
        )
        return [Finding("no-patient", Severity.ERROR, message, body.where_mm, numbers)]
    return []


def check_metal(grid: Grid, hu: Values, body: Placed | None, placed: Mapping[str, Placed]) -> list[Finding]:
    """Return a finding if something in the body is as dense as metal, naming the structures near it."""
    if body is None or float(hu.max()) < METAL_HU:
        return []
    at = np.argwhere((hu[body.box] >= METAL_HU) & body.mask)
    volume_ml = len(at) * grid.voxel_volume_ml
    if volume_ml < LEAST_METAL_ML:
        return []
    points = grid.to_lps((at + [s.start for s in body.box])[:, ::-1])
    gaps = {name: _gap(p, points) for name, p in placed.items() if name not in ("bone", "lungs")}
    near = sorted((name for name, gap in gaps.items() if gap < METAL_REACH_MM), key=lambda name: gaps[name])
    others = " and others" if len(near) > NAMED else ""
    spoiled = (
        f"near {', '.join(near[:NAMED])}{others}: check their outlines slice by slice"
        if near
        else "far from the organs found"
    )
    message = (
        f"{volume_ml:.2g} mL in the body are as dense as metal ({float(hu.max()):.0f} HU at most), {spoiled}. "
        "Streaks make organs too bright and too dark there; a series with metal artefact reduction is better."
    )
    numbers = {"metal_ml": volume_ml, "highest_hu": float(hu.max()), "organs_near": float(len(near))}
    x, y, z = np.median(points, axis=0)
    severity = Severity.WARNING if near else Severity.INFO
    return [Finding("metal", severity, message, (float(x), float(y), float(z)), numbers)]


def check_field(grid: Grid, hu: Values, body: Placed | None, placed: Mapping[str, Placed]) -> list[Finding]:
    """Return a finding if the field of view cuts the body's sides: by the image's edge, or by a scanner's circle.

    Parameters
    ----------
    placed
        What was found: skin that is missing beside the organs is a warning, at hips or shoulders a remark.
    """
    if body is None:
        return []
    cuts = _side_cuts_cm2(grid, hu, body)
    area = sum(cuts.values())
    if area < LEAST_SKIN_CUT_CM2:
        return []
    level = _beside_organs(body, placed)
    beside = {} if level is None else _side_cuts_cm2(grid, hu, level)
    beside_area = sum(beside.values())
    where = (level if level is not None and beside_area >= LEAST_SKIN_CUT_CM2 else body).cuts
    numbers = {"cut_cm2": area, "beside_organs_cm2": beside_area, "edges": float(len(cuts))}
    if beside_area >= LEAST_SKIN_CUT_CM2:
        message = (
            f"The field of view cuts the body beside the organs, at its {listed(list(beside))} edge "
            f"({beside_area:.0f} cm2): no path through the skin can be planned there, and the body's volume is a "
            "lower bound."
        )
    else:
        message = (
            f"The field of view cuts the body at its {listed(list(cuts))} edge ({area:.0f} cm2), not beside the "
            "organs. The body's volume is a lower bound."
        )
    severity = Severity.WARNING if beside_area >= MUCH_SKIN_CUT_CM2 else Severity.INFO
    sides = [cut.centre_mm for cut in where if cut.side in cuts]
    return [Finding("body-cut-by-field", severity, message, sides[0] if sides else body.where_mm, numbers)]


def _side_cuts_cm2(grid: Grid, hu: Values, body: Placed) -> dict[str, float]:
    """How much of the body each side of the field cuts, not its upper and lower end."""
    cuts = {cut.side: cut.area_mm2 / 100.0 for cut in body.cuts if cut.side not in ("upper", "lower")}
    circle = circle_cut_cm2(grid, hu, body)
    return {**cuts, "round field's": circle} if circle > 0 else cuts


def _beside_organs(body: Placed, placed: Mapping[str, Placed]) -> Placed | None:
    """The part of the body between the highest and the lowest plane of the abdomen's organs; None without any."""
    boxes = [placed[name].box for name in SOLID_ORGANS if name in placed]
    if not boxes:
        return None
    axis = 2 - int(np.argmax(np.abs(body.grid.direction[2])))
    start = max(body.box[axis].start, min(box[axis].start for box in boxes))
    stop = min(body.box[axis].stop, max(box[axis].stop for box in boxes))
    if start >= stop:
        return None
    inner = tuple(
        slice(start - body.box[n].start, stop - body.box[n].start) if n == axis else slice(None) for n in range(3)
    )
    box = tuple(slice(start, stop) if n == axis else body.box[n] for n in range(3))
    return Placed(body.name, body.grid, box, body.mask[inner], body.field)


def circle_cut_cm2(grid: Grid, hu: Values, body: Placed) -> float:
    """Return how much of the circle that bounds a round reconstruction lies in the body; 0 if it is not round.

    Outside of the circle the values are one constant; only circles that touch the image's edge are known.
    """
    _, rows, columns = grid.shape
    j, i = np.ogrid[:rows, :columns]
    radius = np.hypot((j - (rows - 1) / 2) / (rows / 2), (i - (columns - 1) / 2) / (columns / 2))
    middle = hu[grid.shape[0] // 2]
    outside = middle[radius > 1.0 + CORNER_SHARE]
    if outside.size == 0 or outside.min() != outside.max():
        return 0.0
    pixel = 2.0 / min(rows, columns)
    rim = (radius > 1.0 - 3 * pixel) & (radius < 1.0 - pixel)
    share = float(np.count_nonzero(body.mask & rim[body.box[1:]])) / max(1, int(np.count_nonzero(rim)))
    around_mm = np.pi * (rows * grid.spacing[1] + columns * grid.spacing[0]) / 2
    return share * float(around_mm) * grid.spacing[2] / 100.0


def check_arms(grid: Grid, hu: Values, body: Placed | None) -> list[Finding]:
    """Return a finding if limbs lie beside the trunk: soft tissue with bone in it, apart from the body."""
    if body is None:
        return []
    import cc3d

    steps = tuple(max(1, round(COARSE_STEP_MM / s)) for s in grid.spacing[::-1])
    small = hu[:: steps[0], :: steps[1], :: steps[2]]
    trunk = np.zeros(hu.shape, dtype=bool)
    trunk[body.box] = body.mask
    apart = (small > SOFT_HU[0]) & ~ndimage.binary_dilation(trunk[:: steps[0], :: steps[1], :: steps[2]], iterations=2)
    pieces = cc3d.connected_components(np.ascontiguousarray(ndimage.binary_opening(apart)), connectivity=6)
    unit = grid.voxel_volume_ml * float(np.prod(steps))
    arms: list[tuple[float, Point3]] = []
    for n, box in enumerate(ndimage.find_objects(pieces), start=1):
        mask = pieces[box] == n
        inside = small[box][mask]
        is_soft = np.mean((inside > SOFT_HU[0]) & (inside < SOFT_HU[1])) > SOFT_SHARE
        if mask.sum() * unit < ARM_ML or (inside > BONE_HU).sum() * unit < ARM_BONE_ML or not is_soft:
            continue
        centre = (np.argwhere(mask).mean(axis=0) + [s.start for s in box]) * steps
        x, y, z = grid.to_lps(centre[::-1])
        arms.append((float(mask.sum() * unit), (float(x), float(y), float(z))))
    if not arms:
        return []
    total = sum(volume for volume, _ in arms)
    message = (
        f"{total:.0f} mL of limbs lie beside the trunk. They are not part of the body's surface here, cast streaks "
        "through the organs between them, and block access from that side as the patient lay."
    )
    return [
        Finding("arms-in-field", Severity.INFO, message, max(arms)[1], {"arms_ml": total, "pieces": float(len(arms))})
    ]


def _gap(structure: Placed, points: npt.NDArray[np.float64]) -> float:
    from scipy.spatial import cKDTree

    distances, _ = cKDTree(structure.points_mm).query(points[:: max(1, len(points) // 2000)])
    return float(np.min(distances))
