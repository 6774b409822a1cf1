"""A twin's revisions in order, with what carried each and how its plans stood on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..domain.registration import Registration
from ..domain.twin import Revision
from ..domain.verdict import Verdict, worst
from ..store.codec_values import unplain
from ..store.journal import read_state
from ..store.registrations import read_registration
from .take_in import VERDICTS


@dataclass(frozen=True, eq=False)
class TimelineRow:
    """One revision.

    Parameters
    ----------
    plan_verdicts
        Plan -> what was judged -> verdict, as they stood when an image carried the twin to this revision.
    """

    revision: Revision
    is_current: bool
    accepted: frozenset[str]
    registration: Registration | None
    plan_verdicts: dict[str, dict[str, str]]

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
    state = read_state(path)
    rows = []
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
            )
        )
    return tuple(rows)
