"""Whether structures lie to each other as in nearly everybody: neighbours near, pairs on their sides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from surgtwin.domain.finding import Finding, Severity

from .placed import Placed

NEIGHBOURS: tuple[tuple[str, str, float], ...] = (
    ("gallbladder", "liver", 20.0),
    ("portal and splenic vein", "liver", 25.0),
    ("portal and splenic vein", "pancreas", 25.0),
    ("right adrenal", "right kidney", 60.0),
    ("right adrenal", "liver", 40.0),
    ("left adrenal", "left kidney", 60.0),
    ("oesophagus", "stomach", 60.0),
    ("oesophagus", "aorta", 60.0),
    ("inferior vena cava", "aorta", 50.0),
)
"""The first comes as near as this to the second, in mm: what adults show, and as much again."""
PAIRED = (("right kidney", "left kidney"), ("right adrenal", "left adrenal"))
UNPAIRED = (
    "liver", "spleen", "right kidney", "left kidney", "gallbladder", "stomach", "pancreas", "right adrenal",
    "left adrenal",
)  # fmt: skip
MIN_JUDGED_ML = 0.5
OFF_MIDLINE_MM = 25.0
SECOND_SHARE = 0.15
"""Of the whole: a second piece on the other side of the body that is this large is no speck."""


def check_relations(placed: Mapping[str, Placed], body: Placed | None) -> list[Finding]:
    """Return findings about structures far from their neighbours, on one side with their pair, or on both sides."""
    judged = {name: p for name, p in placed.items() if p.volume_ml >= MIN_JUDGED_ML}
    middle = midline_mm(judged, body)
    findings = [f for row in NEIGHBOURS if (f := _far_apart(judged, *row)) is not None]
    if middle is None:
        return findings
    findings += [f for row in PAIRED if (f := _same_side(judged, *row, middle)) is not None]
    findings += [f for name in UNPAIRED if (f := _both_sides(judged.get(name), middle)) is not None]
    return findings


def midline_mm(placed: Mapping[str, Placed], body: Placed | None) -> float | None:
    """Return the body's midline as LPS x: between aorta and cava, which lie on the spine, else the body's middle."""
    if "aorta" in placed and "inferior vena cava" in placed:
        return float((placed["aorta"].centre_mm[0] + placed["inferior vena cava"].centre_mm[0]) / 2)
    return None if body is None else float(body.centre_mm[0])


def gap_mm(first: Placed, second: Placed) -> float:
    """Return the least distance of two structures' voxel centres (of some thousands of each)."""
    distances, _ = cKDTree(second.points_mm).query(first.points_mm)
    return float(np.min(distances))


def _far_apart(placed: Mapping[str, Placed], name: str, other: str, usual_mm: float) -> Finding | None:
    if name not in placed or other not in placed:
        return None
    gap = gap_mm(placed[name], placed[other])
    if gap <= usual_mm:
        return None
    message = (
        f"The {name} lies {gap:.0f} mm away from the {other}; usual is less than {usual_mm:.0f} mm. One of them is "
        "probably wrongly segmented, or only a part was found: look at both."
    )
    numbers = {"gap_mm": gap, "usual_mm": usual_mm}
    return Finding("unusual-relation", Severity.WARNING, message, placed[name].where_mm, numbers, structure=name)


def _same_side(placed: Mapping[str, Placed], right: str, left: str, middle: float) -> Finding | None:
    if right not in placed or left not in placed:
        return None
    offsets = [float(placed[name].centre_mm[0]) - middle for name in (right, left)]
    if min(np.abs(offsets)) < OFF_MIDLINE_MM or np.sign(offsets[0]) != np.sign(offsets[1]):
        return None
    side = "left" if offsets[0] > 0 else "right"
    message = (
        f"The {right} and the {left} both lie on the patient's {side}. Either one organ was given both names, or the "
        "anatomy is unusual (crossed or transplanted kidney): look at both before a side is named."
    )
    numbers = {"first_from_midline_mm": offsets[0], "second_from_midline_mm": offsets[1]}
    wrong = right if side == "left" else left
    return Finding("both-on-one-side", Severity.ERROR, message, placed[wrong].where_mm, numbers, structure=wrong)


def _both_sides(structure: Placed | None, middle: float) -> Finding | None:
    """A large second piece on the other side: two livers, or a left kidney that takes the right one in."""
    if structure is None or len(structure.pieces) < 2:
        return None
    first = structure.pieces[0]
    for piece in structure.pieces[1:]:
        share = piece.volume_ml / structure.volume_ml
        sides = [p.centre_mm[0] - middle for p in (first, piece)]
        if share < SECOND_SHARE or min(np.abs(sides)) < OFF_MIDLINE_MM or np.sign(sides[0]) == np.sign(sides[1]):
            continue
        message = (
            f"The {structure.name} was found on both sides of the body: {first.volume_ml:.0f} mL and "
            f"{piece.volume_ml:.0f} mL on the other side. One of them is another organ, or the image is mirrored."
        )
        numbers = {"larger_ml": first.volume_ml, "smaller_ml": piece.volume_ml}
        return Finding("on-both-sides", Severity.ERROR, message, piece.centre_mm, numbers, structure=structure.name)
    return None
