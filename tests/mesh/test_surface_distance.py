"""Distances from points to a surface, and where lines meet it, against closed forms and all triangles."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from surgtwin.domain.mesh import OrganMesh
from surgtwin.mesh import surface_distance
from surgtwin.mesh.surface_distance import SurfaceDistance, closest_on_triangles
from tests.conftest import rotation

TURN, SHIFT = rotation((25.0, -40.0, 70.0)), np.array([-31.5, 17.25, -240.0])


def surface(shape: trimesh.Trimesh) -> SurfaceDistance:
    vertices = np.asarray(shape.vertices) @ TURN.T + SHIFT
    return SurfaceDistance(OrganMesh("shape", vertices, np.asarray(shape.faces, np.int32), (1, 2, 3)))


def placed(own) -> np.ndarray:
    return np.asarray(own, dtype=float) @ TURN.T + SHIFT


def box_distance(own: np.ndarray, half: np.ndarray) -> np.ndarray:
    beyond = np.abs(own) - half
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)


@pytest.mark.parametrize("few", [0, 10**6])
def test_the_signed_distance_of_a_box_is_that_of_the_closed_form(few, monkeypatch):
    """Corners and edges, where several triangles tie, decide the sign; both ways of searching agree."""
    monkeypatch.setattr(surface_distance, "FEW", few)
    half = np.array([20.0, 5.0, 1.5])
    box = surface(trimesh.creation.box(2 * half))
    own = np.random.default_rng(4).uniform(-30, 30, (3000, 3))
    assert box.at(placed(own)) == pytest.approx(box_distance(own, half), abs=1e-9)


@pytest.mark.parametrize("few", [0, 10**6])
def test_a_point_beyond_a_sharp_corner_is_outside(few, monkeypatch):
    """Seen from there two of a spike's faces look away, one of them more squarely than any looks towards it."""
    monkeypatch.setattr(surface_distance, "FEW", few)
    spike = trimesh.Trimesh(
        [(0, 0, 0), (30, 2, 1), (30, -2, 1.5), (30, 0, -1)], [(0, 1, 2), (0, 2, 3), (0, 3, 1), (1, 3, 2)]
    )
    spike.fix_normals()
    shape = surface(spike)
    directions = np.random.default_rng(3).normal(size=(4000, 3))
    away = 25.0 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    away = away[(away @ (spike.vertices[1:] - spike.vertices[0]).T < 0).all(1)]
    assert len(away) > 500
    assert shape.at(placed(away)) == pytest.approx(np.full(len(away), 25.0), abs=1e-9)


def test_the_nearest_place_is_the_best_of_all_triangles():
    ball = trimesh.creation.icosphere(2, 20.0)
    ball.vertices *= [1.0, 0.7, 3.0]
    shape = surface(ball)
    points = placed(np.random.default_rng(1).uniform(-40, 40, (200, 3)))
    found = shape.nearest(points)
    corners = shape.mesh.vertices_mm[shape.mesh.triangles]
    every = np.linalg.norm(points[:, None] - closest_on_triangles(points[:, None], corners[None]), axis=2)
    assert np.abs(found.distance_mm) == pytest.approx(every.min(1), abs=1e-9)
    assert np.linalg.norm(points - found.points_mm, axis=1) == pytest.approx(np.abs(found.distance_mm), abs=1e-9)


def test_a_line_meets_a_box_where_it_enters_and_leaves():
    box = surface(trimesh.creation.box((20, 10, 6)))
    start, end = placed([(-30, 1, 1), (30, 1, 1)])
    assert box.crossings(start, end) == pytest.approx([20, 40], abs=1e-6)
    assert len(box.crossings(*placed([(-30, 9, 1), (30, 9, 1)]))) == 0


def test_a_line_through_a_corner_does_not_slip_between_triangles():
    ball = trimesh.creation.icosphere(2, 20.0)
    shape = surface(ball)
    for corner in ball.vertices[:40]:
        met = shape.crossings(placed(np.zeros(3)), placed(2 * corner))
        assert len(met) and met == pytest.approx(np.full(len(met), 20.0), abs=1e-5)


def test_the_normal_around_a_place_is_that_of_the_smooth_shape():
    """Of a ball it is the radius; of a thin plate the side that is asked for, not the mean of both."""
    ball = surface(trimesh.creation.icosphere(5, 20.0))
    radius = np.array([2.0, -1.0, 0.5]) / np.linalg.norm([2.0, -1.0, 0.5])
    assert ball.normal_around(placed(20 * radius), 4.0) == pytest.approx(TURN @ radius, abs=5e-3)
    plate = surface(trimesh.creation.box((40, 40, 0.5)).subdivide().subdivide().subdivide())
    assert plate.normal_around(placed((1, 2, 0.25)), 4.0) == pytest.approx(TURN @ [0, 0, 1], abs=1e-9)
