"""The nearest group of lines against every line looked at."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from surgtwin.planning.nearest_line import LineSamples, group_distances, nearest_groups

GROUPS, EACH = 12, 40


def lines() -> LineSamples:
    rng = np.random.default_rng(1)
    steps = rng.normal(size=(GROUPS, EACH, 3)) * 0.6 + rng.normal(size=(GROUPS, 1, 3)) * 0.4
    points = (np.cumsum(steps, axis=1) + rng.uniform(-40, 40, (GROUPS, 1, 3))).reshape(-1, 3)
    group = np.repeat(np.arange(GROUPS), EACH)
    return LineSamples(points, rng.uniform(1, 6, len(points)), group, group, GROUPS)


def every_distance(points: np.ndarray, some: LineSamples, is_weighted: bool) -> np.ndarray:
    away = cdist(points, some.points_mm) - (some.radius_mm if is_weighted else 0.0)
    return np.stack([away[:, some.group == g].min(1) for g in range(some.groups)], 1)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_nearest_group_distance_and_gap_are_those_of_a_full_search(is_weighted):
    points = np.random.default_rng(2).uniform(-60, 60, (3000, 3))
    away = every_distance(points, lines(), is_weighted)
    found = nearest_groups(points, lines(), is_weighted=is_weighted)
    ordered = np.sort(away, axis=1)
    assert np.array_equal(found.group, away.argmin(1))
    assert found.distance_mm == pytest.approx(ordered[:, 0], abs=1e-6)
    assert found.gap_mm == pytest.approx(ordered[:, 1] - ordered[:, 0], abs=1e-6)
    assert group_distances(points, lines(), is_weighted=is_weighted) == pytest.approx(away, abs=1e-6)


def test_a_limit_on_gaps_changes_no_gap_below_it_and_no_group():
    points = np.random.default_rng(3).uniform(-60, 60, (3000, 3))
    free, limited = (nearest_groups(points, lines(), is_weighted=False, closest_mm=mm) for mm in (np.inf, 2.0))
    assert np.array_equal(free.group, limited.group)
    assert np.array_equal(free.gap_mm < 2.0, limited.gap_mm < 2.0)


def test_groups_without_a_line_are_never_nearest():
    some = lines()
    only = some.regrouped(np.where(some.group == 3, 1, -1), 2)
    found = nearest_groups(np.random.default_rng(4).uniform(-60, 60, (500, 3)), only, is_weighted=False)
    assert set(found.group) == {1} and np.isinf(found.gap_mm).all()


def test_no_points_have_no_nearest_group():
    assert len(nearest_groups(np.empty((0, 3)), lines(), is_weighted=False).group) == 0
