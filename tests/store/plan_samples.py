"""Changes of plans for tests of the store: what is kept is any text, for the store does not read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.saved_plan import PlanApproval
from surgtwin.domain.verdict import Verdict
from surgtwin.store.writer import TwinWriter

Change = Callable[[PlanShelf], PlanShelf]


def saving(name: str, text: str, by: str = "Dr. A", revision: int = 1) -> Change:
    return lambda shelf: shelf.with_saved(name, text, by=by, utc="2026-03-01T10:42:00Z", twin_revision=revision)


def approving(name: str, by: str = "Dr. B", revision: int = 1, despite: str = "") -> Change:
    def approve(shelf: PlanShelf) -> PlanShelf:
        latest = shelf.plan(name).latest
        verdicts = (("resection A, margins tumour", Verdict.VIOLATED if despite else Verdict.SAFE),)
        approval = PlanApproval(
            latest.number, latest.sha256, revision, by, "2026-03-01T11:00:00Z", "looked at", verdicts, (), despite
        )
        return shelf.with_approval(name, approval)

    return approve


def change(path: Path, *changes: Change) -> None:
    with TwinWriter(path, actor="Dr. W") as writer:
        for one in changes:
            writer.change_plans(one, "Dr. C")


def keep_some_plans(twin: Path) -> Path:
    """Keep two plans in a twin, one of two versions with an approval, one copied, renamed, removed."""
    change(
        twin,
        saving("A", '{"a":1}'),
        saving("A", '{"a":2}'),
        approving("A", despite="the vein can be reconstructed"),
        lambda s: s.with_copy("A", "B", version=1, by="Dr. C", utc="2026-03-02T00:00:00Z", twin_revision=1),
        lambda s: s.with_name("B", "Bé"),
        lambda s: s.without("Bé"),
    )
    return twin
