"""What a person may set about how the patient's values are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class PatientSettings:
    """How what arrives of the patient beside images is used.

    Parameters
    ----------
    now
        The time that ages are counted to; the time of judging if None.
    outdated_days
        Quantity -> age from which a value raises a finding, where that differs from the quantity's own.
    height_tolerance_cm, weight_tolerance_percent
        A plan's own figures that differ from the record's by more raise a finding.
    bmi
        Height and weight that give less or more are not used: one of them is wrong.
    chemotherapy_days
        How long after its last dose a chemotherapy raises a finding about the liver's tissue.
    most_inr, least_platelets
        Beyond these a finding is raised; platelets in 10⁹/L.
    """

    now: datetime | None = None
    outdated_days: dict[str, float] = field(default_factory=dict)
    height_tolerance_cm: float = 3.0
    weight_tolerance_percent: float = 5.0
    bmi: tuple[float, float] = (8.0, 100.0)
    chemotherapy_days: float = 365.0
    most_inr: float = 1.8
    least_platelets: float = 50.0
    coagulation_source: str = "Patel et al., J Vasc Interv Radiol 30:1168, 2019, for a high risk of bleeding"


DEFAULT_PATIENT = PatientSettings()
