from __future__ import annotations

import numpy as np
import pytest

from surgtwin.mesh.deviation import distance_to_voxel_surface, surface_distances
from surgtwin.mesh.voxel_surface import voxel_surface


def by_all_boxes(padded: np.ndarray, points: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Distance of each point from the nearest voxel of the other kind, every voxel tried."""
    k, j, i = np.indices(padded.shape)
    centres = np.stack((i, j, k), axis=-1).reshape(-1, 3)
    kinds = padded.ravel()
    out = []
    for point in points:
        home = np.floor(point + 0.5).astype(int)
        own = padded[home[2], home[1], home[0]]
        away = np.maximum(np.abs(centres[kinds != own] - point) - 0.5, 0.0) * spacing
        out.append(np.linalg.norm(away, axis=1).min())
    return np.array(out)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.7, 4.0), (3.0, 0.4, 0.6)])
def test_distances_agree_with_trying_every_voxel(spacing: tuple[float, float, float]):
    rng = np.random.default_rng(3)
    padded = np.zeros((12, 13, 14), bool)
    padded[2:-2, 2:-2, 2:-2] = rng.random((8, 9, 10)) < 0.5
    padded[4:9, 4:9, 4:9] = True
    points = rng.uniform(0.6, 10.4, (300, 3))
    found = distance_to_voxel_surface(padded, points, spacing)
    np.testing.assert_allclose(found, by_all_boxes(padded, points, spacing), atol=1e-9)


def test_corners_of_voxels_lie_on_their_surface():
    padded = np.zeros((7, 7, 7), bool)
    padded[2:5, 2:4, 2:5] = True
    vertices, _ = voxel_surface(padded)
    np.testing.assert_allclose(distance_to_voxel_surface(padded, vertices, (1.0, 2.0, 3.0)), 0.0, atol=1e-12)


def test_a_shifted_square_lies_as_far_as_it_was_shifted():
    vertices = np.array([[0.0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
    there, back = surface_distances(vertices, triangles, vertices + np.array([0, 0, 1.5]), triangles)
    np.testing.assert_allclose(np.concatenate((there, back)), 1.5)
