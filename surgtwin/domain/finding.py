"""Something a person should know: about an image, a segmentation, a mesh, a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .geometry import Point3


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    code
        Stable and machine-readable, e.g. "uneven-slices".
    message
        One or two sentences for a person: what was found, what it means, what would mend it.
    where_mm
        LPS place, if there is one.
    numbers
        The figures behind the message, unit in the key ("gap_mm").
    structure
        Name of the structure it is about, or empty.
    """

    code: str
    severity: Severity
    message: str
    where_mm: Point3 | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    structure: str = ""


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """A finding as it stands in every JSON that the program writes for others."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "where_mm": None if finding.where_mm is None else list(finding.where_mm),
        "numbers": dict(finding.numbers),
        "structure": finding.structure or None,
    }
