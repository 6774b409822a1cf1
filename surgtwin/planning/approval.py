"""A person's approval of a plan: what it rests on, what stands against it, and that it is of what was judged."""

from __future__ import annotations

from ..domain.finding import Severity
from ..domain.plan_shelf import PlanShelf
from ..domain.saved_plan import PlanApproval
from ..domain.twin import Twin
from ..errors import PlanError
from ..store.writer import TwinWriter
from .evaluation import PlanEvaluation
from .plan_versions import holds, utc_now
from .verdicts import verdicts_of


def approval_of(
    shelf: PlanShelf, twin: Twin, name: str, evaluation: PlanEvaluation, *, by: str, note: str = "", despite: str = ""
) -> PlanApproval:
    """An approval of the latest version of a plan, with the verdicts and the errors of its evaluation.

    Parameters
    ----------
    twin
        At the revision that the evaluation was made on.
    despite
        Why it is approved although a verdict is violated or a finding is an error.

    Raises
    ------
    PlanError
        If the plan is empty, another one was evaluated, nobody's name is given, or something stands against it and no
        reason is given.
    """
    if evaluation.plan.is_empty:
        raise PlanError(f"the plan '{name}' holds nothing that could be approved.")
    latest = shelf.plan(name).latest
    latest.require_whole()
    if not holds(latest, evaluation.plan):
        raise PlanError(
            f"the evaluation is not of the latest version of '{name}'. Evaluate that one and approve again."
        )
    return PlanApproval(
        version=latest.number,
        plan_sha256=latest.sha256,
        twin_revision=twin.revision.number,
        by=by.strip(),
        utc=utc_now(),
        note=note.strip(),
        verdicts=tuple((v.text, v.verdict) for v in verdicts_of(evaluation)),
        errors=tuple(f.message for f in evaluation.findings if f.severity is Severity.ERROR),
        despite=despite.strip(),
    )


def approve_plan(
    writer: TwinWriter, twin: Twin, name: str, evaluation: PlanEvaluation, *, by: str, note: str = "", despite: str = ""
) -> PlanApproval:
    """Record an approval in a twin on disk; answers what was recorded.

    Raises
    ------
    PlanError
        As `approval_of`, or if the twin's revision is no longer the one that was judged: nothing is recorded then.
    """

    def approve(shelf: PlanShelf) -> PlanShelf:
        judged, now = twin.revision.number, writer.twin.revision.number
        if judged != now:
            raise PlanError(f"the plan was judged on revision {judged}; the twin is at {now}. Evaluate it again.")
        approval = approval_of(shelf, twin, name, evaluation, by=by, note=note, despite=despite)
        return shelf.with_approval(name, approval)

    return writer.change_plans(approve, by).shelf.plan(name).approvals[-1]
