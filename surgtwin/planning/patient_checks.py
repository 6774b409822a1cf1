"""What of the patient, beside the images, a person should know before a plan is carried out."""

from __future__ import annotations

from collections.abc import Iterator

from ..clinical.drugs import Drug, DrugGroup, drugs_of
from ..clinical.quantities import QUANTITIES
from ..clinical.substances import ALLERGIES, CONDITIONS, is_no_allergy, kinds_of
from ..domain.finding import Finding, Severity
from ..domain.patient_record import EntryStatus, Measured, Medication
from ..domain.plan import Parenchyma
from .evaluation import PlanEvaluation
from .patient_context import FIGURES, PatientContext
from .patient_json import where_from
from .settings import PlanningSettings
from .twin_geometry import TwinGeometry

_USED = ("bilirubin", "albumin", "inr", "platelets", "creatinine")
"""Values besides height and weight that stand in scores or raise findings."""


def check_patient(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Figures from the record and their age, blood thinners, chemotherapy, coagulation, allergies."""
    context = evaluation.patient
    if not (context.record.entries or context.record.quarantined):
        return []
    checks = (_size, _disagreement, _outdated, _drugs, _tissue, _coagulation, _liver, _allergies, _trust)
    return [finding for check in checks for finding in check(context, evaluation, settings)]


def _size(context: PatientContext, _: PlanEvaluation, __: PlanningSettings) -> Iterator[Finding]:
    if context.is_size_doubtful:
        text = "Height and weight of the patient's record don't go together, so neither is used. Measure again."
        yield Finding("patient-size-doubtful", Severity.WARNING, text)
    if context.filled:
        told = " and ".join(_told(m, context) for m in context.filled)
        text = f"The plan does not state {_names(context.filled)}; the record's latest is used: {told}."
        numbers = {FIGURES[m.quantity]: m.value for m in context.filled}
        yield Finding("patient-size-from-record", Severity.INFO, text, None, numbers)


def _disagreement(context: PatientContext, evaluation: PlanEvaluation, settings: PlanningSettings) -> Iterator[Finding]:
    stated, s = evaluation.plan.patient, settings.patient
    for key, field in FIGURES.items():
        own, known = getattr(stated, field), context.record.latest(key)
        if own is None or known is None:
            continue
        limit = s.height_tolerance_cm if key == "height" else known.value * s.weight_tolerance_percent / 100.0
        if abs(own - known.value) > limit:
            text = f"The plan states {QUANTITIES[key].text(own)} as {key}, the record {_told(known, context)}. "
            text += "The plan's figure is used; correct the one that is wrong."
            numbers = {f"plan_{field}": own, f"record_{field}": known.value}
            yield Finding(f"patient-{key}-differs", Severity.WARNING, text, None, numbers)


def _outdated(context: PatientContext, _: PlanEvaluation, settings: PlanningSettings) -> Iterator[Finding]:
    lab = [m for key in _USED for m in (context.record.latest(key),) if m is not None]
    for m in (*context.filled, *lab):
        quantity, age = QUANTITIES[m.quantity], m.at.age_days(context.now)
        limit = settings.patient.outdated_days.get(m.quantity, quantity.outdated_days)
        if age > limit:
            told = f"{age:.0f} days old ({m.at.text}); more than {limit:g} is outdated"
            text = f"The latest value of {quantity.name} is {told}."
            yield Finding(f"patient-{m.quantity}-outdated", Severity.WARNING, text, None, {"age_days": age})
        if m.origin.status is EntryStatus.PRELIMINARY:
            text = f"The latest value of {quantity.name}, {_told(m, context)}, is preliminary."
            yield Finding(f"patient-{m.quantity}-preliminary", Severity.INFO, text)


def _drugs(context: PatientContext, _: PlanEvaluation, __: PlanningSettings) -> Iterator[Finding]:
    """Blood thinners, and other drugs with a pause, that are taken or were within it."""
    told = set()
    for medication in context.record.medications:
        for drug in drugs_of(medication.name, medication.codes):
            since = _days_since(medication, context)
            is_thinner = drug.group is not DrugGroup.CHEMOTHERAPY
            is_over = since is not None and (drug.pause_days is None or since >= drug.pause_days)
            if drug.name in told or is_over or not (is_thinner or drug.pause_days):
                continue
            told.add(drug.name)
            code = {DrugGroup.ANTICOAGULANT: "anticoagulant", DrugGroup.ANTIPLATELET: "antiplatelet"}.get(drug.group)
            numbers = {} if drug.pause_days is None else {"pause_days": drug.pause_days}
            numbers |= {} if since is None else {"since_days": since}
            text = _drug_text(drug, medication, since)
            yield Finding(f"patient-{code or 'chemotherapy-pause'}", Severity.WARNING, text, None, numbers)


def _drug_text(drug: Drug, medication: Medication, since: float | None) -> str:
    state = "is taken, as far as is known" if since is None else f"was taken until {since:.1f} days ago"
    name = medication.name if drug.name in medication.name.casefold() else f"{medication.name} ({drug.name})"
    if drug.pause_days is None:
        pause = "how long to pause it is not known here"
    else:
        span = f"{drug.pause_days:g} days" if drug.pause_days >= 1 else f"{drug.pause_days * 24:g} hours"
        pause = f"the usual pause before an operation with a high risk of bleeding is {span} ({drug.source})"
        pause = pause if drug.group is not DrugGroup.CHEMOTHERAPY else f"the usual pause is {span} ({drug.source})"
    return f"{name}, {_article(drug)}, {state}; {pause}{f'; {drug.about}' if drug.about else ''}."


def _article(drug: Drug) -> str:
    if drug.group is DrugGroup.CHEMOTHERAPY:
        return drug.group.value
    return f"an {drug.group.value}"


def _days_since(medication: Medication, context: PatientContext) -> float | None:
    """Days since the last dose; None while it is taken or if nobody knows that it ended."""
    if medication.end is None:
        return None
    since = medication.end.age_days(context.now)
    return since if since >= 0 else None


def _tissue(context: PatientContext, evaluation: PlanEvaluation, settings: PlanningSettings) -> Iterator[Finding]:
    """What speaks for another state of the liver's tissue than the plan states. The plan's counts all the same."""
    if not any(r.organ_name == "liver" for r in evaluation.resections):
        return
    state, percent = context.figures.parenchyma, settings.thresholds.percent
    cirrhotic = [
        c.name
        for c in context.record.conditions
        if c.is_present and any(k.key == "cirrhosis" for k in kinds_of(CONDITIONS, c.name, c.codes))
    ]
    if cirrhotic and state is not Parenchyma.CIRRHOSIS:
        yield _tissue_finding("cirrhosis", f"The record states {cirrhotic[0]}", state, percent, Parenchyma.CIRRHOSIS)
    within = settings.patient.chemotherapy_days
    drugs = {
        drug.name: drug
        for m in context.record.medications
        for drug in drugs_of(m.name, m.codes)
        if drug.group is DrugGroup.CHEMOTHERAPY and ((_days_since(m, context) or 0.0) <= within)
    }
    if drugs and state is Parenchyma.NORMAL:
        told = ", ".join(f"{d.name} ({d.about})" if d.about else d.name for d in drugs.values())
        said = f"The record states chemotherapy within {within:.0f} days: {told}"
        yield _tissue_finding("chemotherapy", said, state, percent, Parenchyma.CHEMOTHERAPY)


def _tissue_finding(
    code: str, said: str, state: Parenchyma, percent: dict[Parenchyma, float], other: Parenchyma
) -> Finding:
    text = (
        f"{said}. The plan is judged for {state.value} tissue, of which {percent[state]:.0f} % must remain; in use "
        f"after {other.value} are {percent[other]:.0f} %. Nothing was changed: state the tissue in the plan."
    )
    numbers = {"least_percent": percent[state], "other_percent": percent[other]}
    return Finding(f"patient-{code}", Severity.WARNING, text, None, numbers, "liver")


def _coagulation(context: PatientContext, _: PlanEvaluation, settings: PlanningSettings) -> Iterator[Finding]:
    s, inr, platelets = settings.patient, context.record.latest("inr"), context.record.latest("platelets")
    if inr is not None and inr.value > s.most_inr:
        text = f"The INR is {_told(inr, context)}: above {s.most_inr:g} ({s.coagulation_source})."
        yield Finding("patient-inr", Severity.WARNING, text, None, {"inr": inr.value})
    if platelets is not None and platelets.value < s.least_platelets:
        text = f"Platelets are {_told(platelets, context)}: below {s.least_platelets:g} ({s.coagulation_source})."
        yield Finding("patient-platelets", Severity.WARNING, text, None, {"platelets_10e9_l": platelets.value})
    for c in context.record.conditions:
        if c.is_present and any(k.key == "bleeding" for k in kinds_of(CONDITIONS, c.name, c.codes)):
            yield Finding("patient-bleeding", Severity.WARNING, f"The record states a bleeding disorder: {c.name}.")


def _liver(context: PatientContext, evaluation: PlanEvaluation, _: PlanningSettings) -> Iterator[Finding]:
    if not context.scores or not any(r.organ_name == "liver" for r in evaluation.resections):
        return
    told = "; ".join(s.text + (f" ({s.about})" if s.about else "") for s in context.scores)
    is_poor = any(s.grade in ("grade 3", "class B", "class C") for s in context.scores)
    numbers = {s.key.replace("-", "_"): s.value for s in context.scores}
    severity = Severity.WARNING if is_poor else Severity.INFO
    yield Finding("patient-liver-function", severity, f"The liver's function: {told}.", None, numbers, "liver")


def _allergies(context: PatientContext, _: PlanEvaluation, __: PlanningSettings) -> Iterator[Finding]:
    others = []
    for allergy in context.record.allergies:
        kinds = kinds_of(ALLERGIES, allergy.name, allergy.codes)
        if is_no_allergy(allergy.codes):
            continue
        if not kinds:
            others.append(allergy.name)
        for kind in kinds:
            grave = ", of high criticality" if allergy.criticality == "high" else ""
            text = f"Allergy to {allergy.name} ({kind.name}{grave}): {kind.about}."
            yield Finding(f"patient-allergy-{kind.key}", Severity.WARNING, text)
    if others:
        yield Finding("patient-allergy-other", Severity.INFO, f"Further allergies: {', '.join(others)}.")


def _trust(context: PatientContext, _: PlanEvaluation, __: PlanningSettings) -> Iterator[Finding]:
    unsure = sum(not e.origin.is_identified for e in context.record.entries)
    if unsure:
        text = f"Of the patient's values {unsure} came without enough of an identity; a person vouched for them."
        yield Finding("patient-not-identified", Severity.WARNING, text, None, {"values": float(unsure)})
    held = len(context.record.quarantined)
    if held:
        word = "values is" if held == 1 else "values are"
        text = f"{held} of the patient's {word} in quarantine, not used: surgtwin live patient says why."
        yield Finding("patient-quarantined", Severity.WARNING, text, None, {"values": float(held)})


def _told(m: Measured, context: PatientContext) -> str:
    """A value for a person, e.g. "71.0 kg (2 days old, Seca 515, HL7 v2 WARD)"."""
    age = max(m.at.age_days(context.now), 0.0)
    return f"{QUANTITIES[m.quantity].text(m.value)} ({age:.0f} days old, {where_from(m)})"


def _names(values: tuple[Measured, ...]) -> str:
    return " and ".join(QUANTITIES[m.quantity].name for m in values)
