"""A label map as a file gave it, with what was noticed while reading."""

from __future__ import annotations

from dataclasses import dataclass

from .finding import Finding
from .labels import LabelMap


@dataclass(frozen=True, eq=False)
class LabelReading:
    """`findings`: thresholded probabilities, contours left out, an unknown orientation."""

    labels: LabelMap
    findings: tuple[Finding, ...] = ()
