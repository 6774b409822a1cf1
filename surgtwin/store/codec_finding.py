"""Findings in JSON."""

from __future__ import annotations

from typing import Any

from ..domain.finding import Finding, Severity
from .codec_values import Record, number, plain, point


def encode_findings(findings: tuple[Finding, ...]) -> list[Record]:
    return [
        {
            "code": f.code,
            "severity": f.severity.value,
            "message": f.message,
            "where_mm": None if f.where_mm is None else [float(v) for v in f.where_mm],
            "numbers": plain(f.numbers, f"Finding '{f.code}'"),
            "structure": f.structure,
        }
        for f in findings
    ]


def decode_findings(records: Any) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            r["code"],
            Severity(r["severity"]),
            r["message"],
            None if r["where_mm"] is None else point(r["where_mm"]),
            {key: number(value) for key, value in r["numbers"].items()},
            r["structure"],
        )
        for r in records
    )
