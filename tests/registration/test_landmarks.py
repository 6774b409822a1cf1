"""Paired points: exact on exact pairs, the predicted error as published, sets that leave a turn open refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surgtwin.errors import GeometryError
from surgtwin.registration.landmarks import PairedPointFit, fit_points
from tests.conftest import rotation

AXES_POINTS = 100.0 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=float)


def moved(points: np.ndarray, angles: tuple[float, float, float], shift: tuple[float, float, float]) -> np.ndarray:
    return points @ rotation(angles).T + np.asarray(shift)


@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(-500, 500)] * 3),
    st.integers(3, 12),
    st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_exact_pairs_give_the_exact_motion(angles, shift, count, seed) -> None:
    points = np.random.default_rng(seed).uniform(-150, 150, (count, 3))
    points[:3] = [[0, 0, 0], [90, 0, 0], [0, 70, 0]]
    fit = fit_points(points, moved(points, angles, shift))
    assert fit.fre_mm < 1e-9
    probe = np.array([12.0, -80.0, 33.0])
    assert fit.transform.apply(probe) == pytest.approx(moved(probe, angles, shift), abs=1e-7)


def test_a_mirrored_set_is_never_answered_with_a_mirror() -> None:
    points = AXES_POINTS + np.arange(18).reshape(6, 3)
    fit = fit_points(points, points * [-1, 1, 1])
    assert np.linalg.det(fit.transform.matrix[:3, :3]) == pytest.approx(1.0)
    assert fit.fre_mm > 10


def test_errors_are_the_published_ones() -> None:
    fit = fit_points(AXES_POINTS, AXES_POINTS)
    assert fit.tre_mm((0, 0, 0), fle_mm=1.0) == pytest.approx(0.408, abs=5e-4)
    assert fit.tre_mm((0, 0, 150), fle_mm=1.0) == pytest.approx(0.736, abs=5e-4)
    residual = np.sqrt(1 - 2 / 6)
    known = PairedPointFit(fit.transform, AXES_POINTS, np.full(6, residual))
    assert known.fre_mm == pytest.approx(0.816, abs=5e-4)
    assert known.fle_mm == pytest.approx(1.0)


def test_the_predicted_error_is_what_repetition_shows() -> None:
    rng = np.random.default_rng(3)
    points = np.array([[0, 0, 0], [120, 10, 0], [20, 100, 30], [-40, 60, 90], [70, -30, 60]], dtype=float)
    target = np.array([40.0, 150.0, -60.0])
    fle = 0.8
    found = [
        fit_points(points + rng.normal(0, fle / np.sqrt(3), points.shape), points).transform.apply(target) - target
        for _ in range(3000)
    ]
    seen = np.sqrt(np.mean(np.sum(np.square(found), axis=1)))
    assert fit_points(points, points).tre_mm(target, fle_mm=fle) == pytest.approx(seen, rel=0.05)


def test_the_error_does_not_depend_on_the_frame() -> None:
    points = np.array([[0, 0, 0], [120, 10, 0], [20, 100, 30], [-40, 60, 90]], dtype=float)
    target = np.array([40.0, 150.0, -60.0])
    turned = moved(points, (20, -50, 130), (7, 8, 9))
    here = fit_points(points, points).tre_mm(target, fle_mm=1.0)
    there = fit_points(points, turned).tre_mm(moved(target, (20, -50, 130), (7, 8, 9)), fle_mm=1.0)
    assert here == pytest.approx(there)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 0, 0], [1, 0, 0]], "At least 3"),
        ([[0, 0, 0], [50, 0, 0], [100, 0, 0], [150, 1, 0]], "on a line"),
        ([[0, 0, 0], [0, 0, 0], [0, 0, 0]], "on a line"),
        ([[0, 0, 0], [50, 0, 0], [0, np.nan, 0]], "finite"),
        ([[0, 0], [50, 0], [0, 50]], "x, y, z"),
    ],
)
def test_sets_that_leave_it_open_are_refused(points, message) -> None:
    with pytest.raises(GeometryError, match=message):
        fit_points(points, points)


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(GeometryError, match="same length"):
        fit_points(AXES_POINTS, AXES_POINTS[:4])
