"""Samples of a surface: on it, and as dense as they say."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from surgtwin.domain.mesh import OrganMesh
from surgtwin.mesh.surface_distance import SurfaceDistance
from surgtwin.mesh.surface_samples import surface_samples


@pytest.mark.parametrize("stretch", [(1, 1, 1), (1, 1, 8), (0.3, 2, 5)])
@pytest.mark.parametrize("step", [0.5, 1.3, 50.0])
def test_no_place_of_a_surface_is_farther_from_a_sample_than_is_said(stretch, step):
    shape = trimesh.creation.icosphere(2, 6.0)
    shape.vertices = shape.vertices * stretch + [100, -200, 300]
    samples = surface_samples(shape.vertices, np.asarray(shape.faces, np.int32), step)
    places, _ = trimesh.sample.sample_surface(shape, 5000, seed=1)
    away, _ = cKDTree(samples.points_mm).query(places)
    assert away.max() <= samples.radius_mm
    mesh = OrganMesh("shape", np.asarray(shape.vertices), np.asarray(shape.faces, np.int32), (1, 2, 3))
    assert np.abs(SurfaceDistance(mesh).at(samples.points_mm[::7])).max() < 1e-6
    assert len(np.unique(samples.points_mm.round(6), axis=0)) == len(samples.points_mm), "each edge is filled once"


def test_a_voxel_surface_stretched_by_thick_slices_is_covered_closely():
    """Rectangles of 1 x 5 mm, cut in two: thin triangles, so that filling the long edges covers them."""
    box = trimesh.creation.box((1.0, 1.0, 5.0))
    samples = surface_samples(np.asarray(box.vertices), np.asarray(box.faces, np.int32), 1.3)
    assert samples.radius_mm < 0.9


def test_no_triangles_have_no_samples():
    assert len(surface_samples(np.zeros((3, 3)), np.empty((0, 3), np.int32), 1.0).points_mm) == 0
