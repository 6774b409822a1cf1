"""The head of a report: whose twin, which revision, which image, when."""

from __future__ import annotations

from ..domain.twin import Side, Twin
from .document import Facts
from .subject import ReportedPlan, ReportedTwin

NOT_STATED = "not stated"


def head_facts(subject: ReportedTwin, plans: tuple[ReportedPlan, ...] = ()) -> Facts:
    """Who, what and when. The patient is named only when a person asked for it."""
    twin = subject.twin
    pairs = [("Case", twin.case_id), *(_identity(twin) if subject.with_identity else ())]
    pairs += [
        (
            "Operated side",
            twin.operated_side.value.upper() if twin.operated_side is not Side.NOT_STATED else NOT_STATED,
        ),
        ("Twin", f"revision {twin.revision.number}, {twin.revision.state.value}: {twin.revision.cause}"),
        ("Series", _series(twin)),
        ("Image", _grid(twin)),
    ]
    pairs += [("Plan" if len(plans) == 1 else f"Plan {n + 1}", _plan(plan)) for n, plan in enumerate(plans)]
    pairs += _bodies(plans)
    pairs.append(("Report made", utc_minute(subject.made_utc)))
    return Facts(tuple(pairs))


def running_title(twin: Twin, plans: tuple[ReportedPlan, ...] = ()) -> str:
    """What stands on every page, so that a loose page finds its way home."""
    names = " / ".join(p.name for p in plans)
    return f"{twin.case_id}, revision {twin.revision.number}" + (f", plan {names}" if names else "")


def _identity(twin: Twin) -> list[tuple[str, str]]:
    patient = twin.patient
    return [
        ("Patient", patient.name or NOT_STATED),
        ("Patient's number", patient.patient_id or NOT_STATED),
        ("Born, sex", f"{_day(patient.birth_date)}, {patient.sex or NOT_STATED}"),
    ]


def _day(date: str) -> str:
    """DICOM's "19610412" as "1961-04-12"; anything else as it is."""
    is_whole = len(date) == 8 and date.isdecimal()
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if is_whole else date or NOT_STATED


def _series(twin: Twin) -> str:
    source = twin.primary.source
    described = source.description.strip() or "no description"
    acquired = f", acquired {utc_minute(source.acquired_utc)}" if source.acquired_utc else ""
    return f"{twin.primary.modality.value}: {described}{acquired}"


def _grid(twin: Twin) -> str:
    grid = twin.primary.grid
    size = " x ".join(str(n) for n in grid.size_ijk)
    spacing = " x ".join(f"{s:.2f}" for s in grid.spacing)
    return f"{size} voxels of {spacing} mm" + (", oblique" if grid.is_oblique else "")


def _plan(plan: ReportedPlan) -> str:
    return f"{plan.name} ({plan.status or 'from a file, not kept with the twin'})"


def _bodies(plans: tuple[ReportedPlan, ...]) -> list[tuple[str, str]]:
    """What the plans take the patient to be: one line, or one for each plan if they differ."""
    told = [_body(plan) for plan in plans]
    if len(set(told)) < 2:
        return [("Patient's figures", text) for text in told[:1]]
    return [(f"Patient's figures, plan {n + 1}", text) for n, text in enumerate(told)]


def _body(plan: ReportedPlan) -> str:
    figures = plan.evaluation.patient.figures
    height = f"{figures.height_cm:g} cm" if figures.height_cm is not None else "height not stated"
    weight = f"{figures.weight_kg:g} kg" if figures.weight_kg is not None else "weight not stated"
    return f"{height}, {weight}, liver tissue: {figures.parenchyma.value}"


def utc_minute(text: str) -> str:
    """An ISO time without what nobody reads: "2026-11-25 09:04 UTC"."""
    day, _, time = text.partition("T")
    zone = " UTC" if text.endswith(("Z", "+00:00")) else ""
    return f"{day} {time[:5]}{zone}".strip()
