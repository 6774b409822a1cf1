"""The patient's figures that a plan is judged with: its own, else the latest of the record; and the liver's scores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..clinical.quantities import QUANTITIES
from ..clinical.scores import Score, albi, child_pugh, meld, meld_na
from ..clinical.substances import CONDITIONS, kinds_of
from ..domain.patient_record import Measured, PatientRecord
from ..domain.plan import PatientFigures
from .patient_settings import DEFAULT_PATIENT, PatientSettings

FIGURES = {"height": "height_cm", "weight": "weight_kg"}
"""Quantity of the record -> field of a plan's figures, in the same unit."""
_SLIGHT = ("mild", "slight", "grade 1", "grade 2", "255604002")


@dataclass(frozen=True)
class PatientContext:
    """What a plan is judged with.

    Parameters
    ----------
    figures
        The plan's own figures, completed.
    filled
        Values of the record that stand in `figures`.
    is_size_doubtful
        True if the record's height and weight don't go together, so that neither was used.
    """

    figures: PatientFigures = field(default_factory=PatientFigures)
    filled: tuple[Measured, ...] = ()
    is_size_doubtful: bool = False
    scores: tuple[Score, ...] = ()
    record: PatientRecord = field(default_factory=PatientRecord)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def patient_context(
    stated: PatientFigures, record: PatientRecord, settings: PatientSettings = DEFAULT_PATIENT
) -> PatientContext:
    """A plan's own figures win; what it leaves open comes from the record. Parenchyma is never changed by it."""
    now = settings.now or datetime.now(UTC)
    found = {quantity: record.latest(quantity) for quantity in FIGURES}
    missing = [m for q, m in found.items() if m is not None and getattr(stated, FIGURES[q]) is None]
    height_cm, weight_kg = (_own_or_known(stated, q, m) for q, m in found.items())
    figures = replace(stated, height_cm=height_cm, weight_kg=weight_kg)
    is_doubtful = bool(missing) and not _is_possible(figures, settings)
    if is_doubtful:
        figures, missing = stated, []
    return PatientContext(figures, tuple(missing), is_doubtful, liver_scores(record), record, now)


def _own_or_known(stated: PatientFigures, quantity: str, known: Measured | None) -> float | None:
    own: float | None = getattr(stated, FIGURES[quantity])
    return own if own is not None or known is None else known.value


def _is_possible(figures: PatientFigures, settings: PatientSettings) -> bool:
    if figures.height_cm is None or figures.weight_kg is None:
        return True
    low, high = settings.bmi
    return low <= figures.weight_kg / (figures.height_cm / 100.0) ** 2 <= high


def liver_scores(record: PatientRecord) -> tuple[Score, ...]:
    """Those of which every input is known, of the latest values."""
    value = {key: None if m is None else m.value for key in QUANTITIES for m in (record.latest(key),)}
    bilirubin, albumin, inr = value["bilirubin"], value["albumin"], value["inr"]
    scores = []
    if bilirubin is not None and albumin is not None:
        scores.append(albi(bilirubin, albumin))
        ascites, encephalopathy = _grade(record, "ascites"), _grade(record, "encephalopathy")
        if inr is not None and ascites is not None and encephalopathy is not None:
            scores.append(child_pugh(bilirubin, albumin, inr, ascites, encephalopathy))
    creatinine, sodium = value["creatinine"], value["sodium"]
    if bilirubin is not None and inr is not None and creatinine is not None:
        scores.append(meld(bilirubin, creatinine, inr))
        if sodium is not None:
            scores.append(meld_na(scores[-1], sodium))
    return tuple(scores)


def _grade(record: PatientRecord, key: str) -> int | None:
    """0 ruled out, 1 slight, 2 more; None if the record does not say: no entry does not mean that there is none."""
    said = [c for c in record.conditions if any(k.key == key for k in kinds_of(CONDITIONS, c.name, c.codes))]
    if not said:
        return None
    if not said[-1].is_present:
        return 0
    if not said[-1].severity:
        return None
    return 1 if any(word in said[-1].severity.casefold() for word in _SLIGHT) else 2
