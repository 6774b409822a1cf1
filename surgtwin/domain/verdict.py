"""How sure a distance is, and what follows: safe, unproven or violated. One rule for margins, needles and tools."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

COVERAGE_FACTOR = 2.0
"""k of `k sqrt(sum of squares)`: about 95 % for a normal error (GUM, JCGM 100:2008, 6.2)."""


class Verdict(StrEnum):
    SAFE = "safe"
    UNPROVEN = "unproven"
    VIOLATED = "violated"


@dataclass(frozen=True)
class ErrorTerms:
    """Standard errors of a distance, mm, and where each comes from.

    Parameters
    ----------
    voxel_mm
        Of the grid: voxel diagonal / sqrt(12).
    segmentation_mm
        Of the structure's border: from the model's interval, or a setting.
    registration_mm
        Predicted target registration error; 0 on a twin's first revision.
    """

    voxel_mm: float
    segmentation_mm: float = 1.0
    registration_mm: float = 0.0

    @property
    def combined_mm(self) -> float:
        return math.hypot(self.voxel_mm, self.segmentation_mm, self.registration_mm)

    @property
    def dominating(self) -> str:
        """Which term is largest: 'voxel', 'segmentation' or 'registration'."""
        terms = {"voxel": self.voxel_mm, "segmentation": self.segmentation_mm, "registration": self.registration_mm}
        return max(terms, key=lambda name: terms[name])

    @property
    def remedy(self) -> str:
        """What would shrink the largest term, for a person."""
        return {
            "voxel": "thinner slices would shrink it",
            "segmentation": "a second look at the contour would shrink it",
            "registration": "another landmark would shrink it",
        }[self.dominating]


def judge(distance_mm: float, needed_mm: float, terms: ErrorTerms) -> Verdict:
    """Whether a distance is surely enough, surely too little, or neither within the error terms."""
    error = COVERAGE_FACTOR * terms.combined_mm
    if distance_mm - error >= needed_mm:
        return Verdict.SAFE
    return Verdict.VIOLATED if distance_mm + error < needed_mm else Verdict.UNPROVEN


def worst(verdicts: tuple[Verdict, ...]) -> Verdict:
    """The worst of several; safe if there are none."""
    order = (Verdict.VIOLATED, Verdict.UNPROVEN, Verdict.SAFE)
    return next((v for v in order if v in verdicts), Verdict.SAFE)
