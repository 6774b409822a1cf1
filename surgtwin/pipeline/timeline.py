"""A twin's revisions in order, with what carried each and how its plans stood on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..domain.registration import Registration
from ..domain.twin import Revision
from ..domain.verdict import Verdict, worst
from ..store import event as kinds
from ..store.codec_values import unplain
from ..store.event import Event
from ..store.fold import fold
from ..store.journal import read_events
from ..store.registrations import read_registration
from .take_in import VERDICTS

CHANGED = ("registration-verdict-changed", "registration-plan-lost")
"""Codes of findings that say what a revision did to the plans."""


@dataclass(frozen=True)
class Deed:
    """Something that was done with a revision: "added", "accepted", "rejected", "superseded", "gone back to"."""

    word: str
    by: str
    utc: str


@dataclass(frozen=True, eq=False)
class TimelineRow:
    """One revision.

    Parameters
    ----------
    plan_verdicts
        Plan -> what was judged -> verdict, as they stood when an image carried the twin to this revision.
    deeds
        What was done with the revision, by whom and when, oldest first.
    changes
        Which verdicts of plans it changed and why, and which plans could not be judged on it, for a person.
    """

    revision: Revision
    is_current: bool
    accepted: frozenset[str]
    registration: Registration | None
    plan_verdicts: dict[str, dict[str, str]]
    deeds: tuple[Deed, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def largest_motion_mm(self) -> float:
        """95 % of each structure's surface moved less."""
        return max((m.p95_mm for m in self.registration.motions), default=0.0) if self.registration else 0.0

    @property
    def worst_verdict(self) -> str:
        """Of all plans; empty where none was judged."""
        found = tuple(Verdict(v) for plan in self.plan_verdicts.values() for v in plan.values())
        return worst(found).value if found else ""


def read_timeline(path: Path) -> tuple[TimelineRow, ...]:
    """Every revision of the twin in a folder, oldest first. Raises as `load_twin`; reads no image."""
    events = read_events(path)
    state, rows, deeds = fold(events), [], _deeds(events)
    for number in sorted(state.revisions):
        record = state.revisions[number]
        verdicts = unplain(record.body["provenance"]["settings"]).get(VERDICTS, {})
        rows.append(
            TimelineRow(
                record.revision,
                number == state.current,
                record.accepted,
                read_registration(path, record.body),
                {str(plan): {str(k): str(v) for k, v in of.items()} for plan, of in verdicts.items()},
                tuple(deeds.get(number, ())),
                tuple(str(f["message"]) for f in record.body["findings"] if f["code"] in CHANGED),
            )
        )
    return tuple(rows)


def _deeds(events: tuple[Event, ...]) -> dict[int, list[Deed]]:
    """Number of a revision -> what was done with it."""
    found: dict[int, list[Deed]] = {}
    for event in events:
        if event.kind == kinds.REVISION_ADDED:
            number, word = int(event.payload["revision"]["number"]), "added"
        elif event.kind == kinds.REVISION_JUDGED:
            number, word = int(event.payload["number"]), str(event.payload["state"])
        elif event.kind == kinds.REVISION_REVERTED:
            number, word = int(event.payload["to"]), "gone back to"
        else:
            continue
        found.setdefault(number, []).append(Deed(word, event.actor, event.utc))
    return found
