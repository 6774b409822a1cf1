"""Whether the patient lies in the image as the file says: right is right, the spine behind, the head up.

Three axes are asked apart, each by pairs of structures whose order is the same in nearly everybody. One or three
reversed axes make a mirror image (or situs inversus, where it is the first); two make a patient turned over, as after
a wrong entry of the position on the table. Nothing is ever corrected: a person must look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from surgtwin.domain.finding import Finding, Severity

from .placed import Placed, listed

LEFT_RIGHT, FRONT_BACK, HEAD_FEET = 0, 1, 2
ORGANS_BELOW_LUNGS = ("liver", "spleen", "right kidney", "left kidney", "pancreas", "stomach")
RIGHT_OF = (
    ("liver", "spleen"), ("liver", "stomach"), ("right kidney", "left kidney"), ("right adrenal", "left adrenal"),
    ("inferior vena cava", "aorta"), ("gallbladder", "spleen"), ("gallbladder", "stomach"),
)  # fmt: skip
"""The first lies to the patient's right of the second."""
BEHIND = (
    ("left kidney", "stomach"), ("left kidney", "pancreas"), ("right kidney", "gallbladder"), ("aorta", "pancreas"),
    ("right adrenal", "gallbladder"), ("left adrenal", "stomach"), ("aorta", "portal and splenic vein"),
    ("right kidney", "liver"), ("left kidney", "liver"),
    ("spine", "aorta"), ("spine", "inferior vena cava"), ("spine", "pancreas"), ("spine", "stomach"),
    ("spine", "liver"), ("spine", "body"),
)  # fmt: skip
ABOVE = (
    ("liver", "right kidney"), ("spleen", "left kidney"), ("right adrenal", "right kidney"),
    ("left adrenal", "left kidney"), ("oesophagus", "pancreas"), ("oesophagus", "left kidney"),
    *(("lungs", organ) for organ in ORGANS_BELOW_LUNGS),
)  # fmt: skip
SIGN = {LEFT_RIGHT: -1.0, FRONT_BACK: 1.0, HEAD_FEET: 1.0}
"""Of LPS: towards the patient's right, back and head."""
WORDS = {LEFT_RIGHT: "to the right of", FRONT_BACK: "behind", HEAD_FEET: "above"}
AXIS_NAMES = {LEFT_RIGHT: "left and right", FRONT_BACK: "front and back", HEAD_FEET: "head and feet"}
SURE_MM = 8.0
"""A smaller distance of two centres says nothing: organs slide and turn by as much."""
SURE_IF_CUT_MM = 30.0
"""Along the body, if either organ is cut by the scan's upper or lower edge: its centre is not the organ's."""
MIN_JUDGED_ML = 0.5
FEWEST_VOTES = 2
SPINE_HALF_WIDTH_MM = 35.0
SMALL_LIVER_ML = 730.0
FULL_AORTA_ML, LOST_CAVA_ML = 20.0, 10.0
"""Beside an aorta of usual length a cava has 35 mL and more: a network that knows it on the right alone loses it."""
LARGE_SPLEEN_SHARE = 0.4
"""Of the liver; adults have 0.05 to 0.3. A cava on the left is found in 1 of 200 people, with a usual spleen."""

EXPLANATION: dict[tuple[int, ...], str] = {
    (LEFT_RIGHT,): "the image is flipped left to right, or the patient has situs inversus (mirrored organs)",
    (FRONT_BACK,): "the image is flipped front to back (left and right are then mirrored too), or the patient lay the "
    "other way up than was entered",
    (
        HEAD_FEET,
    ): "the slices are in reverse order (left and right are then mirrored too), or the patient lay the other "
    "way round, head or feet first, than was entered",
    (LEFT_RIGHT, FRONT_BACK): "the patient lay prone and was entered as supine, or the other way round",
    (LEFT_RIGHT, HEAD_FEET): "the patient lay feet first and was entered as head first, or the other way round",
    (FRONT_BACK, HEAD_FEET): "front and back as well as head and feet are exchanged in the file",
    (LEFT_RIGHT, FRONT_BACK, HEAD_FEET): "the image is mirrored through a point: all three directions are reversed",
}


@dataclass(frozen=True)
class Vote:
    """What one pair says about one axis; positive ``offset_mm`` is the usual order."""

    axis: int
    first: str
    second: str
    offset_mm: float

    @property
    def sentence(self) -> str:
        """Where a usual patient has it."""
        return f"the {self.first} {WORDS[self.axis]} the {self.second}"


def check_orientation(placed: Mapping[str, Placed], body: Placed | None) -> list[Finding]:
    """Return a finding if an axis of the image seems reversed, and one for each pair that is out of order otherwise.

    Parameters
    ----------
    placed
        What was found, "lungs" and "bone" among it where they were.
    body
        Everything inside the skin, None if not known.
    """
    votes = collect_votes(placed, body)
    reversed_axes = tuple(axis for axis in range(3) if is_reversed(votes, axis))
    findings = [_orientation_finding(votes, reversed_axes, placed)] if reversed_axes else []
    if LEFT_RIGHT not in reversed_axes:
        findings += check_mirrored(placed, votes)
    for vote in votes:
        if vote.offset_mm < 0 and vote.axis not in reversed_axes:
            findings.append(_pair_finding(vote, placed))
    return findings


def collect_votes(placed: Mapping[str, Placed], body: Placed | None) -> list[Vote]:
    """Return what every pair of structures that is there and far enough apart says."""
    known = {name: p for name, p in placed.items() if p.volume_ml >= MIN_JUDGED_ML}
    centres = {name: p.centre_mm for name, p in known.items()}
    if body is not None:
        centres["body"] = body.centre_mm
        centres |= spine_centre(known, body)
    votes = []
    for axis, pairs in ((LEFT_RIGHT, RIGHT_OF), (FRONT_BACK, BEHIND), (HEAD_FEET, ABOVE)):
        for first, second in pairs:
            if first not in centres or second not in centres:
                continue
            offset = float(SIGN[axis] * (centres[first][axis] - centres[second][axis]))
            if abs(offset) >= _sure_mm(axis, known.get(first), known.get(second)):
                votes.append(Vote(axis, first, second, offset))
    return votes


