"""A marker that was bumped is told; noise, and the motion of both together, are not."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.live.drift import SAMPLES, FixedPair
from tests.conftest import rotation


def pose(degrees, place) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(degrees), place
    return matrix


def watched(bump: np.ndarray, noise_mm: float = 0.3) -> FixedPair:
    """Both markers are carried around; in between the second is bumped."""
    rng, pair, relation = np.random.default_rng(1), FixedPair("Reference", "Arm"), pose((10, 20, 30), (80, -5, 12))
    for n in range(3 * SAMPLES):
        first = pose((n, -2 * n, 0.5 * n), (10 * n, 5, -700))
        second = first @ (relation if n < 1.5 * SAMPLES else relation @ bump)
        second[:3, 3] += noise_mm * rng.normal(size=3)
        pair.put(first, second)
    return pair


def test_carrying_both_around_is_no_drift() -> None:
    pair = watched(np.eye(4))
    assert pair.drift.moved_mm < 0.4
    assert pair.drift.turned_deg < 0.01
    assert pair.sentence == ""


def test_a_bump_is_measured_and_told() -> None:
    pair = watched(pose((0, 0, 4), (3, 0, 0)))
    assert pair.drift.moved_mm == pytest.approx(3, abs=0.4)
    assert pair.drift.turned_deg == pytest.approx(4, abs=0.01)
    assert "Arm has moved" in pair.sentence and "against Reference" in pair.sentence


def test_too_little_is_no_verdict() -> None:
    pair = FixedPair("a", "b")
    for _ in range(2 * SAMPLES - 1):
        pair.put(np.eye(4), np.eye(4))
    assert pair.drift is None and pair.sentence == ""
