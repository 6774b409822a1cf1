"""`surgtwin plan list`: the plans kept in a twin."""

from __future__ import annotations

import argparse

from surgtwin.domain.saved_plan import SavedPlan
from surgtwin.pipeline.plan_summary import plan_summary, plans_summary
from surgtwin.store.plans import KeptPlans, load_plans

from .console import say, table, write_json


def run(options: argparse.Namespace) -> int:
    twin = load_plans(options.twin)
    removed = twin.shelf.removed if options.removed else ()
    if options.json:
        told = {"case_id": twin.case_id, "revision": twin.revision.number, "plans": plans_summary(twin)}
        if options.removed:
            told["removed"] = [plan_summary(p, twin.plan_status(p)) for p in removed]
        write_json(told)
        return 0
    if not twin.plans and not removed:
        say(f"{twin.case_id} keeps no plan. `surgtwin plan add CASE.twin PLAN.json` keeps one.")
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}")
    header = ("plan", "version", "on revision", "by", "saved", "state")
    say(table([_row(twin, p) for p in (*twin.plans, *removed)], header, right=(1, 2)))
    return 0


def minute(utc: str) -> str:
    """An ISO time to the minute."""
    return f"{utc[:16].replace('T', ' ')} UTC"


def _row(twin: KeptPlans, plan: SavedPlan) -> list[str]:
    latest = plan.latest
    state = "removed" if plan.is_removed else twin.plan_status(plan).text
    if latest.damage:
        state = f"DAMAGED, {state}"
    return [plan.name, str(latest.number), str(latest.twin_revision), latest.by, minute(latest.utc), state]
