"""How the state of a revision reads, with the shape and colour that go with it."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.twin import RevisionState
from surgtwin.pipeline.timeline import TimelineRow

from ..theme import QUIET, SAFE, UNPROVEN, VIOLATED


@dataclass(frozen=True)
class StateLook:
    """A state's mark, word and colour."""

    mark: str
    word: str
    colour: str


STATE_LOOKS = {
    RevisionState.PROPOSED: StateLook("\u25c7", "proposed", UNPROVEN),
    RevisionState.ACCEPTED: StateLook("\u2713", "accepted", SAFE),
    RevisionState.REJECTED: StateLook("\u2715", "rejected", VIOLATED),
    RevisionState.SUPERSEDED: StateLook("\u25cb", "superseded", QUIET),
}
DEED_WORDS = {
    "added": "made",
    "accepted": "accepted",
    "rejected": "rejected",
    "superseded": "superseded",
    "gone back to": "made the one that counts again",
}


def state_words(row: TimelineRow) -> str:
    """ "✓ accepted, counts"."""
    look = STATE_LOOKS[row.revision.state]
    return f"{look.mark} {look.word}{', counts' if row.is_current else ''}"


def tip_of(row: TimelineRow) -> str:
    """Everything about a revision in a line or two."""
    by = ", ".join(dict.fromkeys(d.by for d in row.deeds if d.by))
    return f"Revision {row.revision.number}: {row.revision.cause} ({state_words(row)}{f'; {by}' if by else ''})"
