"""What speaks against a segmentation: findings, low confidence, disagreement with what was there before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.confidence import FULL_CONFIDENCE, NO_CONFIDENCE, ConfidenceMap
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray
from ..domain.labels import LabelMap, Structure
from ..store.reviews import KeptReview

ERROR_WEIGHT, WARNING_WEIGHT = 10.0, 3.0
CONFIDENCE_WEIGHT, DISAGREEMENT_WEIGHT = 20.0, 10.0
SAMPLES = 4000
"""Voxels of a structure at which its confidence is looked up."""
LOW_CONFIDENCE = 0.9
LOW_AGREEMENT = 0.95
"""Of Dice; what an update moves by a voxel stays above it for organs."""


@dataclass(frozen=True)
class Doubt:
    """One reason to look at a case early.

    Parameters
    ----------
    weight
        How much it moves the case up the list.
    """

    text: str
    weight: float
    structure: str = ""


def doubts(kept: KeptReview) -> tuple[Doubt, ...]:
    """All that speaks against a twin's segmentation, the heaviest first."""
    found = [*_from_findings(kept.findings), *_from_confidence(kept.labels, kept.confidence)]
    if kept.labels_before is not None:
        found += _from_before(kept.labels, kept.labels_before)
    return tuple(sorted(found, key=lambda d: (-d.weight, d.text)))


def structure_confidence(labels: LabelMap, confidence: ConfidenceMap) -> dict[str, float]:
    """Name -> mean probability that the network's label is right, over voxels spread evenly through the structure.

    Structures without voxels, and those of which nothing is said, are left out.
    """
    means = {}
    for s in labels.structures:
        _, codes = codes_at(labels, s, confidence)
        known = codes[codes != NO_CONFIDENCE]
        if known.size:
            means[s.name] = float(known.mean()) / FULL_CONFIDENCE
    return means


def agreement(first: LabelMap, second: LabelMap) -> dict[str, float]:
    """Name -> Dice of the structures that two label maps on one grid share; {} if they lie on different grids."""
    if not first.grid.is_same_space(second.grid):
        return {}
    both = {s.name for s in first.structures} & {s.name for s in second.structures}
    return {s.name: _dice(first.mask(s.name), second.mask(s.name)) for s in first.structures if s.name in both}


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else 1.0


def codes_at(
    labels: LabelMap, structure: Structure, confidence: ConfidenceMap | None
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Places (N, 3), LPS mm, of about `SAMPLES` of a structure's voxels at most, and the confidence's codes (N,) there.

    The code is `NO_CONFIDENCE` where nothing is said.
    """
    voxels = np.flatnonzero(labels.layers[structure.layer] == structure.label)
    some = voxels[:: max(1, len(voxels) // SAMPLES)]
    points = labels.grid.to_lps(np.stack(np.unravel_index(some, labels.grid.shape), -1)[:, ::-1])
    codes = np.full(len(some), NO_CONFIDENCE, np.uint8)
    if confidence is None or not len(some):
        return points, codes
    there = np.floor(confidence.grid.to_ijk(points) + 0.5).astype(np.int64)[:, ::-1]
    inside = np.all((there >= 0) & (there < np.asarray(confidence.grid.shape)), axis=1)
    codes[inside] = confidence.codes[tuple(there[inside].T)]
    return points, codes


def _from_findings(findings: tuple[Finding, ...]) -> list[Doubt]:
    weights = {Severity.ERROR: ERROR_WEIGHT, Severity.WARNING: WARNING_WEIGHT}
    return [Doubt(f.message, weights[f.severity], f.structure) for f in findings if f.severity in weights]


def _from_confidence(labels: LabelMap, confidence: ConfidenceMap | None) -> list[Doubt]:
    if confidence is None:
        return []
    return [
        Doubt(f"The network is {mean:.0%} sure of the {name}.", CONFIDENCE_WEIGHT * (1.0 - mean), name)
        for name, mean in structure_confidence(labels, confidence).items()
        if mean < LOW_CONFIDENCE
    ]


def _from_before(now: LabelMap, before: LabelMap) -> list[Doubt]:
    return [
        Doubt(
            f"The {name} agrees with the revision before by a Dice of {dice:.2f}.",
            DISAGREEMENT_WEIGHT * (1 - dice),
            name,
        )
        for name, dice in agreement(now, before).items()
        if dice < LOW_AGREEMENT
    ]
