"""Lesions from a probability map: counted, placed in the patient, measured in mm on any grid."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from segmentation.lesion_candidates import (
    LEAST_DIAMETER_MM,
    ball_ml,
    core_mean,
    find_candidates,
    is_thin,
    longest_distance,
    measure_piece,
)
from surgtwin.domain.geometry import Grid
from tests.conftest import make_oblique_grid

GRID = make_oblique_grid((30, 60, 64))


def ball(grid: Grid, centre_mm: np.ndarray, radius_mm: float) -> np.ndarray:
    """Voxels of a ball given in the patient's frame."""
    kji = np.indices(grid.shape).reshape(3, -1).T
    points = grid.to_lps(kji[:, ::-1])
    return (np.linalg.norm(points - centre_mm, axis=1) < radius_mm).reshape(grid.shape)


def place(ijk: tuple[float, float, float]) -> np.ndarray:
    return GRID.to_lps(np.array(ijk))


def test_lesions_are_listed_largest_first_with_place_size_and_confidence_in_the_patient() -> None:
    small, large = place((15, 14, 10)), place((45, 40, 18))
    probability = np.zeros(GRID.shape, dtype=np.float32)
    probability[ball(GRID, small, 6.0)] = 0.7
    probability[ball(GRID, large, 11.0)] = 0.95
    labels, lesions = find_candidates(probability, np.ones(GRID.shape, bool), GRID)
    assert [lesion.number for lesion in lesions] == [1, 2] and lesions[0].name == "liver lesion 1"
    for lesion, centre, radius, sure in zip(lesions, (large, small), (11.0, 6.0), (0.95, 0.7), strict=True):
        assert np.linalg.norm(np.array(lesion.centre_mm) - centre) < 1.5
        assert lesion.volume_ml == pytest.approx(ball_ml(2 * radius), rel=0.08)
        assert lesion.diameter_mm == pytest.approx(2 * radius, abs=2.0)
        assert lesion.confidence == pytest.approx(sure, abs=1e-6)
        ijk = np.rint(GRID.to_ijk(np.array(lesion.centre_mm))).astype(int)
        assert labels[tuple(ijk[::-1])] == lesion.number


def test_the_edge_lies_where_the_probability_falls_to_half_of_the_core() -> None:
    centre = place((32, 30, 15))
    probability = np.zeros(GRID.shape, dtype=np.float32)
    probability[ball(GRID, centre, 14.0)] = 0.25
    probability[ball(GRID, centre, 9.0)] = 0.8
    labels, lesions = find_candidates(probability, np.ones(GRID.shape, bool), GRID)
    assert len(lesions) == 1
    assert np.array_equal(labels > 0, ball(GRID, centre, 9.0))


def test_two_lesions_that_only_a_haze_joins_are_two_and_crumbs_are_none() -> None:
    first, second = place((20, 30, 15)), place((44, 30, 15))
    probability = np.zeros(GRID.shape, dtype=np.float32)
    probability[14:17, 26:34, 20:60] = 0.2
    probability[ball(GRID, first, 9.0) | ball(GRID, second, 8.0)] = 0.9
    probability[14:17, 28:32, 55:59] = 0.9
    _, lesions = find_candidates(probability, np.ones(GRID.shape, bool), GRID)
    assert len(lesions) == 2


def test_nothing_outside_the_region_nothing_tiny_and_nothing_unsure_is_a_lesion() -> None:
    centre = place((32, 30, 15))
    probability = np.zeros(GRID.shape, dtype=np.float32)
    inside = ball(GRID, centre, 8.0)
    probability[inside] = 0.6
    everywhere = np.ones(GRID.shape, bool)
    assert find_candidates(probability, ~inside, GRID)[1] == ()
    assert find_candidates(probability, everywhere, GRID, least_confidence=0.61)[1] == ()
    assert len(find_candidates(probability, everywhere, GRID, least_confidence=0.59)[1]) == 1
    tiny = np.where(ball(GRID, centre, 0.4 * LEAST_DIAMETER_MM), np.float32(0.99), np.float32(0))
    assert find_candidates(tiny, everywhere, GRID)[1] == ()
    assert find_candidates(np.zeros(GRID.shape, np.float32), everywhere, GRID)[1] == ()


def test_the_place_lies_inside_even_of_a_ring() -> None:
    grid = Grid.from_axes((3, 30, 30), np.array([5.0, 6.0, 7.0]), np.eye(3), (1.0, 1.0, 2.0))
    j, i = np.indices((30, 30)) - 15
    ring = np.broadcast_to((np.hypot(i, j) < 12) & (np.hypot(i, j) > 9), (3, 30, 30))
    centre, diameter = measure_piece(np.ascontiguousarray(ring), np.zeros(3, int), grid)
    ijk = np.rint(grid.to_ijk(np.array(centre))).astype(int)
    assert ring[tuple(ijk[::-1])]
    assert diameter == pytest.approx(np.hypot(22.5, 4.0) + 1.26, abs=1.0)


def test_the_longest_distance_of_flat_and_single_pieces() -> None:
    assert longest_distance(np.zeros((1, 3))) == 0.0
    line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0], [7, 0, 0]])
    assert longest_distance(line) == 7.0
    cube = np.array([[a, b, c] for a in (0, 2) for b in (0, 3) for c in (0, 6)], dtype=float)
    assert longest_distance(cube) == pytest.approx(7.0)


def test_sheets_and_tubes_are_no_lesions_and_eggs_are() -> None:
    probability = np.zeros(GRID.shape, dtype=np.float32)
    sheet, tube, egg = (np.zeros(GRID.shape, bool) for _ in range(3))
    sheet[4:26, 8:10, 4:36] = True
    tube[14:16, 20:24, 4:60] = True
    egg |= ball(GRID, place((40, 46, 14)), 8.0) | ball(GRID, place((48, 46, 14)), 8.0)
    assert is_thin(sheet, GRID) and is_thin(tube, GRID) and not is_thin(egg, GRID)
    probability[sheet | tube | egg] = 0.9
    labels, lesions = find_candidates(probability, np.ones(GRID.shape, bool), GRID)
    assert len(lesions) == 1 and np.array_equal(labels > 0, egg)


def test_the_confidence_is_that_of_the_surest_quarter() -> None:
    values = np.linspace(0, 1, 101, dtype=np.float32)
    assert core_mean(values) == pytest.approx(values[-25:].mean())
    assert core_mean(np.array([0.3], dtype=np.float32)) == pytest.approx(0.3)
    means = [core_mean(values[: n + 4]) for n in range(90)]
    assert all(a < b for a, b in pairwise(means))
