"""The validation report of a case: what readers said of every structure, what spoke against it, where to look."""

from __future__ import annotations

import numpy as np

from ..domain.confidence import NO_CONFIDENCE
from ..domain.geometry import Point3, transform_points
from ..domain.labels import Structure
from ..domain.review import ReviewState, SignOff
from ..domain.twin import Twin
from ..domain.verdict import Verdict
from ..review.doubt import codes_at
from ..review.reader import Reader
from ..review.work_list import WorkItem
from .document import (
    Block,
    Callout,
    Cell,
    Column,
    Facts,
    Figure,
    FigureRow,
    Paragraph,
    Picture,
    PictureKind,
    Report,
    Section,
    Table,
    Tone,
)
from .front import head_facts, running_title, utc_minute
from .places import SLICE_VIEWS
from .sources import sources_section
from .structures import structures_section
from .subject import ReportedTwin
from .wording import NOTHING, figure

MOST_PICTURES = 6
"""Structures shown in slices: those with most against them, then those nobody has looked at."""
_STRUCTURES = (
    Column("Structure", share=1.8), Column("Volume", True), Column("Network sure", True), Column("Review", share=2.6),
    Column("Reader's key", share=1.7), Column("When", share=1.5), Column("Seconds", True, 0.8),
)  # fmt: skip
_STATEMENTS = (
    Column("When", share=1.4), Column("Structure", share=1.4), Column("Said", share=1.1), Column("Reader", share=1.2),
    Column("Revision", True, 0.8), Column("Why", share=2.6), Column("Signature", share=1.0),
)  # fmt: skip


def review_report(subject: ReportedTwin, item: WorkItem) -> Report:
    """Where the review of a twin stands.

    Parameters
    ----------
    item
        The twin's line of the work list, made of the same revision.
    """
    twin = subject.twin
    sections = (
        _summary(item),
        _structures(twin, item),
        _doubts(item),
        *_pictures(twin, item),
        _statements(twin, item),
        structures_section(twin),
        sources_section(subject),
    )
    facts = head_facts(subject)
    return Report(f"Review of {twin.case_id}", running_title(twin), facts, sections)


def _summary(item: WorkItem) -> Section:
    done = sum(s.state.is_done for s in item.structures)
    rejected = [s.structure for s in item.structures if s.state is ReviewState.REJECTED]
    blocks: list[Block] = []
    if rejected:
        blocks.append(Callout(Verdict.VIOLATED, f"{', '.join(rejected)}.", "rejected"))
    if item.forged:
        names = ", ".join(sorted({s.structure for s in item.forged}))
        text = f"What is said of these does not bear the reader's signature, and counts for nothing: {names}."
        blocks.append(Callout(Verdict.VIOLATED, text, "not genuine"))
    changed = [s.structure for s in item.structures if s.changed]
    if changed:
        text = f"These are no longer what a reader signed: {', '.join(changed)}."
        blocks.append(Callout(Verdict.UNPROVEN, text, "changed"))
    if item.is_done and not rejected:
        blocks.append(Callout(Verdict.SAFE, "Every structure is signed off as it is.", "signed off"))
    seconds = sum(s.last.seconds for s in item.structures if s.last is not None)
    pairs = (
        ("Review", item.state.value),
        ("Structures done", f"{done} of {len(item.structures)}"),
        ("Time spent", f"{seconds / 60:.1f} min"),
    )
    return Section("Review", (*blocks, Facts(pairs)))


def _structures(twin: Twin, item: WorkItem) -> Section:
    rows = []
    for review in item.structures:
        s, last = twin.labels.structure(review.structure), review.last
        sure = (item.confidence or {}).get(s.name)
        rows.append(
            (
                Cell(s.name, colour=s.colour),
                Cell(figure(twin.labels.volume_ml(s), "mL")),
                Cell(NOTHING if sure is None else f"{sure:.0%}"),
                Cell(review.text),
                Cell(NOTHING if last is None else Reader(last.reader, "", last.reader_key).fingerprint),
                Cell(NOTHING if last is None else utc_minute(last.utc)),
                Cell(NOTHING if last is None else f"{last.seconds:.0f}"),
            )
        )
    note = (
        "Network sure: mean probability over the structure's voxels; it covers nothing that the network has never seen."
    )
    return Section("What was said of each structure", (Table(_STRUCTURES, tuple(rows), note),))


def _doubts(item: WorkItem) -> Section:
    if not item.doubts:
        return Section("What speaks against it", (Paragraph("Nothing that the program looks for."),))
    return Section("What speaks against it", tuple(Paragraph(d.text, Tone.WARNING) for d in item.doubts))


def _pictures(twin: Twin, item: WorkItem) -> list[Section]:
    """Slices through the structures that are most in doubt, each at its least sure place."""
    weight = {s.structure: sum(d.weight for d in item.doubts if d.structure == s.structure) for s in item.structures}
    wanted = sorted(item.structures, key=lambda s: (-weight[s.structure], s.state.is_done))
    shown = [twin.labels.structure(r.structure) for r in wanted]
    shown = [s for s in shown if twin.labels.voxels(s)][:MOST_PICTURES]
    blocks: list[Block] = []
    for s in shown:
        at = _place(twin, s)
        figures = tuple(Figure(Picture(PictureKind.SLICE, view, at_mm=at), f"{s.name}, {view}") for view in SLICE_VIEWS)
        blocks.append(FigureRow(figures))
    return [Section("Where to look", tuple(blocks))] if blocks else []


def _statements(twin: Twin, item: WorkItem) -> Section:
    said = twin.reviews.sign_offs
    if not said:
        return Section("Every statement", (Paragraph("Nobody has said anything yet."),))
    return Section("Every statement", (Table(_STATEMENTS, tuple(_statement(s, s in item.forged) for s in said)),))


def _statement(said: SignOff, is_forged: bool) -> tuple[Cell, ...]:
    why = "; ".join(t for t in (said.reason, said.comment, "full read" if said.is_full_read else "") if t)
    return (
        Cell(utc_minute(said.utc)),
        Cell(said.structure),
        Cell(said.state.value),
        Cell(said.reader),
        Cell(str(said.twin_revision)),
        Cell(why or NOTHING),
        Cell("DOES NOT HOLD" if is_forged else "holds"),
    )


def _place(twin: Twin, s: Structure) -> Point3:
    """Where the network is least sure of the structure, else its voxel nearest to its middle; LPS of the twin."""
    points, codes = codes_at(twin.labels, s, twin.confidence)
    known = codes != NO_CONFIDENCE
    if known.any():
        chosen = points[known][int(np.argmin(codes[known]))]
    else:
        chosen = points[int(np.argmin(np.linalg.norm(points - points.mean(0), axis=1)))]
    x, y, z = transform_points(twin.image(twin.labels_on).twin_from_image, chosen[None])[0]
    return float(x), float(y), float(z)
