"""Figures of tumours in kidneys as JSON-able data."""

from __future__ import annotations

from typing import Any

from .nephrometry import KidneyTumour

Json = dict[str, Any]


def kidney_as_json(tumours: tuple[KidneyTumour, ...] | None) -> list[Json] | None:
    """One entry for each target; None if the organ is no kidney."""
    return None if tumours is None else [_tumour(t) for t in tumours]


def _tumour(t: KidneyTumour) -> Json:
    score = t.score
    return {
        "target": t.target,
        "contact_mm2": t.contact_mm2,
        "contact_percent": t.contact_percent,
        "diameter_mm": t.diameter_mm,
        "exophytic_percent": t.exophytic_percent,
        "sinus_mm": t.sinus_mm,
        "front_percent": t.front_percent,
        "between_poles_percent": t.between_poles_percent,
        "renal": {
            "r": score.radius,
            "e": score.exophytic,
            "n": score.nearness,
            "a": score.face,
            "l": score.location,
            "h": score.is_hilar,
            "total": score.total,
            "range": list(score.range),
            "complexity": score.complexity,
            "withheld": dict(score.withheld),
        },
    }
