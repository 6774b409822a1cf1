"""Closed surfaces made manifold: sheets that touch along an edge or at a vertex are taken apart.

Where a closed surface touches itself, the faces around an edge (four or more) are paired so that each pair encloses
solid; voxels that meet only along an edge or a corner thereby belong to different sheets. Vertices are then shared only
by faces that follow each other around them. Copies of a vertex are drawn a hair into their own solid, so that a format
without vertex numbers (STL) cannot weld them again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import MeshError
from .topology import HalfEdges, IntArray, half_edges

Vertices = NDArray[np.float64]
Faces = NDArray[np.int32]

MAX_SUBDIVISIONS = 8
"""Rounds of halving coincident edges; each round settles at least one edge of every triangle concerned."""


def split_sheets(
    vertices: Vertices, faces: Faces, gap: float, suspects: NDArray[np.bool_] | None = None
) -> tuple[Vertices, Faces]:
    """The same surface with every vertex used by one ring of faces only.

    Parameters
    ----------
    vertices
        (N, 3), any unit.
    faces
        (M, n) of a closed, consistently wound surface.
    gap
        How far copies of a vertex are drawn into their own solid, in the vertices' unit.
    suspects
        (N,) True where sheets may touch; all vertices if None.

    Raises
    ------
    MeshError
        If the surface is open or wound inconsistently.
    """
    chosen = np.ones(len(vertices), dtype=bool) if suspects is None else suspects
    near = np.flatnonzero(chosen[faces].any(axis=1))
    if not len(near):
        return vertices, faces
    local = faces[near]
    ring_of_corner, owner = _rings(vertices, local, chosen)
    return _give_copies(vertices, faces, near, ring_of_corner, owner, chosen, gap)


def _rings(vertices: Vertices, faces: Faces, chosen: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """(corners of faces) the ring each belongs to, and the vertex of each ring."""
    one, other = _paired_half_edges(vertices, faces, chosen)
    following = np.arange(faces.size).reshape(faces.shape)
    head_corner = np.roll(following, -1, axis=1).ravel()
    rows = np.concatenate((one, head_corner[one]))
    columns = np.concatenate((head_corner[other], other))
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(faces.size, faces.size))
    count, ring = connected_components(links.tocsr(), directed=False)
    owner = np.zeros(count, dtype=np.int64)
    owner[ring] = faces.ravel()
    return np.asarray(ring, dtype=np.int64), owner


def _paired_half_edges(vertices: Vertices, faces: Faces, chosen: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Forward and backward half-edges that belong together, of the edges with a chosen end."""
    edges = half_edges(faces)
    size = np.diff(edges.start)
    tail = faces.ravel()
    head = np.roll(faces, -1, axis=1).ravel()
    touched = (chosen[tail] | chosen[head])[edges.order[edges.start[:-1]]]
    simple = edges.start[:-1][touched & (size == 2)]
    one, other = edges.order[simple], edges.order[simple + 1]
    many = np.flatnonzero(touched & (size != 2))
    if len(many):
        more_one, more_other = _pair_radially(vertices, faces, edges, many)
        one, other = np.concatenate((one, more_one)), np.concatenate((other, more_other))
    if not np.all(edges.is_forward[one] & ~edges.is_forward[other]):
        raise MeshError("The surface is wound inconsistently: two faces run the same way along an edge.")
    return one, other


def _pair_radially(vertices: Vertices, faces: Faces, edges: HalfEdges, many: IntArray) -> tuple[IntArray, IntArray]:
    """Pair the half-edges of edges with more than two faces: each pair encloses solid.

    Seen along the edge, solid lies counter-clockwise of a backward half-edge's face and clockwise of a forward one's:
    each forward face is paired with the backward one just before it.
    """
    size = np.diff(edges.start)[many]
    group = np.repeat(np.arange(len(many)), size)
    within = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    member = edges.order[edges.start[many][group] + within]
    forward = edges.is_forward[member]
    if np.any(np.bincount(group) != 2 * np.bincount(group, weights=forward)):
        raise MeshError("The surface is open or wound inconsistently at an edge of several faces.")
    by_angle = np.lexsort((_angle_around_edge(vertices, faces, member, forward), group))
    member, forward = member[by_angle], forward[by_angle]
    first = np.cumsum(size) - size
    before = np.where(within == 0, (first + size - 1)[group], np.arange(len(group)) - 1)
    alternates = np.bincount(group, weights=forward & forward[before]) == 0
    # Faces that lie on each other leave no order to go by; any pairing of the two directions then encloses no solid.
    rank = np.lexsort((forward, group))
    in_turn = np.empty(len(group), dtype=np.int64)
    half = (size // 2)[group]
    in_turn[rank] = rank[np.maximum(np.arange(len(group)) - half, 0)]
    partner = np.where(alternates[group], before, in_turn)
    picked = np.flatnonzero(forward)
    return member[picked], member[partner[picked]]


def _angle_around_edge(
    vertices: Vertices, faces: Faces, member: IntArray, forward: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Direction of each half-edge's face around its edge (looking from the lower to the higher vertex), radians."""
    n = faces.shape[1]
    face, corner = member // n, member % n
    tail = vertices[faces[face, corner]]
    head = vertices[faces[face, (corner + 1) % n]]
    third = vertices[faces[face, (corner + 2) % n]]
    low = np.where(forward[:, None], tail, head)
    axis = np.where(forward[:, None], head - tail, tail - head)
    axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), np.finfo(float).tiny)
    helper = np.eye(3)[np.argmin(np.abs(axis), axis=1)]
    x = np.cross(axis, helper)
    y = np.cross(axis, x)
    out = third - low
    # Half-edges of one edge share its axis, hence x and y. Rounding must not order two equal directions differently.
    angle = np.arctan2(np.einsum("ij,ij->i", out, y), np.einsum("ij,ij->i", out, x))
    return np.asarray(np.round(angle, 9))


