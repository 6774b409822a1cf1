"""Checks of the labels after each run: is right right, is anything cut off, of a wrong size, scattered, misplaced?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import LabelMap

from .laterality import check_orientation
from .placed import Box, Placed, listed, place_structures
from .plausible_volumes import ADULT_YEARS, VOLUME_RANGES, usual_range_ml
from .relations import check_relations
from .scan_facts import ScanFacts

SCATTERED_SHARE, VERY_SCATTERED_SHARE = 0.1, 0.25
"""Of a structure, apart from its largest piece."""
SLACK = 1.1
"""Two people who outline one organ differ by as much: nearer to a limit than that is no news."""
LARGE_CUT_CM2 = 5.0
"""Of an organ: about a kidney's pole; beyond, a plan by volumes is not to be made on this scan."""
PASSING = ("aorta", "inferior vena cava", "oesophagus")
"""They leave every scan of the abdomen: no organ is incomplete by that."""
MANY_CUT = 3
BODY = "body"
NOTHING_KNOWN = ScanFacts()


def check_segmentation(
    labels: LabelMap,
    expected: Sequence[str],
    removed: Mapping[str, int] | None = None,
    facts: ScanFacts = NOTHING_KNOWN,
    field: Box | None = None,
) -> list[Finding]:
    """Return everything about a segmentation that a person should look at.

    Parameters
    ----------
    expected
        Names of the structures that the network can find.
    removed
        Voxels of each structure that were already cleared because they lay apart from its largest piece.
    facts
        The patient's age and size, where they are known.
    field
        The part of the image that was measured; None: all of it.
    """
    placed = place_structures(labels, field)
    body = place_body(labels, field)
    findings = check_orientation(placed, body) + check_relations(placed, body)
    for name in expected:
        if name not in placed:
            message = f"No {name} was found. If the patient has one, look for it in the image."
            findings.append(Finding("structure-absent", Severity.WARNING, message, structure=name))
    for name in expected:
        if name in placed:
            findings += check_volume(placed[name], facts)
            findings += check_pieces(placed[name], (removed or {}).get(name, 0))
    return findings + check_edges([placed[name] for name in expected if name in placed])


def place_body(labels: LabelMap, field: Box | None = None) -> Placed | None:
    """Return everything inside the skin, None if the labels do not have it."""
    for structure in labels.structures:
        if structure.name != BODY:
            continue
        layer = labels.layers[structure.layer]
        boxes = ndimage.find_objects(layer)
        if structure.label <= len(boxes) and boxes[structure.label - 1] is not None:
            box = boxes[structure.label - 1]
            return Placed(BODY, labels.grid, box, np.asarray(layer[box] == structure.label), field)
    return None


def check_volume(structure: Placed, facts: ScanFacts = NOTHING_KNOWN) -> list[Finding]:
    """Return a finding if the volume is unlike an adult's organ; one cut by the scan's edge can only be too large."""
    row = VOLUME_RANGES.get(structure.name)
    usual = usual_range_ml(structure.name, facts.expected_liver_ml)
    if row is None or usual is None or (facts.age_years is not None and facts.age_years < ADULT_YEARS):
        return []
    volume = structure.volume_ml
    is_large = volume > usual[1] * SLACK
    if not is_large and (volume * SLACK >= usual[0] or structure.cuts):
        return []
    severity = Severity.INFO if row.possible_ml[0] <= volume <= row.possible_ml[1] else Severity.WARNING
    message = (
        f"The {structure.name} measures {_ml(volume)} mL; usual in adults are {_ml(usual[0])} to {_ml(usual[1])} mL. "
        f"Disease, a rare size, or {'too much was' if is_large else 'a part was not'} found: look."
    )
    numbers = {"volume_ml": volume, "usual_from_ml": usual[0], "usual_to_ml": usual[1]}
    return [Finding("unusual-volume", severity, message, structure.where_mm, numbers, structure=structure.name)]


def _ml(volume: float) -> str:
    return f"{volume:.0f}" if volume >= 20.0 else f"{volume:.2g}"


