"""Label maps of shapes whose volumes are known exactly."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.mesh import MeshQuality, OrganMesh

OFF_CENTRE = np.array([0.123, 0.271, 0.387])


def label_map(grid: Grid, *layers: NDArray[np.uint8]) -> LabelMap:
    structures = tuple(
        Structure(int(label), f"structure {n}-{label}", (10 * int(label) % 256, 100, 200), layer=n)
        for n, layer in enumerate(layers)
        for label in np.unique(layer)
        if label
    )
    return LabelMap(grid, tuple(layer.astype(np.uint8) for layer in layers), structures)


def centred_mm(grid: Grid) -> NDArray[np.float64]:
    """(k, j, i, 3) LPS of the voxels, from a point near the grid's middle that lies on no voxel's centre."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    return grid.to_lps(np.stack((i, j, k), axis=-1)) - (grid.center() + OFF_CENTRE)


def isotropic(size: int, spacing: float = 1.0) -> Grid:
    """Rotated about all axes, so that no voxel row runs along a shape."""
    angle = np.radians(31.0)
    a = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    b = np.array([[1, 0, 0], [0, np.cos(0.4), -np.sin(0.4)], [0, np.sin(0.4), np.cos(0.4)]])
    return Grid.from_axes((size, size, size), (100.0, -50.0, 7.0), a @ b, (spacing,) * 3)


def quality_of(mesh: OrganMesh) -> MeshQuality:
    assert mesh.quality is not None
    return mesh.quality


def assert_sound(mesh: OrganMesh) -> None:
    """Closed, manifold, outward, an even Euler number; checked without the code under test."""
    directed = np.concatenate([mesh.triangles[:, [0, 1]], mesh.triangles[:, [1, 2]], mesh.triangles[:, [2, 0]]])
    key = directed[:, 0].astype(np.int64) * len(mesh.vertices_mm) + directed[:, 1]
    back = directed[:, 1].astype(np.int64) * len(mesh.vertices_mm) + directed[:, 0]
    assert len(np.unique(key)) == len(key), "an edge is run along twice in one direction"
    assert np.array_equal(np.sort(key), np.sort(back)), "an edge has no face on its other side"
    edges = len(key) // 2
    assert np.array_equal(np.unique(mesh.triangles), np.arange(len(mesh.vertices_mm)))
    euler = len(mesh.vertices_mm) - edges + len(mesh.triangles)
    quality = quality_of(mesh)
    assert quality.is_watertight and quality.is_manifold
    assert quality.euler_number == euler and euler % 2 == 0 and euler <= 2 * quality.pieces
    assert mesh.volume_ml > 0


def orientations() -> list[NDArray[np.float64]]:
    """The 48 signed permutation matrices."""
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            m = np.zeros((3, 3))
            m[list(order), range(3)] = signs
            found.append(m)
    return found
