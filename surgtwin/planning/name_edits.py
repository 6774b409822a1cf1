"""Edits of a plan's branch names: each takes a plan and gives another one, for undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..domain.geometry import Point3
from ..domain.plan import Plan
from ..domain.vessel_names import BranchName, VesselNames
from ..errors import PlanError


def with_branch_name(plan: Plan, vessel: str, branch: BranchName) -> Plan:
    """The plan with a branch of a vessel named; one name at several places joins the branches there."""
    return _changed(plan, vessel, lambda names: replace(names, branches=(*names.branches, branch)))


def without_branch_name(plan: Plan, vessel: str, name: str) -> Plan:
    """The plan without a branch's name. Raises PlanError if the plan gives no branch of the vessel that name."""
    if all(b.name != name for v in plan.vessels if v.vessel == vessel for b in v.branches):
        raise PlanError(f"the plan calls no branch of '{vessel}' '{name}'.", "vessels")
    return _changed(
        plan, vessel, lambda names: replace(names, branches=tuple(b for b in names.branches if b.name != name))
    )


def with_vessel_root(plan: Plan, vessel: str, root_mm: Point3 | None) -> Plan:
    """The plan with a vessel's root at the end nearest to a place; None for the automatic root."""
    return _changed(plan, vessel, lambda names: replace(names, root_mm=root_mm))


def _changed(plan: Plan, vessel: str, change: Callable[[VesselNames], VesselNames]) -> Plan:
    known = [names.vessel for names in plan.vessels]
    listed = plan.vessels if vessel in known else (*plan.vessels, VesselNames(vessel))
    changed = tuple(change(names) if names.vessel == vessel else names for names in listed)
    return replace(plan, vessels=tuple(n for n in changed if n.branches or n.root_mm is not None))
