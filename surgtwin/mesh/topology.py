"""How the faces of a surface hang together: half-edges, twins, closedness, pieces.

Faces are (M, n) int arrays, n = 3 or 4, all wound the same way. Half-edge `h = f * n + c` runs from corner c of face f
to the next corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HalfEdges:
    """Half-edges sorted so that those on the same edge stand together.

    Parameters
    ----------
    order
        (H,) half-edge numbers, sorted by edge, forward ones (low to high vertex) first.
    start
        (E + 1,) where each edge's run begins in `order`.
    is_forward
        (H,) by half-edge number: it runs from the lower to the higher vertex number.
    """

    order: IntArray
    start: IntArray
    is_forward: NDArray[np.bool_]

    @property
    def edge_count(self) -> int:
        return len(self.start) - 1

    def is_closed(self) -> bool:
        """True if each edge has exactly two half-edges, one in each direction."""
        if len(self.order) != 2 * self.edge_count or not np.all(np.diff(self.start) == 2):
            return False
        return bool(np.all(self.is_forward[self.order[0::2]]) and not np.any(self.is_forward[self.order[1::2]]))

    def twins(self) -> IntArray:
        """(H,) the half-edge on the other side; only of a closed surface (see `is_closed`)."""
        twin = np.empty(len(self.order), dtype=np.int64)
        twin[self.order[0::2]] = self.order[1::2]
        twin[self.order[1::2]] = self.order[0::2]
        return twin


def half_edges(faces: NDArray[np.int32]) -> HalfEdges:
    """The half-edges of (M, n) faces, sorted by edge."""
    tail = faces.ravel().astype(np.int64)
    head = np.roll(faces, -1, axis=1).ravel().astype(np.int64)
    forward = tail < head
    edge = np.where(forward, (tail << 31) | head, (head << 31) | tail)
    order = np.argsort((edge << 1) | ~forward)
    in_order = edge[order]
    first = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
    return HalfEdges(order, np.append(first, len(order)), forward)


def has_single_umbrellas(faces: NDArray[np.int32], twins: IntArray, vertex_count: int) -> bool:
    """True if the faces around each vertex form one ring, so that no two sheets touch at a point.

    Walks around every vertex at once: the ring must be as long as the number of faces at the vertex.
    """
    corners = faces.shape[1]
    tail = faces.ravel()
    valence = np.bincount(tail, minlength=vertex_count)
    first = np.full(vertex_count, -1, dtype=np.int64)
    first[tail] = np.arange(tail.size)
    begin = first[valence > 0]
    left = valence[valence > 0] - 1
    here = begin
    while len(here):
        previous = np.where(here % corners == 0, here + corners - 1, here - 1)
        here = twins[previous]
        is_back = here == begin
        if np.any(is_back != (left == 0)):
            return False
        here, begin, left = here[~is_back], begin[~is_back], left[~is_back] - 1
    return True


def pieces_of(faces: NDArray[np.int32], vertex_count: int) -> tuple[int, NDArray[np.int32]]:
    """Number of connected pieces of a closed surface, and (vertex_count,) the piece of each vertex."""
    tail = faces.ravel()
    head = np.roll(faces, -1, axis=1).ravel()
    return pieces_in(csr_array((np.ones(tail.size), (tail, head)), shape=(vertex_count, vertex_count)))


def pieces_in(neighbours: csr_array) -> tuple[int, NDArray[np.int32]]:
    """The same from the matrix that links each vertex with its neighbours."""
    # Links go both ways, so strongly connected is connected, and takes no transposed copy.
    count, piece = connected_components(neighbours, connection="strong")
    return int(count), np.asarray(piece, dtype=np.int32)
