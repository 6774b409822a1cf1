"""How the patient lay: which side the table is on, and whether that is what the series says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid

from .placed import Placed
from .scan_facts import ScanFacts

TABLE_HU = -600.0
"""Carbon shells and mattresses are lighter than tissue; air, noise and most blankets are lighter still."""
COARSE_STEP_MM = 3.0
NEAR_BODY_MM = 8.0
"""The skin's own blurred rim is no table."""
TABLE_ML = 60.0
TABLE_WIDTH_MM = 150.0
CLEARLY_MORE = 3.0
STATED_BACK = {"S": "back", "P": "front"}
"""The third letter of PatientPosition (as HFS): the side that lies on the table."""


def table_side(grid: Grid, hu: npt.NDArray[Any], body: Placed) -> str | None:
    """Return "back" or "front", the side of the patient by the file that the table is on; None if none is seen.

    Everything outside the body that is denser than air and wide counts as table.
    """
    steps = tuple(max(1, round(COARSE_STEP_MM / s)) for s in grid.spacing[::-1])
    thin = (slice(None, None, steps[0]), slice(None, None, steps[1]), slice(None, None, steps[2]))
    trunk = np.zeros(grid.shape, dtype=bool)
    trunk[body.box] = body.mask
    around = ndimage.binary_dilation(trunk[thin], iterations=max(1, round(NEAR_BODY_MM / COARSE_STEP_MM)))
    at = np.argwhere((hu[thin] > TABLE_HU) & ~around)
    if not len(at):
        return None
    points = grid.to_lps((at * steps)[:, ::-1])
    unit = grid.voxel_volume_ml * float(np.prod(steps))
    skin = body.points_mm
    beyond = {
        "back": points[points[:, 1] > np.percentile(skin[:, 1], 90)],
        "front": points[points[:, 1] < np.percentile(skin[:, 1], 10)],
    }
    found = {
        side: len(p) * unit if len(p) and float(np.ptp(p[:, 0])) >= TABLE_WIDTH_MM else 0.0
        for side, p in beyond.items()
    }
    larger, smaller = sorted(found, key=lambda side: -found[side])
    if found[larger] < TABLE_ML or found[larger] < CLEARLY_MORE * found[smaller]:
        return None
    return larger


def check_posture(grid: Grid, hu: npt.NDArray[Any], body: Placed | None, facts: ScanFacts) -> list[Finding]:
    """Return a finding if the patient lay prone, or the table is not where the stated position has it."""
    side = None if body is None else table_side(grid, hu, body)
    if side is None or body is None:
        return []
    letter = facts.position[2:3]
    stated = STATED_BACK.get(letter)
    if stated is not None and stated != side:
        words = {"S": "supine", "P": "prone"}[letter]
        message = (
            f"The series says that the patient lay {words} ({facts.position}), but the table is at the {side}. The "
            "position was entered wrongly or the image was turned: left and right may be exchanged. "
            "Confirm the side before use."
        )
        return [Finding("table-contradicts-position", Severity.ERROR, message, body.where_mm)]
    if side == "front":
        message = (
            "The patient lay prone (the table is in front). Organs hang differently than in an operation on the back, "
            "and the model has hardly seen such scans. If the patient lay on the back, the image is flipped."
        )
        return [Finding("prone", Severity.WARNING, message, body.where_mm)]
    return []
