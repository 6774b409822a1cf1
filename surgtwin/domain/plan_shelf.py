"""All plans of a twin. Every change gives another shelf that holds all the old one held: nothing is ever lost.

The same functions change a twin that is not saved yet and, through `TwinWriter.change_plans`, one on disk.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

from ..errors import PlanError
from .saved_plan import PlanApproval, PlanVersion, SavedPlan, checked_plan_name, text_sha256


@dataclass(frozen=True)
class PlanShelf:
    """The plans kept with a twin.

    Parameters
    ----------
    every
        Removed ones too, in the order they were made.
    """

    every: tuple[SavedPlan, ...] = ()

    def __post_init__(self) -> None:
        names = [_key(p.name) for p in self.plans]
        ids = [p.plan_id for p in self.every]
        if len(set(names)) != len(names) or len(set(ids)) != len(ids):
            raise PlanError("two plans share a name; give each its own.", "name")

    @property
    def plans(self) -> tuple[SavedPlan, ...]:
        """Those that are not removed."""
        return tuple(p for p in self.every if not p.is_removed)

    @property
    def removed(self) -> tuple[SavedPlan, ...]:
        return tuple(p for p in self.every if p.is_removed)

    def plan(self, name: str) -> SavedPlan:
        """The plan of that name. Raises PlanError naming those there are."""
        found = self.find(name)
        if found is not None:
            return found
        listed = ", ".join(f"'{p.name}'" for p in self.plans)
        there_are = f"there are: {listed}." if listed else "there is none in this twin yet."
        if any(_same(p.name, name) for p in self.removed):
            raise PlanError(f"the plan '{name}' was removed; restore it first. Beside it {there_are}")
        raise PlanError(f"there is no plan '{name}'; {there_are}")

    def find(self, name: str) -> SavedPlan | None:
        """The plan of that name, or None."""
        return next((p for p in self.plans if _same(p.name, name)), None)

    def has(self, name: str) -> bool:
        """Whether a plan of that name is there and not removed; small and capital letters count as the same."""
        return any(_key(p.name) == _key(name) for p in self.plans)

    def free_name(self, stem: str) -> str:
        """`stem`, or `stem 2`, `stem 3`...: the first that no plan has."""
        numbered = (stem if n == 1 else f"{stem} {n}" for n in range(1, len(self.every) + 2))
        return next(name for name in numbered if not self.has(name))

    def with_saved(
        self, name: str, text: str, *, by: str, utc: str, twin_revision: int, parent: int | None = None
    ) -> PlanShelf:
        """The shelf with a plan's text as its newest version; a new plan if there is none of that name.

        The shelf itself if the latest version holds that text already.

        Parameters
        ----------
        parent
            Number of the version that was edited; the latest if None.
        """
        plan = self.find(name)
        if plan is None:
            self._require_free(name)
            first = PlanVersion(1, text, by, utc, None, twin_revision)
            return PlanShelf((*self.every, SavedPlan(self._next_id(), checked_plan_name(name), (first,))))
        if plan.latest.sha256 == text_sha256(text) and not plan.latest.damage:
            return self
        made_from = plan.version(parent).number
        version = PlanVersion(plan.latest.number + 1, text, by, utc, made_from, twin_revision)
        return self._with(replace(plan, versions=(*plan.versions, version)))

    def with_copy(
        self, name: str, new_name: str, *, by: str, utc: str, twin_revision: int, version: int | None = None
    ) -> PlanShelf:
        """The shelf with a version of a plan (the latest if None) as a plan of its own, a draft."""
        plan = self.plan(name)
        source = plan.version(version)
        source.require_whole()
        self._require_free(new_name)
        first = PlanVersion(1, source.text, by, utc, None, twin_revision)
        origin = f"{plan.plan_id} version {source.number}"
        copied = SavedPlan(self._next_id(), checked_plan_name(new_name), (first,), copied_from=origin)
        return PlanShelf((*self.every, copied))

    def with_name(self, name: str, new_name: str) -> PlanShelf:
        """The shelf with a plan under another name. Approvals stay: the plan is the same."""
        plan = self.plan(name)
        if _key(name) != _key(new_name):
            self._require_free(new_name)
        return self._with(replace(plan, name=checked_plan_name(new_name)))

    def without(self, name: str) -> PlanShelf:
        """The shelf with a plan marked as removed; `with_restored` brings it back."""
        return self._with(replace(self.plan(name), is_removed=True))

    def with_restored(self, name: str, new_name: str = "") -> PlanShelf:
        """The shelf with the removed plan of that name back, the one made last if several have it.

        Raises
        ------
        PlanError
            If no removed plan has that name, or another plan has taken it; then give a `new_name`.
        """
        gone = [p for p in self.removed if _same(p.name, name)]
        if not gone:
            listed = ", ".join(f"'{p.name}'" for p in self.removed) or "none"
            raise PlanError(f"no removed plan is called '{name}'; removed: {listed}.")
        self._require_free(new_name or name)
        return self._with(replace(gone[-1], is_removed=False, name=checked_plan_name(new_name or name)))

    def with_approval(self, name: str, approval: PlanApproval) -> PlanShelf:
        """The shelf with a plan's latest version approved. Raises PlanError if another version was judged."""
        plan = self.plan(name)
        plan.latest.require_whole()
        if (approval.version, approval.plan_sha256) != (plan.latest.number, plan.latest.sha256):
            raise PlanError(
                f"the approval is of version {approval.version} of '{name}', the latest is {plan.latest.number}. "
                "Evaluate that one and approve again."
            )
        return self._with(replace(plan, approvals=(*plan.approvals, approval)))

    def without_approval(self, name: str, by: str) -> PlanShelf:
        """The shelf with a plan's approvals withdrawn: a draft again. Raises PlanError if it has none."""
        plan = self.plan(name)
        if not by.strip():
            raise PlanError("the name of the person who withdraws the approval is needed.", "by")
        if all(a.withdrawn_by for a in plan.approvals):
            raise PlanError(f"the plan '{name}' is not approved; there is nothing to withdraw.")
        withdrawn = tuple(a if a.withdrawn_by else replace(a, withdrawn_by=by) for a in plan.approvals)
        return self._with(replace(plan, approvals=withdrawn))

    def _with(self, changed: SavedPlan) -> PlanShelf:
        return PlanShelf(tuple(changed if p.plan_id == changed.plan_id else p for p in self.every))

    def _require_free(self, name: str) -> None:
        if self.has(name):
            raise PlanError(f"there is a plan '{name}' already (small and capital letters count as the same).", "name")

    def _next_id(self) -> str:
        return f"plan-{len(self.every) + 1}"


def _same(a: str, b: str) -> bool:
    """Whether two names are written alike; some systems give letters with marks in two parts."""
    return unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
