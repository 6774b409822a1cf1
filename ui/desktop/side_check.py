"""Does the operated side that a person stated agree with what is in the twin?"""

from __future__ import annotations

from surgtwin.domain.structure_table import LEFT, RIGHT
from surgtwin.domain.twin import Side, Twin

_OPPOSITE = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
_CODES = {RIGHT.value: Side.RIGHT, LEFT.value: Side.LEFT}


def side_warning(twin: Twin, side: Side) -> str:
    """What does not fit, in one or two sentences; empty if nothing speaks against the side.

    Two things are looked at: paired organs of which only the other side was found, and tumours that lie in an organ
    of the other side only. Neither proves anything: the person decides.
    """
    if side not in _OPPOSITE:
        return ""
    other = _OPPOSITE[side]
    found = _found_organs(twin)
    missing = sorted(organ for organ, sides in found.items() if sides == {other})
    warnings = [
        f"Only the {other.value} {organ} was found in these images, not the {side.value} one." for organ in missing
    ]
    tumour_sides = _tumour_sides(twin)
    if tumour_sides == {other}:
        warnings.append(f"The tumours found in paired organs lie on the {other.value}.")
    if not warnings:
        return ""
    return f"You stated {side.value.upper()}. " + " ".join(warnings) + " Check the side."


def _found_organs(twin: Twin) -> dict[str, set[Side]]:
    """Meaning of a paired organ's code -> sides on which it has voxels."""
    found: dict[str, set[Side]] = {}
    for s in twin.structures:
        if s.laterality is not None and s.code is not None and twin.labels.voxels(s):
            found.setdefault(s.code.meaning.lower(), set()).add(_CODES[s.laterality.value])
    return found


def _tumour_sides(twin: Twin) -> set[Side]:
    """Sides of the paired organs that hold a part with voxels."""
    organs = {s.name: _CODES[s.laterality.value] for s in twin.structures if s.laterality is not None}
    return {organs[s.part_of] for s in twin.structures if s.part_of in organs and twin.labels.voxels(s)}