def check_pieces(structure: Placed, removed_voxels: int = 0) -> list[Finding]:
    """Return a finding if a noticeable share lies, or lay before it was cleared, apart from the largest piece.

    Pieces that reach the same edge of the scan as the largest may meet beyond it, and are not counted as apart. Of a
    speck that is too small for the organ, that alone is said (by `check_volume`).
    """
    pieces = structure.pieces
    removed_ml = removed_voxels * structure.grid.voxel_volume_ml
    whole = structure.volume_ml + removed_ml
    beyond = sum(p.volume_ml for p in pieces[1:] if p.sides & pieces[0].sides)
    row = VOLUME_RANGES.get(structure.name)
    if row is not None and whole < row.possible_ml[0]:
        return []
    share = 1.0 - (pieces[0].volume_ml + beyond) / whole
    if share < SCATTERED_SHARE:
        return []
    severity = Severity.WARNING if share >= VERY_SCATTERED_SHARE else Severity.INFO
    cleared = f" ({removed_ml:.3g} mL of it were cleared as stray)" if removed_voxels else ""
    message = (
        f"The {structure.name} was found in pieces: {share:.0%} of it lay apart from the largest{cleared}. "
        "Parts may belong to other organs, or be missing: look at its ends."
    )
    numbers = {"outside_largest_share": share, "pieces": float(len(pieces)), "cleared_ml": removed_ml}
    where = pieces[1].centre_mm if len(pieces) > 1 else structure.where_mm
    return [Finding("scattered", severity, message, where, numbers, structure=structure.name)]


def check_edges(structures: Sequence[Placed]) -> list[Finding]:
    """Return a finding for each organ that the scan's edge cuts, and one for all vessels and tubes that go on there.

    The volume of such a structure is a lower bound.
    """
    cut: dict[tuple[str, ...], list[Placed]] = {}
    for structure in structures:
        sides = tuple(dict.fromkeys(c.side for c in structure.cuts))
        is_passing = structure.name in PASSING and set(sides) <= {"upper", "lower"}
        if sides:
            cut.setdefault(("",) if is_passing else sides, []).append(structure)
    passing = cut.pop(("",), [])
    findings = [f for sides, group in cut.items() for f in _cut_findings(group, sides)]
    if not passing:
        return findings
    sides = tuple(dict.fromkeys(c.side for s in passing for c in s.cuts))
    message = f"At the {listed(sides)} edge of the scan these go on: {', '.join(s.name for s in passing)}."
    numbers = {f"{s.name}_cm2": _cut_cm2(s) for s in passing}
    where = passing[0].cuts[0].centre_mm
    return [*findings, Finding("continues-beyond-scan", Severity.INFO, message, where, numbers)]


def _cut_findings(group: Sequence[Placed], sides: Sequence[str]) -> list[Finding]:
    """One finding for each of some structures that the same edges cut, or one for all of many."""
    if len(group) < MANY_CUT:
        return [_cut_finding(structure, sides) for structure in group]
    told = ", ".join(f"{s.name} ({_cut_cm2(s):.3g} cm2)" for s in group)
    message = (
        f"The {listed(sides)} edge of the scan cuts {told}; their volumes are lower bounds. Use a scan that holds all "
        "of them, if there is one."
    )
    numbers = {f"{s.name}_cm2": _cut_cm2(s) for s in group}
    return [Finding("cut-by-edge", Severity.WARNING, message, group[0].cuts[0].centre_mm, numbers)]


def _cut_finding(structure: Placed, sides: Sequence[str]) -> Finding:
    area_cm2 = _cut_cm2(structure)
    message = (
        f"The {structure.name} is cut by the {listed(sides)} edge of the scan, over {area_cm2:.3g} cm2; its volume is "
        "a lower bound. Use a scan that holds all of it, if there is one."
    )
    numbers = {"edge_voxels": float(sum(cut.voxels for cut in structure.cuts)), "edge_area_cm2": area_cm2}
    numbers |= {f"{cut.side}_cm2": cut.area_mm2 / 100.0 for cut in structure.cuts}
    severity = Severity.WARNING if area_cm2 >= LARGE_CUT_CM2 else Severity.INFO
    where = structure.cuts[0].centre_mm
    return Finding("cut-by-edge", severity, message, where, numbers, structure=structure.name)


def _cut_cm2(structure: Placed) -> float:
    return sum(cut.area_mm2 for cut in structure.cuts) / 100.0
