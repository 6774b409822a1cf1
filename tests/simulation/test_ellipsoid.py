"""Distances to an ellipsoid: exact for balls, square to the surface elsewhere, the same in every frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surgtwin.domain.trajectory import Ablation
from surgtwin.simulation.ellipsoid import Ellipsoid, zone_of
from tests.conftest import rotation

LENGTH = st.floats(0.5, 60.0)


def test_a_ball_has_the_distance_to_its_centre():
    ball = zone_of(Ablation("Z", "t", (3, -4, 5), (0, 1, 1), (25, 25, 25)))
    points = np.array([3, -4, 5]) + np.array([[0, 0, 0], [10, 0, 0], [0, 0, 25], [0, -40, 0], [24.9, 0, 0.0]])
    assert ball.signed(points) == pytest.approx([25, 15, 0, -15, 0.1], abs=1e-9)


def test_on_the_axes_of_an_ellipsoid_the_distance_is_known():
    zone = zone_of(Ablation("Z", "t", (0, 0, 0), (0, 0, 1), (30, 20, 10), (0, 1, 0)))
    at = np.array([[0, 0, 33.0], [0, 22.0, 0], [13.0, 0, 0], [0, 0, 29.5], [0, 0, 0]])
    # Near the tip on the longest axis (within e3^2 / e1 of it) the tip itself is the nearest point.
    assert zone.signed(at) == pytest.approx([-3, -2, -3, 0.5, 10], abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(LENGTH, LENGTH, LENGTH, st.integers(0, 2**31))
def test_the_foot_lies_on_the_surface_square_to_it_and_no_surface_point_is_nearer(a, b, c, seed):
    rng = np.random.default_rng(seed)
    axes = rotation(tuple(rng.uniform(-180, 180, 3)))
    zone = Ellipsoid(rng.uniform(-50, 50, 3), axes, np.array([a, b, c]))
    points = zone.centre_mm + rng.normal(size=(40, 3)) * rng.choice([0.1, 1.0, 3.0]) * max(a, b, c)
    distance, foot = zone.nearest(points)
    assert zone.level(foot) == pytest.approx(np.ones(40), abs=1e-7)
    assert np.abs(distance) == pytest.approx(np.linalg.norm(foot - points, axis=1), abs=1e-7)
    sampled = np.linalg.norm(zone.surface_points(3000)[None] - points[:, None], axis=2).min(1)
    assert np.all(np.abs(distance) <= sampled + 1e-7)
    normal = ((foot - zone.centre_mm) @ axes.T / zone.radii_mm**2) @ axes
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    along = np.einsum("nc,nc->n", foot - points, normal)
    assert along == pytest.approx(distance, abs=1e-5 * max(a, b, c))


def test_the_reach_bounds_the_surface():
    zone = zone_of(Ablation("Z", "t", (1, 2, 3), (1, 2, 2), (30, 20, 10), (0, 1, -1)))
    offset = zone.surface_points(20_000) - zone.centre_mm
    assert np.abs(offset).max(0) == pytest.approx(zone.reach(np.eye(3)), rel=1e-3)
