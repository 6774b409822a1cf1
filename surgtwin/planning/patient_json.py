"""What a plan was judged with of the patient, as JSON-able data."""

from __future__ import annotations

from typing import Any

from ..clinical.scores import Score
from ..domain.patient_record import Measured
from .patient_context import PatientContext

Json = dict[str, Any]


def patient_as_json(context: PatientContext) -> Json:
    """The figures that were used, those that came from the record, and the liver's scores."""
    return {
        "height_cm": context.figures.height_cm,
        "weight_kg": context.figures.weight_kg,
        "parenchyma": context.figures.parenchyma.value,
        "from_record": [
            {
                "quantity": m.quantity,
                "value": m.value,
                "unit": m.unit,
                "at_utc": m.at.utc.isoformat(),
                "age_days": m.at.age_days(context.now),
                "source": m.origin.source,
                "device": m.origin.device or None,
            }
            for m in context.filled
        ],
        "scores": [score_as_json(score) for score in context.scores],
    }


def score_as_json(score: Score) -> Json:
    return {
        "key": score.key,
        "name": score.name,
        "value": score.value,
        "grade": score.grade or None,
        "source": score.source,
        "about": score.about or None,
    }


def where_from(m: Measured) -> str:
    """For a person, e.g. "Seca 515, HL7 v2 WARD"."""
    return ", ".join(filter(None, (m.origin.device, m.origin.source)))
