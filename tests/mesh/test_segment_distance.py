"""Distances of segments from a surface, against closed forms and against every triangle."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from surgtwin.domain.mesh import OrganMesh
from surgtwin.mesh.segment_distance import SegmentDistance
from surgtwin.mesh.segments import closest_segment_triangle
from surgtwin.mesh.surface_distance import SurfaceDistance
from tests.conftest import rotation

TURN, SHIFT = rotation((25.0, -40.0, 70.0)), np.array([-31.5, 17.25, -240.0])


def organ(shape: trimesh.Trimesh) -> OrganMesh:
    vertices = np.asarray(shape.vertices) @ TURN.T + SHIFT
    return OrganMesh("shape", vertices, np.asarray(shape.faces, np.int32), (1, 2, 3))


def placed(own) -> np.ndarray:
    return np.asarray(own, dtype=float) @ TURN.T + SHIFT


def test_segments_about_a_box_have_the_distances_of_the_closed_form():
    box = SegmentDistance(organ(trimesh.creation.box((40, 20, 10))))
    starts = placed([(-30, 0, 9), (-30, 14, 9), (-5, 0, 0), (-30, 0, 0), (25, 12, 8), (0, 0, 50)])
    ends = placed([(30, 0, 9), (30, 14, 9), (5, 3, 0), (30, 0, 0), (45, 32, 28), (0, 0, 7)])
    found = box.nearest(starts, ends)
    truth = [4, np.hypot(4, 4), -5, 0, np.sqrt(25 + 4 + 9), 2]
    assert found.distance_mm == pytest.approx(truth, abs=1e-9)
    assert np.linalg.norm(found.on_segment - found.on_surface, axis=1) == pytest.approx(np.abs(truth), abs=1e-9)


def test_a_segment_beyond_a_sharp_corner_is_outside():
    """Seen from there two of a spike's faces look away, one of them more squarely than any looks towards it."""
    spike = trimesh.Trimesh(
        [(0, 0, 0), (30, 2, 1), (30, -2, 1.5), (30, 0, -1)], [(0, 1, 2), (0, 2, 3), (0, 3, 1), (1, 3, 2)]
    )
    spike.fix_normals()
    directions = np.random.default_rng(3).normal(size=(2000, 3))
    away = 25.0 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    away = away[(away @ (spike.vertices[1:] - spike.vertices[0]).T < 0).all(1)]
    found = SegmentDistance(organ(spike)).nearest(placed(away), placed(2.0 * away))
    assert found.distance_mm == pytest.approx(np.full(len(away), 25.0), abs=1e-9)


@pytest.mark.parametrize("with_hints", [False, True])
def test_no_triangle_is_nearer_than_the_one_found(with_hints):
    shape = trimesh.creation.icosphere(3, 20.0)
    shape.vertices *= [1.0, 0.6, 3.0]
    surface = SegmentDistance(organ(shape))
    rng = np.random.default_rng(2)
    starts, ends = placed(rng.uniform(-80, 80, (120, 3))), placed(rng.uniform(-80, 80, (120, 3)))
    known = surface.mesh.vertices_mm[rng.integers(0, len(surface.mesh.vertices_mm), 120)] if with_hints else None
    found = surface.nearest(starts, ends, known)
    corners = surface.mesh.vertices_mm[surface.mesh.triangles]
    for n in range(len(starts)):
        every = closest_segment_triangle(
            np.repeat(starts[n : n + 1], len(corners), 0), np.repeat(ends[n : n + 1], len(corners), 0), corners
        )
        assert abs(found.distance_mm[n]) == pytest.approx(every.distance_mm.min(), abs=1e-9)


def test_a_segment_is_no_farther_than_any_of_its_points_and_points_agree_with_the_other_search():
    mesh = organ(trimesh.creation.capsule(30, 8))
    surface, other = SegmentDistance(mesh), SurfaceDistance(mesh)
    rng = np.random.default_rng(5)
    starts = placed(rng.uniform(-60, 60, (60, 3)))
    assert surface.nearest(starts, starts).distance_mm == pytest.approx(other.at(starts), abs=1e-9)
    ends = starts + rng.normal(size=(60, 3)) * 15
    share = np.linspace(0, 1, 400)
    points = (starts[:, None] + share[None, :, None] * (ends - starts)[:, None]).reshape(-1, 3)
    sampled = other.at(points).reshape(60, -1)
    found = surface.nearest(starts, ends).distance_mm
    outside = sampled.min(1) > 0.5
    assert outside.sum() > 20
    assert found[outside] == pytest.approx(sampled[outside].min(1), abs=0.02)
    assert np.all(found[outside] <= sampled[outside].min(1) + 1e-9)
    assert np.all(found[(sampled.min(1) < -0.5) & (sampled.max(1) > 0.5)] == 0.0)


def test_segments_along_an_edge_of_a_triangle_and_of_no_length_are_no_trouble():
    corners = np.array([[[0, 0, 0], [10, 0, 0], [0, 10, 0]]] * 4, dtype=float)
    starts = np.array([[2, -3, 0], [-5, 0, 4], [3, 3, 1], [2, 2, -1]], dtype=float)
    ends = np.array([[8, -3, 0], [15, 0, 4], [3, 3, 1], [2, 2, 1]], dtype=float)
    found = closest_segment_triangle(starts, ends, corners)
    assert found.distance_mm == pytest.approx([3, 4, 1, 0], abs=1e-9)
