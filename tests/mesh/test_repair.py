from __future__ import annotations

import numpy as np
import pytest

from surgtwin.errors import MeshError
from surgtwin.mesh.repair import part_coincident_edges, split_sheets
from surgtwin.mesh.topology import half_edges, has_single_umbrellas, pieces_of

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], dtype=np.int32)
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def welded(shared: dict[int, int], vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two tetrahedra; vertices of the second are replaced by those of the first as `shared` says."""
    number = [shared.get(n, 4 + n) for n in range(4)]
    second = np.array(number, dtype=np.int32)[TETRAHEDRON]
    return np.concatenate((CORNERS, vertices)), np.concatenate((TETRAHEDRON, second))


def assert_two_closed_pieces(vertices: np.ndarray, faces: np.ndarray) -> None:
    used = np.unique(faces, return_inverse=True)[1].reshape(faces.shape).astype(np.int32)
    edges = half_edges(used)
    assert edges.is_closed()
    assert has_single_umbrellas(used, edges.twins(), used.max() + 1)
    assert pieces_of(used, used.max() + 1)[0] == 2
    assert len(np.unique(vertices[np.unique(faces)], axis=0)) == 8


def test_solids_that_share_a_vertex_are_taken_apart():
    vertices, faces = welded({0: 0}, -CORNERS[:, [1, 0, 2]])
    edges = half_edges(faces)
    assert edges.is_closed() and not has_single_umbrellas(faces, edges.twins(), len(vertices))
    assert_two_closed_pieces(*split_sheets(vertices, faces, 1e-3))


def test_solids_that_share_an_edge_are_taken_apart_each_with_its_own_faces():
    turned = CORNERS * (1, -1, -1)
    vertices, faces = welded({0: 0, 1: 1}, turned)
    assert not half_edges(faces).is_closed()
    parted = split_sheets(vertices, faces, 1e-3)
    assert_two_closed_pieces(*parted)
    for piece in (parted[1][:4], parted[1][4:]):
        assert len(np.unique(piece)) == 4


def test_an_open_surface_is_refused():
    vertices, faces = welded({0: 0, 1: 1}, CORNERS * (1, -1, -1))
    with pytest.raises(MeshError, match="open"):
        split_sheets(vertices, faces[1:], 1e-3)


def test_edges_that_only_share_their_ends_get_middles_of_their_own():
    # A ring of voxels that closes diagonally: its sheets are joined around both ends of the edge where it touches.
    from surgtwin.mesh.voxel_surface import voxel_surface

    padded = np.zeros((6, 6, 6), bool)
    padded[1:5, 1:5, 1:5] = True
    padded[2, 1, 1] = padded[2, 2, 2] = padded[3, 1, 2] = False
    padded[2, 3, 3] = padded[2, 2, 3] = False
    vertices, quads = voxel_surface(padded)
    triangles = np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]))
    vertices, triangles = part_coincident_edges(vertices, triangles, 1e-3)
    assert half_edges(triangles).is_closed()
