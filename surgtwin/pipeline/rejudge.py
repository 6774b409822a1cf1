"""Every plan of a twin judged again on a new revision: which verdicts changed, and by how much its figures moved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..domain.finding import Finding
from ..domain.plan import Plan
from ..domain.saved_plan import SavedPlan
from ..domain.twin import Twin
from ..domain.verdict import Verdict
from ..errors import PlanError
from ..live.carry_plan import carry_plan
from ..planning.evaluate import evaluate_plan
from ..planning.evaluation import PlanEvaluation
from ..planning.plan_versions import plan_of
from ..planning.settings import DEFAULT_PLANNING, PlanningSettings
from ..planning.twin_geometry import TwinGeometry
from ..planning.verdicts import NamedVerdict, verdicts_of
from ..progress import SILENT, Progress


@dataclass(frozen=True)
class ChangedVerdict:
    """One verdict before and after; None where it could not be judged, or is new."""

    about: str
    before: Verdict | None
    after: Verdict | None
    why: str = ""

    @property
    def text(self) -> str:
        """For a person, e.g. "resection A, margins tumour: safe, now unproven (12.1 mm, now 8.3 mm)"."""
        states = [v.value if v else "not judged" for v in (self.before, self.after)]
        return f"{self.about}: {states[0]}, now {states[1]}{f' ({self.why})' if self.why else ''}"


@dataclass(frozen=True, eq=False)
class RejudgedPlan:
    """A plan on both revisions.

    Parameters
    ----------
    drawn, carried
        As it was saved, and with its points moved along.
    before, after
        Judged on the base revision as drawn, and on the new one as carried; None where it can't be judged there.
    problem
        Why it can't be judged on the new revision; empty if it can.
    """

    name: str
    drawn: Plan
    carried: Plan
    before: PlanEvaluation | None
    after: PlanEvaluation | None
    changed: tuple[ChangedVerdict, ...]
    problem: str = ""

    @property
    def verdicts(self) -> tuple[NamedVerdict, ...]:
        """On the new revision."""
        return () if self.after is None else verdicts_of(self.after)

    @property
    def new_findings(self) -> tuple[Finding, ...]:
        """What is found on the new revision, and was not on the base."""
        known = Counter(_key(f) for f in self.before.findings) if self.before else Counter()
        return tuple(f for f in (self.after.findings if self.after else ()) if not known[_key(f)])

    @property
    def gone_findings(self) -> tuple[Finding, ...]:
        """What was found on the base, and no more."""
        left = Counter(_key(f) for f in self.after.findings) if self.after else Counter()
        return tuple(f for f in (self.before.findings if self.before else ()) if not left[_key(f)])


def rejudge(
    base: Twin, new: Twin, settings: PlanningSettings = DEFAULT_PLANNING, progress: Progress = SILENT
) -> tuple[RejudgedPlan, ...]:
    """Judge the latest version of every plan kept with the twin on both revisions."""
    before, after = TwinGeometry(base), TwinGeometry(new)
    return tuple(
        _rejudged(plan, before, after, settings, progress.part(n / len(base.plans), (n + 1) / len(base.plans)))
        for n, plan in enumerate(base.plans)
    )


def _rejudged(
    kept: SavedPlan, before: TwinGeometry, after: TwinGeometry, settings: PlanningSettings, progress: Progress
) -> RejudgedPlan:
    try:
        drawn = plan_of(kept.latest)
    except PlanError as error:
        return RejudgedPlan(kept.name, Plan(), Plan(), None, None, (), str(error))
    registration = after.twin.registration
    is_carried = registration is not None and registration is not before.twin.registration
    carried = carry_plan(drawn, registration.field) if registration is not None and is_carried else drawn
    old, _ = _evaluated(before, drawn, settings, progress.part(0.0, 0.5, f"Judging {kept.name}"))
    new, problem = _evaluated(after, carried, settings, progress.part(0.5, 1.0, f"Judging {kept.name}"))
    return RejudgedPlan(kept.name, drawn, carried, old, new, _changes(old, new), problem)


def _evaluated(
    geometry: TwinGeometry, plan: Plan, settings: PlanningSettings, progress: Progress
) -> tuple[PlanEvaluation | None, str]:
    try:
        return evaluate_plan(geometry, plan, settings, progress), ""
    except PlanError as error:
        return None, str(error)


def _changes(before: PlanEvaluation | None, after: PlanEvaluation | None) -> tuple[ChangedVerdict, ...]:
    old, new = ({} if e is None else {v.text: v.verdict for v in verdicts_of(e)} for e in (before, after))
    why = _margins_moved(before, after)
    texts = [t for t in dict.fromkeys((*old, *new)) if old.get(t) is not new.get(t)]
    return tuple(ChangedVerdict(t, old.get(t), new.get(t), why.get(t, "")) for t in texts)


def _margins_moved(before: PlanEvaluation | None, after: PlanEvaluation | None) -> dict[str, str]:
    """For each margin, by the text of its verdict: what it measured, and how sure that was."""
    if before is None or after is None:
        return {}
    told = {}
    for old, new in zip(before.resections, after.resections, strict=True):
        for a, b in zip(old.margins, new.margins, strict=True):
            if a.min_mm is not None and b.min_mm is not None:
                text = f"{a.min_mm:.1f} mm, now {b.min_mm:.1f} mm; registration error {b.terms.registration_mm:.1f} mm"
                told[f"resection {old.name}, margins {a.target}"] = text
    return told


def _key(finding: Finding) -> tuple[str, str]:
    return finding.code, finding.structure