def _give_copies(
    vertices: Vertices,
    faces: Faces,
    near: IntArray,
    ring: IntArray,
    owner: IntArray,
    chosen: NDArray[np.bool_],
    gap: float,
) -> tuple[Vertices, Faces]:
    """Give each ring beyond a chosen vertex's first a vertex of its own, all of them drawn inward."""
    real = chosen[owner]
    rings = np.flatnonzero(real)
    rings = rings[np.argsort(owner[rings], kind="stable")]
    is_first = np.concatenate(([True], owner[rings][1:] != owner[rings][:-1]))
    vertex_of_ring = owner.copy()
    extra = rings[~is_first]
    vertex_of_ring[extra] = len(vertices) + np.arange(len(extra))
    if not len(extra):
        return vertices, faces
    shared = np.bincount(owner[rings], minlength=len(vertices)) > 1
    moved = np.flatnonzero(real & shared[owner])
    normals = _ring_normals(vertices, faces[near], ring, len(owner))[moved]
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    inward = -normals / np.maximum(length, np.finfo(float).eps)
    out = np.concatenate((vertices, vertices[owner[extra]]))
    out[vertex_of_ring[moved]] = vertices[owner[moved]] + gap * inward
    new_faces = faces.copy()
    new_faces[near] = vertex_of_ring[ring].reshape(-1, faces.shape[1]).astype(np.int32)
    return out, new_faces


def _ring_normals(vertices: Vertices, faces: Faces, ring: IntArray, count: int) -> Vertices:
    """(count, 3) sum of the unit normals of the faces of each ring."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).tiny)
    per_corner = np.repeat(normal, faces.shape[1], axis=0)
    return np.stack([np.bincount(ring, weights=per_corner[:, x], minlength=count) for x in range(3)], axis=1)


def part_coincident_edges(
    vertices: Vertices, triangles: Faces, gap: float, before: Vertices | None = None
) -> tuple[Vertices, Faces]:
    """Halve edges that two pairs of triangles share by their end points only, so that each edge has two triangles.

    Such edges remain after `split_sheets` where a surface touches itself along an edge but its sheets are joined around
    both ends: the vertices cannot be split there, so each sheet gets a middle of its own, drawn inward by `gap`.

    Parameters
    ----------
    before
        (N, 3) where the vertices were when `split_sheets` paired the faces, if they have moved since: the pairs must be
        the same again, or vertices would be left with two rings.
    """
    place = vertices if before is None else before
    for _ in range(MAX_SUBDIVISIONS):
        edges = half_edges(triangles)
        many = np.flatnonzero(np.diff(edges.start) != 2)
        if not len(many):
            return vertices, triangles
        one, other = _first_per_triangle(*_pair_radially(place, triangles, edges, many))
        vertices, _ = _halve(vertices, triangles, one, other, gap)
        place, triangles = _halve(place, triangles, one, other, gap)
    raise MeshError("The surface touches itself along edges in a way that could not be taken apart.")


def _first_per_triangle(one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """The pairs whose triangles are in no earlier pair; the others wait for the next round."""
    keep: list[int] = []
    taken: set[int] = set()
    for n, pair in enumerate(zip((one // 3).tolist(), (other // 3).tolist(), strict=True)):
        if taken.isdisjoint(pair):
            keep.append(n)
            taken.update(pair)
    return one[keep], other[keep]


def _halve(vertices: Vertices, triangles: Faces, one: IntArray, other: IntArray, gap: float) -> tuple[Vertices, Faces]:
    """Put a middle of their own on each pair of half-edges."""
    both = np.stack((one, other), axis=1)
    face, corner = both // 3, both % 3
    a, b, c = (triangles[face, (corner + s) % 3] for s in range(3))
    normal = np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
    normal = (normal / np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), np.finfo(float).tiny)).sum(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).eps)
    middle = (vertices[a[:, 0]] + vertices[b[:, 0]]) / 2 - gap * normal
    number = np.repeat(len(vertices) + np.arange(len(one), dtype=np.int64), 2).reshape(-1, 2)
    first = np.stack((a, number, c), axis=2).reshape(-1, 3)
    second = np.stack((number, b, c), axis=2).reshape(-1, 3)
    rest = np.delete(triangles, face.ravel(), axis=0)
    return np.concatenate((vertices, middle)), np.concatenate((rest, first, second)).astype(np.int32)
