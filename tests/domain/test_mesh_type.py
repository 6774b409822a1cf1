"""OrganMesh: volume, area and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.mesh import OrganMesh
from surgtwin.errors import MeshError

TETRAHEDRON = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], float)
OUTWARD = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def test_volume_is_positive_when_wound_outward_and_does_not_depend_on_the_place():
    mesh = OrganMesh("a", TETRAHEDRON, OUTWARD, (1, 2, 3))
    far = OrganMesh("a", TETRAHEDRON + 1e4, OUTWARD, (1, 2, 3))
    assert mesh.volume_ml == pytest.approx(1000 / 6 / 1000)
    assert far.volume_ml == pytest.approx(mesh.volume_ml)
    assert OrganMesh("a", TETRAHEDRON, OUTWARD[:, ::-1], (1, 2, 3)).volume_ml == pytest.approx(-mesh.volume_ml)
    assert mesh.area_mm2 == pytest.approx(150 + np.sqrt(3) / 4 * 200)


@pytest.mark.parametrize(
    ("vertices", "triangles"),
    [
        (TETRAHEDRON, np.zeros((0, 3))),
        (TETRAHEDRON, [[0, 1, 4]]),
        (TETRAHEDRON * np.nan, OUTWARD),
        (TETRAHEDRON[:, :2], OUTWARD),
    ],
)
def test_meshes_that_are_none_are_refused(vertices, triangles):
    with pytest.raises(MeshError):
        OrganMesh("a", vertices, np.asarray(triangles), (1, 2, 3))
