"""How sure a structure is, as the twin stores it: its volume's interval, and the confidence in its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.confidence import FULL_CONFIDENCE, NO_CONFIDENCE, ConfidenceMap
from surgtwin.domain.geometry import FloatArray, transform_points
from surgtwin.domain.labels import Structure
from surgtwin.domain.twin import Twin

from .wording import volume_interval

UNSURE = 0.8
"""Voxels whose label is right with less than this probability are counted as unsure."""
SAMPLES = 20_000
NOT_CALIBRATED = "not calibrated: too high as a rule"


@dataclass(frozen=True)
class Certainty:
    """The mean confidence in a structure's voxels (0..1), and the share of them (0..1) that is unsure."""

    mean: float
    unsure: float
    is_calibrated: bool


def probabilities(confidence: ConfidenceMap, points_mm: FloatArray) -> FloatArray:
    """How probably the label is right at places (N, 3) in the frame of the labels; NaN where nothing is said."""
    index = np.floor(confidence.grid.to_ijk(points_mm) + 0.5).astype(np.int64)
    inside = np.all((index >= 0) & (index < np.asarray(confidence.grid.size_ijk)), axis=1)
    found = np.full(len(points_mm), np.nan)
    i, j, k = index[inside].T
    codes = confidence.codes[k, j, i].astype(np.float64)
    found[inside] = np.where(codes == NO_CONFIDENCE, np.nan, codes / FULL_CONFIDENCE)
    return found


def world_probabilities(twin: Twin, points_mm: FloatArray) -> FloatArray:
    """The same at places of the views, whichever image the labels lie on; all NaN without a confidence map."""
    if twin.confidence is None:
        return np.full(len(points_mm), np.nan)
    to_labels = np.asarray(np.linalg.inv(twin.image(twin.labels_on).twin_from_image), dtype=np.float64)
    return probabilities(twin.confidence, transform_points(to_labels, points_mm))


def certainty_of(twin: Twin, structure: Structure) -> Certainty | None:
    """Over the structure's voxels, evenly chosen; None where the twin stores nothing about them."""
    if twin.confidence is None:
        return None
    places = np.flatnonzero(twin.labels.mask(structure.name))
    if not len(places):
        return None
    places = places[:: max(1, len(places) // SAMPLES)]
    k, j, i = np.unravel_index(places, twin.labels.grid.shape)
    sure = probabilities(twin.confidence, twin.labels.grid.to_lps(np.stack((i, j, k), 1).astype(np.float64)))
    known = sure[np.isfinite(sure)]
    if not len(known):
        return None
    return Certainty(float(known.mean()), float((known < UNSURE).mean()), twin.confidence.is_calibrated)


def certainty_lines(twin: Twin, structure: Structure) -> tuple[str, ...]:
    """For a person; empty where the twin stores neither interval nor confidence of the structure."""
    lines = []
    interval = volume_interval(twin, structure)
    if interval:
        lines.append(interval)
    found = certainty_of(twin, structure) if structure.origin == "network" else None
    if found is not None:
        note = "" if found.is_calibrated else f" ({NOT_CALIBRATED})"
        unsure = f"{100 * found.unsure:.0f} % of it unsure" if found.unsure >= 0.005 else "hardly any of it unsure"
        lines.append(f"Confidence {100 * found.mean:.0f} % on average, {unsure}{note}")
    return tuple(lines)
