"""A comparison of plans as JSON-able data: numbers unrounded, absent = None."""

from __future__ import annotations

from typing import Any

from .compare import ComparedValue, ComparisonRow, PlanComparison

Json = dict[str, Any]


def comparison_as_json(comparison: PlanComparison) -> Json:
    """Rows with one value a plan, and who dominates whom."""
    plans = [
        {"name": name, "is_dominated": bool(by), "dominated_by": list(by)}
        for name, by in zip(comparison.names, comparison.dominated_by, strict=True)
    ]
    return {"schema": 1, "plans": plans, "rows": [_row(row, comparison.names) for row in comparison.rows]}


def _row(row: ComparisonRow, names: tuple[str, ...]) -> Json:
    return {
        "key": row.key,
        "about": row.about or None,
        "label": row.label,
        "unit": row.unit or None,
        "better": row.better.value,
        "is_goal": row.is_goal,
        "values": [_value(v) for v in row.values],
        "best": [names[n] for n in row.best],
    }


def _value(value: ComparedValue | None) -> Json | None:
    if value is None:
        return None
    verdict = None if value.verdict is None else value.verdict.value
    return {"value": value.value, "error": value.error, "verdict": verdict}
