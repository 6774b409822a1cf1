"""Smoothing that removes the steps of voxels and keeps the volume, of every piece of a structure by itself.

Signal processing on the surface (Taubin 1995): coordinates are low-pass filtered along the surface. The filter is a
polynomial of the neighbours' mean, W, designed here by least squares: it passes slow changes exactly (gain 1, slope 0
at frequency 0, so that nothing shrinks), and damps the frequencies of voxel steps. It acts on voxel indices. As a mean
of neighbours commutes with any affine map, the result in millimetres is the same as filtering in millimetres, whatever
the spacing or obliquity; and a ratio of volumes is the same in both.

What volume the filter still changes is given back piece by piece along the normals. A low-pass filter would wipe out
parts of one or two voxels' thickness: there it acts only in part, so that the tips of a vessel tree stay.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..progress import SILENT, Progress
from .topology import pieces_in

Vertices = NDArray[np.float64]
Faces = NDArray[np.int32]

MAX_SHIFT = 1.0
"""Furthest that a vertex may move from its voxel corner along each axis, in voxels."""
THIN_STRENGTH = 0.3
"""Part of the smoothing where a structure is only one or two voxels thick."""
LEAST_VOLUME_LEFT = 0.8
"""A piece that would lose more of its volume than this leaves is smoothed less."""
STRENGTHS = (0.75, 0.5, 0.35, 0.2, 0.1, 0.0)
"""Parts of the full smoothing that are tried on such a piece, in turn."""
CHUNK = 16384
"""Quadrilaterals worked on at a time."""
SAME_CORNER = 0.1
"""Sheets that touch are drawn apart by far less than this; a vertex still belongs to its corner. In voxels."""
SAME_VOLUME = 1e-5
"""Relative error of a piece's volume that is left alone."""
VOLUME_ROUNDS = 4
"""Newton steps that restore the volume at most; each leaves about the square of the error."""
PASS_WEIGHT = 4.0
"""How much more an error in the pass band weighs than one in the stop band."""


@lru_cache(maxsize=16)
def low_pass(degree: int, pass_band: float) -> NDArray[np.float64]:
    """Chebyshev coefficients of p(w), w in [-1, 1] the eigenvalue of the neighbours' mean; frequency is 1 - w.

    p(1) = 1 and p'(1) = 0 exactly; near 1 up to `pass_band`, near 0 beyond three times that, by least squares.
    """
    theta = (np.arange(2000) + 0.5) * np.pi / 2000
    frequency = 1.0 - np.cos(theta)
    wanted = frequency < pass_band
    weight = np.where(wanted, PASS_WEIGHT, np.where(frequency > 3 * pass_band, 1.0, 0.0))
    basis = np.cos(np.outer(theta, np.arange(degree + 1)))
    gram = basis.T @ (basis * weight[:, None])
    goal = basis.T @ (wanted * weight)
    # T_n(1) = 1 and T_n'(1) = n^2: the two conditions at frequency 0.
    conditions = np.stack((np.ones(degree + 1), np.arange(degree + 1.0) ** 2))
    system = np.block([[gram, conditions.T], [conditions, np.zeros((2, 2))]])
    solution = np.linalg.solve(system, np.concatenate((goal, [1.0, 0.0])))
    return np.array(solution[: degree + 1])


def smooth(
    vertices: Vertices,
    quads: Faces,
    *,
    degree: int,
    pass_band: float,
    mean: csr_array | None = None,
    is_thin: NDArray[np.bool_] | None = None,
    progress: Progress = SILENT,
) -> Vertices:
    """Smoothed vertices (N, 3) of a voxel surface; both in voxel indices, the volume of each piece kept.

    Parameters
    ----------
    vertices, quads
        As `voxel_surface` gives them: quadrilaterals (M, 4), closed, outward.
    degree
        Applications of the neighbours' mean: how far along the surface smoothing reaches.
    pass_band
        Frequency up to which the shape is kept, 0..2; smaller is smoother.
    mean
        `neighbour_mean(quads, N)`, if it is at hand.
    is_thin
        (N,) where the structure is too thin for the filter (see `thin_vertices`).
    """
    mean = neighbour_mean(quads, len(vertices)) if mean is None else mean
    centre = vertices.mean(axis=0)
    raw = vertices - centre
    pieces = Pieces(quads, *pieces_in(mean))
    goal = pieces.volumes(raw)
    progress.check()
    shift = _filtered(mean, raw, low_pass(degree, pass_band), progress) - raw
    np.clip(shift, -MAX_SHIFT, MAX_SHIFT, out=shift)
    if is_thin is not None and is_thin.any():
        strength = np.where(is_thin, THIN_STRENGTH, 1.0)
        shift *= np.minimum(mean @ (mean @ strength), strength)[:, None]
    moved = _restore_volume(raw + _soften_small_pieces(raw, shift, pieces, goal), pieces, goal)
    return np.asarray(moved + centre)


def thin_vertices(padded: NDArray[np.bool_], vertices_ijk: Vertices) -> NDArray[np.bool_]:
    """(N,) True for vertices of a voxel surface with no voxel near that has all its six neighbours inside.

    Near means among the 6 x 6 x 6 voxels around the vertex: a branch three voxels thick has such voxels, a thinner one
    has none, and a bump of a voxel or two on something thick counts as part of that.

    Parameters
    ----------
    padded
        [k, j, i]; its two outermost layers of voxels must be False.
    """
    row, slab = padded.shape[2], padded.shape[1] * padded.shape[2]
    flat = padded.ravel()
    core = flat.copy()
    for step in (1, row, slab):
        core[step:] &= flat[:-step]
        core[:-step] &= flat[step:]
    if not core.any():
        return np.ones(len(vertices_ijk), dtype=bool)
    near = core.copy()
    for step in (1, row, slab):
        # Three steps up and two down along each axis: corner n lies between voxels n - 1 and n.
        for reach in (1, 2):
            wider = near.copy()
            wider[reach * step :] |= near[: -reach * step]
            near = wider
        wider = near.copy()
        wider[: -2 * step] |= near[2 * step :]
        near = wider
    i, j, k = np.floor(vertices_ijk + 0.5 + SAME_CORNER).astype(np.int64).T
    return np.asarray(~near[(k * padded.shape[1] + j) * row + i])


