"""An arrived image taken into a twin on disk: proposed with its figures, then accepted or rejected by a person."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..domain.finding import Finding, Severity
from ..domain.saved_plan import PlanVersion, SavedPlan
from ..domain.twin import Revision, RevisionState, Twin
from ..domain.volume import Volume
from ..errors import PlanError, TwinError
from ..live.carry_plan import carry_plan
from ..live.update import DEFAULT_UPDATE, UpdateSettings, propose_update
from ..planning.plan_versions import plan_of, save_plan
from ..progress import SILENT, Progress
from ..store.writer import TwinWriter
from .rejudge import RejudgedPlan, rejudge

VERDICTS = "plan_verdicts"
"""Under this key the provenance of a carried revision says how each plan was judged on it."""


@dataclass(frozen=True, eq=False)
class TakenIn:
    """What became of an arrived image."""

    twin: Twin
    state: RevisionState
    plans: tuple[RejudgedPlan, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it can't be accepted; empty if it can."""
        registration = self.twin.registration
        return tuple(g.message for g in registration.gates if not g.is_passed) if registration else ()


def take_in(
    writer: TwinWriter,
    arrived: Volume,
    settings: UpdateSettings = DEFAULT_UPDATE,
    *,
    accept: bool = False,
    by: str = "",
    progress: Progress = SILENT,
) -> TakenIn:
    """Carry the twin's current revision to an arrived image, judge its plans again, and keep all that as a revision.

    Parameters
    ----------
    accept
        The person's yes. It overrides no gate: where one is not passed, the revision is rejected.

    Raises
    ------
    PatientMismatchError, ImageError
        As `propose_update`; nothing is written then.
    """
    proposed = propose_update(writer.twin, arrived, settings, progress.part(0.0, 0.6))
    cause = f"{settings.role} image carried the twin along"
    return keep_proposed(writer, proposed, cause, accept=accept, by=by, progress=progress.part(0.6, 1.0))


def keep_proposed(
    writer: TwinWriter, proposed: Twin, cause: str, *, accept: bool, by: str, progress: Progress = SILENT
) -> TakenIn:
    """Judge the plans on a carried twin, keep it as a proposed revision, and accept or reject it if asked to."""
    plans = rejudge(writer.twin, proposed, progress=progress.part(0.0, 0.75))
    proposed = _with_verdicts(proposed, plans)
    added = writer.append(proposed, cause, RevisionState.PROPOSED, progress=progress.part(0.75, 1.0, "Saving"))
    number = added.revision.number
    if not accept:
        return TakenIn(added, RevisionState.PROPOSED, plans)
    if added.registration is None or not added.registration.is_passed:
        writer.judge(number, RevisionState.REJECTED, by=by)
        return TakenIn(_judged(added, RevisionState.REJECTED), RevisionState.REJECTED, plans)
    return TakenIn(accept_revision(writer, added, by=by), RevisionState.ACCEPTED, plans)


def accept_revision(writer: TwinWriter, proposed: Twin, *, by: str = "") -> Twin:
    """Make a proposed revision the current one, its plans carried along as new versions; the drawn ones stay.

    Raises
    ------
    TwinError
        If it is not a proposed one, a gate was not passed, or the current revision is not the one that was carried.
    """
    registration = proposed.registration
    if registration is not None:
        failed = [g.message for g in registration.gates if not g.is_passed]
        if failed:
            raise TwinError(f"Revision {proposed.revision.number} can't be accepted. {' '.join(failed)}")
        if writer.twin.revision.number != registration.base_revision:
            raise TwinError(
                f"Revision {proposed.revision.number} was carried from revision {registration.base_revision}, but the "
                f"current one is {writer.twin.revision.number}. Take the image in again."
            )
    drawn = writer.twin.plans
    twin = writer.judge(proposed.revision.number, RevisionState.ACCEPTED, by=by)
    if registration is None:
        return twin
    for plan in drawn:
        _save_carried(writer, plan, proposed, by)
    return writer.twin


def go_back(writer: TwinWriter, revision: int, *, by: str = "") -> Twin:
    """Make an earlier revision the current one again, its plans as they were on it, as newest versions."""
    before = writer.twin
    writer.revert(revision, by=by)
    kept_until = writer.state.revision(revision).revision
    for plan in before.plans:
        last = _version_on(plan, kept_until)
        if last is not None:
            save_plan(writer, plan_of(last), plan.name, by=by or last.by, parent=last.number)
    return writer.twin


def _version_on(plan: SavedPlan, revision: Revision) -> PlanVersion | None:
    """The newest version made on a revision or before it; None where the plan is younger, or unreadable."""
    found = [v for v in plan.versions if v.twin_revision <= revision.number and not v.damage]
    return found[-1] if found else None


def _save_carried(writer: TwinWriter, plan: SavedPlan, carried_on: Twin, by: str) -> None:
    if carried_on.registration is None:
        return
    try:
        carried = carry_plan(plan_of(plan.latest), carried_on.registration.field)
    except PlanError:
        # A version that is damaged, or of a newer program, stays as it is: `verify` and its status tell of it.
        return
    save_plan(writer, carried, plan.name, by=by or plan.latest.by)


def _with_verdicts(twin: Twin, plans: tuple[RejudgedPlan, ...]) -> Twin:
    verdicts = {p.name: {v.text: v.verdict.value for v in p.verdicts} for p in plans}
    provenance = replace(twin.provenance, settings={**twin.provenance.settings, VERDICTS: verdicts})
    return replace(twin, provenance=provenance, findings=(*twin.findings, *_findings(plans)))


def _findings(plans: tuple[RejudgedPlan, ...]) -> list[Finding]:
    found = []
    for plan in plans:
        if plan.problem:
            message = f"Plan {plan.name} can't be judged on this revision: {plan.problem}"
            found.append(Finding("registration-plan-lost", Severity.ERROR, message))
        for change in plan.changed:
            found.append(Finding("registration-verdict-changed", Severity.WARNING, f"Plan {plan.name}: {change.text}."))
    return found


def _judged(twin: Twin, state: RevisionState) -> Twin:
    return replace(twin, revision=replace(twin.revision, state=state))
