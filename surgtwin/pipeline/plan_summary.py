"""What is told of the plans kept with a twin, as plain data."""

from __future__ import annotations

from typing import Any

from ..domain.saved_plan import PlanApproval, PlanStatus, PlanVersion, SavedPlan
from ..domain.twin import Twin
from ..store.plans import KeptPlans


def plans_summary(twin: Twin | KeptPlans) -> list[dict[str, Any]]:
    """Every plan that is not removed, in the order they were made."""
    return [plan_summary(plan, twin.plan_status(plan)) for plan in twin.plans]


def plan_summary(plan: SavedPlan, status: PlanStatus) -> dict[str, Any]:
    """A plan with its latest version and its state."""
    return {
        "name": plan.name,
        "plan_id": plan.plan_id,
        "copied_from": plan.copied_from or None,
        "is_removed": plan.is_removed,
        "versions": len(plan.versions),
        "latest": version_summary(plan.latest),
        "state": status.state.value,
        "broken_by": status.reason or None,
        "approval": None if status.approval is None else approval_summary(status.approval),
    }


def version_summary(version: PlanVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "by": version.by,
        "utc": version.utc,
        "parent": version.parent,
        "twin_revision": version.twin_revision,
        "content_sha256": version.sha256,
        "damage": version.damage or None,
    }


def approval_summary(approval: PlanApproval) -> dict[str, Any]:
    return {
        "version": approval.version,
        "content_sha256": approval.plan_sha256,
        "twin_revision": approval.twin_revision,
        "by": approval.by,
        "utc": approval.utc,
        "note": approval.note or None,
        "verdicts": [{"about": about, "verdict": verdict.value} for about, verdict in approval.verdicts],
        "errors": list(approval.errors),
        "despite": approval.despite or None,
        "withdrawn_by": approval.withdrawn_by or None,
    }
