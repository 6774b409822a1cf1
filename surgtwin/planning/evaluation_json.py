"""An evaluated plan as JSON-able data: numbers unrounded, absent = None, lists whose entries repeat their name."""

from __future__ import annotations

from typing import Any

from ..domain.finding import finding_as_json
from ..domain.verdict import COVERAGE_FACTOR
from .ablation_json import ablation_as_json
from .evaluation import PlanEvaluation
from .functional_json import functional_as_json
from .kidney_json import kidney_as_json
from .margin import Margin
from .patient_json import patient_as_json
from .port_pairs import port_pair_as_json, port_pairs
from .remnant import BodySize
from .resection import ResectionResult
from .territory_share import territory_shares_as_json
from .tool_path_json import tool_path_as_json
from .trajectory_json import pair_as_json, trajectory_as_json

Json = dict[str, Any]


def evaluation_as_json(evaluation: PlanEvaluation) -> Json:
    """Everything that was computed about a plan."""
    return {
        "schema": 1,
        "patient": _body(evaluation.body) | patient_as_json(evaluation.patient),
        "resections": [_resection(r) for r in evaluation.resections],
        "combined": [_resection(r) for r in evaluation.combined],
        "ablations": [ablation_as_json(a) for a in evaluation.ablations],
        "ablations_combined": [ablation_as_json(a) for a in evaluation.ablations_combined],
        "trajectories": [trajectory_as_json(t) for t in evaluation.trajectories],
        "needle_pairs": [pair_as_json(p) for p in evaluation.needle_pairs],
        "tool_paths": [tool_path_as_json(p) for p in evaluation.tool_paths],
        "port_pairs": [port_pair_as_json(p) for p in port_pairs(evaluation.tool_paths)],
        "findings": [finding_as_json(f) for f in evaluation.findings],
    }


def _body(body: BodySize) -> Json:
    return {"bsa_m2": body.bsa_m2, "bsa_formula": body.bsa_formula, "tlv_ml": dict(body.tlv_ml)}


def _resection(r: ResectionResult) -> Json:
    return {
        "name": r.name,
        "organ": r.organ_name,
        "resections": list(r.resections),
        "organ_ml": r.organ.ml,
        "organ_error_ml": r.organ.error_ml,
        "resected_ml": r.resected.ml,
        "resected_error_ml": r.resected.error_ml,
        "remnant_ml": r.remnant.ml,
        "remnant_error_ml": r.remnant.error_ml,
        "remnant_percent": r.remnant_percent,
        "remnant_error_percent": r.remnant_error_percent,
        "tumour_ml": r.tumour_ml,
        "flr_percent": r.flr_percent,
        "sflr_percent": dict(r.sflr_percent),
        "remnant_to_body_weight_percent": r.body_weight_percent,
        "least_percent": r.least_percent,
        "remnant_verdict": None if r.remnant_verdict is None else r.remnant_verdict.value,
        "cut_area_mm2": r.cut_area_mm2,
        "functional": functional_as_json(r.functional),
        "territories": territory_shares_as_json(r.territories),
        "kidney": kidney_as_json(r.kidney),
        "margins": [_margin(m) for m in r.margins],
    }


def _margin(m: Margin) -> Json:
    return {
        "target": m.target,
        "wanted_mm": m.wanted_mm,
        "min_mm": m.min_mm,
        "p05_mm": m.low_mm,
        "area_below_mm2": m.area_below_mm2,
        "cut_area_below_mm2": m.cut_area_below_mm2,
        "at_mm": None if m.at_mm is None else list(m.at_mm),
        "cut_at_mm": None if m.cut_at_mm is None else list(m.cut_at_mm),
        "verdict": m.verdict.value,
        "reason": m.reason,
        "error_mm": COVERAGE_FACTOR * m.terms.combined_mm,
        "error_terms": {
            "voxel_mm": m.terms.voxel_mm,
            "segmentation_mm": m.terms.segmentation_mm,
            "registration_mm": m.terms.registration_mm,
            "k": COVERAGE_FACTOR,
        },
    }
