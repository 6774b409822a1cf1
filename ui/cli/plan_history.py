"""`surgtwin plan history`: every version of a plan, and every approval."""

from __future__ import annotations

import argparse

from surgtwin.domain.saved_plan import PlanApproval, PlanVersion, SavedPlan
from surgtwin.pipeline.plan_summary import approval_summary, plan_summary, version_summary
from surgtwin.planning.plan_versions import version_changes
from surgtwin.store.plans import load_plans

from .console import say, table, write_json
from .plan_list import minute


def run(options: argparse.Namespace) -> int:
    twin = load_plans(options.twin)
    plan = twin.shelf.plan(options.name)
    status = twin.plan_status(plan)
    if options.json:
        told = plan_summary(plan, status) | {
            "versions": [version_summary(v) | {"changes": _changes(plan, v)} for v in plan.versions],
            "approvals": [approval_summary(a) for a in plan.approvals],
        }
        write_json({"case_id": twin.case_id, "revision": twin.revision.number} | told)
        return 0
    origin = f", copied from {plan.copied_from}" if plan.copied_from else ""
    say(f"{twin.case_id}  plan {plan.name} ({plan.plan_id}{origin}): {status.text}")
    rows = [
        [str(v.number), "-" if v.parent is None else str(v.parent), str(v.twin_revision), v.by, minute(v.utc), v.sha256]
        for v in plan.versions
    ]
    say(table(rows, ("version", "made from", "on revision", "by", "saved", "contents"), right=(0, 1, 2)))
    for version in plan.versions[1:]:
        say(f"version {version.number}: {'; '.join(_changes(plan, version)) or 'the same as the one it was made from'}")
    for approval in plan.approvals:
        say(_approval(approval))
    return 0


def _changes(plan: SavedPlan, version: PlanVersion) -> list[str]:
    damaged = [v for v in plan.versions if v.damage and v.number in (version.number, version.parent)]
    if damaged:
        return [f"version {v.number} is damaged: {v.damage}" for v in damaged]
    return [change.text for change in version_changes(plan, version)]


def _approval(a: PlanApproval) -> str:
    end = f"; withdrawn by {a.withdrawn_by}" if a.withdrawn_by else ""
    despite = f"; despite: {a.despite}" if a.despite else ""
    note = f"; {a.note}" if a.note else ""
    given = f"version {a.version} approved by {a.by} on {minute(a.utc)}, on revision {a.twin_revision}"
    return f"{given}{note}{despite}{end}"
