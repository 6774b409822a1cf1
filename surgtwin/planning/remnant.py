"""What of a liver must remain: formulas for its size, and the least share in use for each state of its tissue.

Thresholds are settings with a source, never a recommendation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..domain.plan import Parenchyma, PatientFigures
from ..domain.verdict import Verdict

MOSTELLER, DU_BOIS = "Mosteller", "Du Bois"
VAUTHEY, URATA, YU = "Vauthey", "Urata", "Yu"
ML_PER_KG = 1000.0
"""Remnant to body weight takes a millilitre of liver for a gram, as Truant et al. 2007 do."""


@dataclass(frozen=True)
class RemnantThresholds:
    """Least remnant in percent of the liver for each state of its tissue, and where the figures come from."""

    percent: dict[Parenchyma, float] = field(
        default_factory=lambda: {Parenchyma.NORMAL: 20.0, Parenchyma.CHEMOTHERAPY: 30.0, Parenchyma.CIRRHOSIS: 40.0}
    )
    source: str = "minimums in use, quoted in PMC6422720"


@dataclass(frozen=True)
class BodySize:
    """Body surface and the liver volumes that formulas expect of it.

    Parameters
    ----------
    bsa_m2
        By `bsa_formula`; None when height or weight is not known.
    tlv_ml
        Formula -> total liver volume in mL.
    """

    bsa_m2: float | None
    bsa_formula: str
    tlv_ml: dict[str, float]


def body_surface_m2(height_cm: float, weight_kg: float, formula: str = MOSTELLER) -> float:
    """Body surface area by Mosteller (NEJM 317, 1987) or Du Bois (Arch Intern Med 17, 1916)."""
    if formula == DU_BOIS:
        return float(0.007184 * height_cm**0.725 * weight_kg**0.425)
    return math.sqrt(height_cm * weight_kg / 3600.0)


def body_size(patient: PatientFigures, bsa_formula: str = MOSTELLER) -> BodySize:
    """What Vauthey (Liver Transpl 8, 2002), Urata (Hepatology 21, 1995) and Yu (Liver Transpl 10, 2004) expect."""
    if patient.height_cm is None or patient.weight_kg is None:
        return BodySize(None, bsa_formula, {})
    bsa = body_surface_m2(patient.height_cm, patient.weight_kg, bsa_formula)
    volumes = {
        VAUTHEY: -794.41 + 1267.28 * bsa,
        URATA: 706.2 * bsa + 2.4,
        YU: 21.585 * patient.weight_kg**0.732 * patient.height_cm**0.225,
    }
    # The formulas are straight lines fitted to adults; for a small child they can fall below zero.
    return BodySize(bsa, bsa_formula, {name: ml for name, ml in volumes.items() if ml > 0})


def standardised_percent(remnant_ml: float, size: BodySize) -> dict[str, float]:
    """sFLR: the remnant in percent of the formulas' total volumes."""
    return {name: 100.0 * remnant_ml / ml for name, ml in size.tlv_ml.items()}


def body_weight_percent(remnant_ml: float, patient: PatientFigures) -> float | None:
    """The remnant in percent of the body's weight; None when that is not known."""
    return None if patient.weight_kg is None else 100.0 * remnant_ml / (patient.weight_kg * ML_PER_KG)


def judge_remnant(percent: float, error_percent: float, least_percent: float) -> Verdict:
    """Whether a remnant is surely large enough, surely not, or neither within its error."""
    if percent - error_percent >= least_percent:
        return Verdict.SAFE
    return Verdict.VIOLATED if percent + error_percent < least_percent else Verdict.UNPROVEN


def growth_percent_per_week(before_percent: float, after_percent: float, weeks: float) -> float:
    """Kinetic growth rate (Shindoh et al. 2013): gain of the standardised remnant per week."""
    if not weeks > 0:
        raise ValueError("A growth rate needs a time between the two scans.")
    return (after_percent - before_percent) / weeks
