"""`surgtwin live update`: an image that arrived carries the twin along, as a proposed or accepted revision."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.domain.finding import finding_as_json
from surgtwin.domain.registration import Registration
from surgtwin.domain.volume import Modality, Volume
from surgtwin.live.update import Quality, UpdateSettings
from surgtwin.pipeline.images import open_image
from surgtwin.pipeline.rejudge import RejudgedPlan
from surgtwin.pipeline.take_in import TakenIn, take_in
from surgtwin.progress import Progress
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import ProgressBar, say, table, write_json
from .input_steps import note_findings


def run(options: argparse.Namespace) -> int:
    """Take the image in; a gate that is not passed is part of the answer, not a failure."""
    settings = UpdateSettings(role=options.role, quality=Quality(options.quality))
    bar = ProgressBar()
    progress = bar.progress()
    try:
        with TwinWriter(options.twin) as writer:
            arrived = open_arrived(options, writer.twin.primary.modality, progress.part(0.0, 0.1, "Reading the image"))
            taken = take_in(
                writer,
                arrived,
                settings,
                accept=options.accept,
                by=author(options.by),
                progress=progress.part(0.1, 1.0),
            )
    finally:
        bar.close()
    if options.json:
        write_json(taken_in_json(taken))
    else:
        say_taken_in(taken)
    return 0


def open_arrived(options: argparse.Namespace, modality: Modality, progress: Progress) -> Volume:
    """The image that the options name."""
    volume, _ = open_image(
        options.input,
        series=options.series,
        regularise=options.regularise,
        modality=Modality(options.modality) if options.modality else modality,
        progress=progress,
    )
    return volume


def taken_in_json(taken: TakenIn) -> dict[str, Any]:
    """What was made of an arrived image, for scripts."""
    twin, registration = taken.twin, taken.twin.registration
    told: dict[str, Any] = {"case_id": twin.case_id, "revision": twin.revision.number, "state": taken.state.value}
    told["reasons"] = list(taken.reasons)
    if registration is not None:
        told["registration"] = registration_json(registration)
        told["displacement_mm"] = {
            m.structure: {"mean": m.mean_mm, "p95": m.p95_mm, "max": m.max_mm, "error": m.error_mm}
            for m in registration.motions
        }
    told["plans"] = [_plan_json(plan) for plan in taken.plans]
    told["findings_changed"] = [change for plan in taken.plans for change in plan_changes_json(plan)]
    told["findings"] = [finding_as_json(f) for f in twin.findings if f.code.startswith("registration-")]
    return told


def registration_json(registration: Registration) -> dict[str, Any]:
    """How a revision was carried, for scripts."""
    return {
        "image_id": registration.image_id,
        "base_revision": registration.base_revision,
        "method": registration.method,
        "difference_before": registration.difference_before,
        "difference_after": registration.difference_after,
        "error_mm": registration.error_mm(),
        "is_passed": registration.is_passed,
        "gates": [{"name": g.name, "is_passed": g.is_passed, "message": g.message} for g in registration.gates],
    }


def _plan_json(plan: RejudgedPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "problem": plan.problem,
        "verdicts": [{"about": v.text, "verdict": v.verdict.value} for v in plan.verdicts],
    }


def plan_changes_json(plan: RejudgedPlan) -> list[dict[str, Any]]:
    """What changed in a plan's verdicts and findings, for scripts."""
    verdicts = [
        {
            "plan": plan.name,
            "change": "verdict",
            "about": c.about,
            "before": c.before.value if c.before else None,
            "after": c.after.value if c.after else None,
            "why": c.why,
        }
        for c in plan.changed
    ]
    new = [{"plan": plan.name, "change": "new", "finding": finding_as_json(f)} for f in plan.new_findings]
    gone = [{"plan": plan.name, "change": "gone", "finding": finding_as_json(f)} for f in plan.gone_findings]
    return [*verdicts, *new, *gone]


def say_taken_in(taken: TakenIn) -> None:
    """The same for a person."""
    twin, registration = taken.twin, taken.twin.registration
    say(f"{twin.case_id}  revision {twin.revision.number}  {taken.state.value}  (research use only)")
    if registration is not None:
        say(f"{registration.method}\n")
        rows = [
            [m.structure, f"{m.mean_mm:.1f}", f"{m.p95_mm:.1f}", f"{m.error_mm:.1f}", f"{m.shown_share:.0%}"]
            for m in registration.motions
        ]
        say(table(rows, ("structure", "moved mm", "95 % mm", "± mm", "shown"), right=(1, 2, 3, 4)))
        say("")
        for gate in registration.gates:
            say(f"{'passed' if gate.is_passed else 'FAILED'}  {gate.name}: {gate.message}")
    for plan in taken.plans:
        verdicts = [f"  {c.text}" for c in plan.changed] or ["  no verdict changed"]
        say("\n".join([f"\nplan {plan.name}", *([f"  {plan.problem}"] if plan.problem else verdicts)]))
    note_findings([f for f in twin.findings if f.code.startswith("registration-") and "gate" not in f.code])
    if taken.state.value == "proposed":
        say(f"\nsurgtwin live judge CASE.twin {twin.revision.number} --accept   makes it the current revision")