def is_reversed(votes: Sequence[Vote], axis: int) -> bool:
    """Whether most of the pairs that speak about an axis, and more than one, say that it is reversed."""
    mine = [vote.offset_mm < 0 for vote in votes if vote.axis == axis]
    return sum(mine) >= FEWEST_VOTES and 2 * sum(mine) > len(mine)


def check_mirrored(placed: Mapping[str, Placed], votes: Sequence[Vote]) -> list[Finding]:
    """Return a finding if the organs look as a network finds them in a mirrored patient.

    A network that has only seen livers on the right calls the liver of a mirrored patient spleen, and finds a small
    "liver" in the spleen: the order of the names is then usual, the sizes are exchanged.
    """
    liver, spleen = placed.get("liver"), placed.get("spleen")
    if liver is None or spleen is None or liver.cuts:
        return []
    vessels = [v for v in votes if v.first == "inferior vena cava" and v.axis == LEFT_RIGHT]
    are_exchanged = bool(vessels) and vessels[0].offset_mm < 0
    is_lost = _is_cava_lost(placed)
    is_smaller = liver.volume_ml < SMALL_LIVER_ML and spleen.volume_ml > liver.volume_ml
    is_large = (are_exchanged or is_lost) and spleen.volume_ml > LARGE_SPLEEN_SHARE * liver.volume_ml
    if not is_smaller and not is_large:
        return []
    told = " and the inferior vena cava lies to the left of the aorta" if are_exchanged else ""
    told = told or (" and next to nothing of the inferior vena cava was found in its usual place" if is_lost else "")
    message = (
        f"What was found as spleen ({spleen.volume_ml:.0f} mL) is large beside the liver ({liver.volume_ml:.0f} mL)"
        f"{told}: as when the image is flipped left to right or the patient has situs inversus and the network takes "
        "the liver for a spleen, or both are wrongly segmented. Nothing was changed. Do not use the twin before the "
        "side was confirmed on the scanner's own image."
    )
    numbers = {
        "spleen_ml": spleen.volume_ml, "liver_ml": liver.volume_ml, "great_vessels_exchanged": float(are_exchanged),
        "cava_lost": float(is_lost),
    }  # fmt: skip
    return [Finding("mirrored-organs", Severity.ERROR, message, spleen.where_mm, numbers)]


def _is_cava_lost(placed: Mapping[str, Placed]) -> bool:
    aorta, cava = placed.get("aorta"), placed.get("inferior vena cava")
    has_aorta = aorta is not None and aorta.volume_ml >= FULL_AORTA_ML
    return has_aorta and (cava is None or cava.volume_ml < LOST_CAVA_ML)


def spine_centre(placed: Mapping[str, Placed], body: Placed) -> dict[str, np.ndarray]:
    """Return {"spine": the middle (3,) of the bone near the body's midline}, empty if there is hardly any."""
    bone = placed.get("bone")
    if bone is None:
        return {}
    points = bone.points_mm
    middle = points[np.abs(points[:, 0] - body.centre_mm[0]) < SPINE_HALF_WIDTH_MM]
    if len(middle) * bone.volume_ml / len(points) < MIN_JUDGED_ML:
        return {}
    return {"spine": np.median(middle, axis=0)}


def _sure_mm(axis: int, first: Placed | None, second: Placed | None) -> float:
    sides = {cut.side for p in (first, second) if p is not None for cut in p.cuts}
    return SURE_IF_CUT_MM if axis == HEAD_FEET and sides & {"upper", "lower"} else SURE_MM


def _orientation_finding(votes: Sequence[Vote], axes: tuple[int, ...], placed: Mapping[str, Placed]) -> Finding:
    mine = [vote for vote in votes if vote.axis in axes]
    wrong = [vote for vote in mine if vote.offset_mm < 0]
    worst = max(wrong, key=lambda vote: -vote.offset_mm)
    named = listed([AXIS_NAMES[axis] for axis in axes])
    message = (
        f"{named.capitalize()} seem reversed ({len(wrong)} of {len(mine)} pairs of structures, most of all: "
        f"usual is {worst.sentence}). Either "
        f"{EXPLANATION[axes]}, or the segmentation is wrong. Nothing was changed. Do not use the twin before the "
        "image was compared with the scanner's own and the side was confirmed."
    )
    numbers = {"pairs_reversed": float(len(wrong)), "pairs_judged": float(len(mine)), "worst_mm": -worst.offset_mm}
    numbers |= {f"{AXIS_NAMES[axis].replace(' and ', '_')}_reversed": float(axis in axes) for axis in range(3)}
    where = placed[worst.first].where_mm if worst.first in placed else None
    return Finding("unusual-orientation", Severity.ERROR, message, where, numbers)


def _pair_finding(vote: Vote, placed: Mapping[str, Placed]) -> Finding:
    message = (
        f"Usual is {vote.sentence}; here it is the other way round by {-vote.offset_mm:.0f} mm. Look at both: "
        "the anatomy is unusual (variant, displaced by disease), or one of them is wrongly segmented."
    )
    known = placed.get(vote.first) or placed.get(vote.second)
    return Finding(
        "unusual-position",
        Severity.WARNING,
        message,
        known.where_mm if known is not None else None,
        {"offset_mm": -vote.offset_mm},
        structure=known.name if known is not None else "",
    )
