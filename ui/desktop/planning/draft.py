"""A plan while it is worked on: its history, and what of it the twin keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from surgtwin.domain.plan import Plan
from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.saved_plan import PlanState, PlanStatus
from surgtwin.domain.twin import Twin
from surgtwin.errors import PlanError
from surgtwin.planning.history import History
from surgtwin.planning.plan_versions import plan_of, plan_text


@dataclass(frozen=True, eq=False)
class Draft:
    """One plan on the desk.

    Parameters
    ----------
    key
        Tells drafts apart while the program runs; names may change.
    kept
        As the twin has it; None while it was never saved.
    kept_name
        The name the twin has it under; empty while it was never saved.
    """

    key: int
    name: str
    history: History
    kept: Plan | None = None
    kept_name: str = ""

    @property
    def plan(self) -> Plan:
        return self.history.plan

    @property
    def is_changed(self) -> bool:
        """Whether something would be lost if the program ended now."""
        if self.kept is None:
            return not self.plan.is_empty
        return self.plan != self.kept or self.name != self.kept_name

    def as_kept(self) -> Draft:
        """The draft after the twin has taken it over."""
        return replace(self, kept=self.plan, kept_name=self.name)

    @property
    def first_edit_since_kept(self) -> str:
        """The edit that led away from what the twin keeps, in a person's words; empty if nothing did."""
        plans = [step.plan for step in self.history.done]
        if self.kept is None or self.kept not in plans:
            return self.history.done[-1].edit
        after = len(plans) - plans[::-1].index(self.kept)
        return self.history.done[after].edit if after < len(plans) else ""


def status_words(draft: Draft, status: PlanStatus | None) -> tuple[str, str]:
    """What stands beside a plan's name, and the role that colours it: kept or not, approved or no longer.

    Parameters
    ----------
    status
        Of what the twin keeps; None while it keeps nothing.
    """
    if status is not None and status.approval is not None:
        if status.state is PlanState.APPROVED and not draft.is_changed:
            return f"\u2713 Approved by {status.approval.by}", "safe"
        if status.state is PlanState.APPROVED:
            edit = draft.first_edit_since_kept or "another name"
            return f"\u25b2 Approval by {status.approval.by} broken by: {edit}", "violated"
        if status.state is PlanState.BROKEN:
            return f"\u25b2 Approval broken by {status.reason}", "violated"
    if draft.is_changed:
        return "\u25c7 Not saved", "unproven"
    return ("Saved, not approved", "quiet") if draft.kept is not None else ("", "quiet")


def kept_drafts(twin: Twin, keys: Iterator[int]) -> tuple[tuple[Draft, ...], tuple[str, ...]]:
    """The plans that a twin keeps, and the names of those that a newer program saved."""
    drafts, unreadable = [], []
    for saved in twin.plans:
        try:
            plan = plan_of(saved.latest)
        except PlanError:
            unreadable.append(saved.name)
            continue
        drafts.append(Draft(next(keys), saved.name, History.of(plan), plan, saved.name))
    return tuple(drafts), tuple(unreadable)


def saving(draft: Draft, by: str, utc: str, revision: int) -> Callable[[PlanShelf], PlanShelf]:
    """What makes a shelf keep a draft, under its present name."""
    text = plan_text(draft.plan)

    def save(shelf: PlanShelf) -> PlanShelf:
        if draft.kept_name and draft.kept_name != draft.name and shelf.has(draft.kept_name):
            shelf = shelf.with_name(draft.kept_name, draft.name)
        return shelf.with_saved(draft.name, text, by=by, utc=utc, twin_revision=revision)

    return save
