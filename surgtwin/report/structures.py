"""The twin's structures: volumes with their intervals, how each was found, and whether a person has accepted it."""

from __future__ import annotations

from ..domain.labels import Structure
from ..domain.twin import Twin
from .document import Cell, Column, Section, Table
from .wording import NOTHING, UNCONFIRMED_NOTE, figure, is_unconfirmed, marked

_COLUMNS = (
    Column("Structure", share=2.2), Column("Volume", True, 1.1), Column("Interval", True, 1.3),
    Column("With its parts", True, 1.2), Column("Made by", share=2.6), Column("Reader", share=1.3),
)  # fmt: skip


def structures_section(twin: Twin) -> Section:
    """Every structure with a voxel, and the names of those that were looked for and not found."""
    found = [s for s in twin.structures if twin.labels.voxels(s)]
    absent = [s.name for s in twin.structures if not twin.labels.voxels(s)]
    notes = [UNCONFIRMED_NOTE] if any(is_unconfirmed(twin, s.name) for s in found) else []
    levels = sorted({v.level for v in twin.volume_intervals})
    notes += [
        f"Interval: holds the true volume in {level:.0%} of images like those that the model was checked on."
        for level in levels
    ]
    if absent:
        notes.append(f"Looked for and not found: {', '.join(absent)}.")
    return Section("Structures", (Table(_COLUMNS, tuple(_row(twin, s) for s in found), " ".join(notes)),))


def _row(twin: Twin, s: Structure) -> tuple[Cell, ...]:
    interval = twin.volume_interval(s.name)
    return (
        Cell(marked(twin, s.name), colour=s.colour),
        Cell(figure(twin.labels.volume_ml(s), "mL")),
        Cell(NOTHING if interval is None else f"{interval.as_text()} mL"),
        Cell(figure(twin.labels.with_parts_ml(s), "mL")),
        Cell(twin.provenance.methods.get(s.name, s.origin)),
        Cell(status(twin, s)),
    )


def status(twin: Twin, s: Structure) -> str:
    """What a person said to the structure's contour."""
    if s.name in twin.accepted:
        return "accepted"
    return "not accepted" if is_unconfirmed(twin, s.name) else "given, not reviewed"
