"""What a person may set about how plans are judged; every default is shown where it counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from .needle_settings import NeedleSettings
from .patient_settings import PatientSettings
from .remnant import MOSTELLER, RemnantThresholds


@dataclass(frozen=True)
class PlanningSettings:
    """How plans are judged.

    Parameters
    ----------
    bsa_formula
        "Mosteller" or "Du Bois".
    smallest_piece_ml
        Parts of a remnant or of what is resected that are smaller are not counted as pieces.
    ambiguity_mm
        Tissue whose two nearest branches differ by less in their distance may belong to either.
    vessel_reach_mm
        Tissue farther than this from every branch that is seen is fed and drained by some that are not.
    resolved_voxels
        A branch is resolved when it is at least this many of the largest voxel spacings wide (Nyquist: 2).
    most_unknown
        No figure of flow is stated when this share of the remnant is farther than that from every resolved branch.
    ablation_margin_mm, ablation_margin_source
        Tissue wanted between a target and the rim of the treated zone, and who wants it.
    needles
        How straight ways are judged.
    trocar_tolerance_mm
        How far a shaft may pass from the middle of its trocar: what the body wall gives.
    patient
        How what arrives of the patient beside images is used.
    """

    bsa_formula: str = MOSTELLER
    thresholds: RemnantThresholds = field(default_factory=RemnantThresholds)
    smallest_piece_ml: float = 1.0
    ambiguity_mm: float = 3.0
    vessel_reach_mm: float = 30.0
    resolved_voxels: float = 2.0
    most_unknown: float = 0.5
    ablation_margin_mm: float = 5.0
    ablation_margin_source: str = "Wang et al., Cardiovasc Intervent Radiol 36:166, 2013: more than 5 mm"
    needles: NeedleSettings = field(default_factory=NeedleSettings)
    trocar_tolerance_mm: float = 2.0
    patient: PatientSettings = field(default_factory=PatientSettings)


DEFAULT_PLANNING = PlanningSettings()