def neighbour_mean(quads: Faces, vertex_count: int) -> csr_array:
    """The matrix W: each row takes the mean of a vertex's neighbours along the edges of the quadrilaterals."""
    tail = quads.ravel()
    head = np.roll(quads, -1, axis=1).ravel()
    # A closed surface runs along every edge once in each direction, so tails and heads list each neighbour once.
    valence = np.bincount(tail, minlength=vertex_count)
    weights = (1.0 / np.maximum(valence, 1))[tail]
    return csr_array((weights, (tail, head)), shape=(vertex_count, vertex_count))


def _filtered(mean: csr_array, x: Vertices, coefficients: NDArray[np.float64], progress: Progress) -> Vertices:
    """p(W) x by the recurrence of Chebyshev polynomials."""
    before, now = x, mean @ x
    total = coefficients[0] * before + coefficients[1] * now
    for c in coefficients[2:]:
        progress.check()
        after = mean @ now
        after *= 2.0
        after -= before
        before, now = now, after
        total += c * now
    return np.asarray(total)


class Pieces:
    """The quadrilaterals (M, 4) of a surface, told apart by the connected piece they belong to."""

    def __init__(self, quads: Faces, count: int, piece_of_vertex: NDArray[np.int32]) -> None:
        self.quads = quads
        self.count = count
        self.piece_of_vertex = piece_of_vertex
        self._piece = piece_of_vertex[quads[:, 0]]

    def areas_and_heights(self, vertices: Vertices) -> tuple[Vertices, Vertices]:
        """(3, M) outward vectors as long as each quadrilateral's area, (M,) volume of the cone from it to the origin.

        Some thousands at a time, so that they stay in the cache.
        """
        area = np.empty((3, len(self.quads)))
        height = np.empty(len(self.quads))
        for begin in range(0, len(self.quads), CHUNK):
            part = slice(begin, begin + CHUNK)
            a, b, c, d = (np.take(vertices, column, axis=0) for column in self.quads[part].T)
            first, second, middle = (c - a).T, (d - b).T, (a + b + c + d).T
            height[part] = 0.0
            for x, y, z in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
                component = (first[y] * second[z] - first[z] * second[y]) * 0.5
                area[x, part] = component
                height[part] += component * middle[x]
        height /= 12.0
        return area, height

    def sums(self, per_quad: NDArray[np.float64]) -> NDArray[np.float64]:
        """(count,) sums of a value per quadrilateral over each piece."""
        if self.count == 1:
            return np.array([per_quad.sum()])
        return np.asarray(np.bincount(self._piece, weights=per_quad, minlength=self.count), dtype=np.float64)

    def volumes(self, vertices: Vertices) -> NDArray[np.float64]:
        """(count,) volume that each piece encloses, quadrilaterals taken as bilinear patches."""
        return self.sums(self.areas_and_heights(vertices)[1])

    def of_weak(self, weak: NDArray[np.bool_]) -> Pieces:
        """Only the quadrilaterals of the pieces marked in `weak`; pieces keep their numbers."""
        return Pieces(self.quads[weak[self._piece]], self.count, self.piece_of_vertex)


def _soften_small_pieces(raw: Vertices, shift: Vertices, pieces: Pieces, goal: NDArray[np.float64]) -> Vertices:
    """Reduce the shift of pieces that would lose too much of their volume to what they can bear."""
    # A ratio, as the volume of a cavity is negative.
    weak = pieces.volumes(raw + shift) / goal < LEAST_VOLUME_LEFT
    if not weak.any():
        return shift
    few = pieces.of_weak(weak)
    strength = np.ones(pieces.count)
    for factor in STRENGTHS:
        strength[weak] = factor
        weak &= few.volumes(raw + shift * strength[pieces.piece_of_vertex, None]) / goal < LEAST_VOLUME_LEFT
        if not weak.any():
            break
    return shift * strength[pieces.piece_of_vertex, None]


def _restore_volume(vertices: Vertices, pieces: Pieces, goal: NDArray[np.float64]) -> Vertices:
    """Move each piece along its normals until it holds its goal volume again."""
    tail = pieces.quads.ravel()
    for _ in range(VOLUME_ROUNDS):
        area, height = pieces.areas_and_heights(vertices)
        missing = goal - pieces.sums(height)
        if np.all(np.abs(missing) <= SAME_VOLUME * np.abs(goal)):
            break
        normal: Vertices = np.stack(
            [np.bincount(tail, np.repeat(area[x], 4), minlength=len(vertices)) for x in range(3)], axis=1
        )
        length = np.sqrt(np.einsum("ij,ij->i", normal, normal))
        normal /= np.maximum(length, np.finfo(float).tiny)[:, None]
        # A step along the normals gains the area seen along them: a quarter of each face's at each of its corners.
        gain = np.asarray(
            np.bincount(pieces.piece_of_vertex, weights=length / 4.0, minlength=pieces.count), dtype=float
        )
        normal *= (missing / np.maximum(gain, np.finfo(float).tiny))[pieces.piece_of_vertex, None]
        vertices = vertices + normal
    return vertices
