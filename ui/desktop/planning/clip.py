"""A surface divided where a value on its corners changes its sign. Numbers only: it may run on any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray


@dataclass(frozen=True, eq=False)
class Shape:
    """Triangles (M, 3) over corners (N, 3) in LPS mm; `data` (N, D) goes with the corners (normals, margins)."""

    vertices_mm: FloatArray
    triangles: NDArray[np.int64]
    data: FloatArray

    @property
    def is_empty(self) -> bool:
        return len(self.triangles) == 0

    @property
    def area_mm2(self) -> float:
        corners = self.vertices_mm[self.triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return float(np.linalg.norm(cross, axis=1).sum() / 2.0)


def clipped(shape: Shape, values: FloatArray) -> tuple[Shape, Shape]:
    """The parts where `values` (N,) are above zero and where they are not; crossing triangles are divided."""
    above = values > 0
    count = above[shape.triangles].sum(1)
    mixed = shape.triangles[(count == 1) | (count == 2)]
    corners, made = _crossings(shape, values, mixed, above)
    first, pair = made
    lone_is_above = above[corners[:, 0]]
    lone = np.stack((corners[:, 0], first, pair), 1)
    quad = np.concatenate(
        (np.stack((first, corners[:, 1], corners[:, 2]), 1), np.stack((first, corners[:, 2], pair), 1))
    )
    quad_is_above = np.concatenate((~lone_is_above, ~lone_is_above))
    whole = _with_crossings(shape, values, corners)
    over = np.concatenate((shape.triangles[count == 3], lone[lone_is_above], quad[quad_is_above]))
    under = np.concatenate((shape.triangles[count == 0], lone[~lone_is_above], quad[~quad_is_above]))
    return _compact(whole, over), _compact(whole, under)


def _crossings(
    shape: Shape, values: FloatArray, mixed: NDArray[np.int64], above: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Divided triangles turned so that their lone corner stands first, and the numbers of the two new corners."""
    state = above[mixed]
    lone_state = state.sum(1) == 1
    lone = np.argmax(state == lone_state[:, None], axis=1)
    rows = np.arange(len(mixed))
    corners = np.stack([mixed[rows, (lone + n) % 3] for n in range(3)], 1) if len(mixed) else mixed
    start = len(shape.vertices_mm)
    return corners, (start + rows, start + len(mixed) + rows)


def _with_crossings(shape: Shape, values: FloatArray, corners: NDArray[np.int64]) -> Shape:
    parts_v, parts_d = [shape.vertices_mm], [shape.data]
    for other in (1, 2):
        a, b = corners[:, 0], corners[:, other]
        share = (values[a] / (values[a] - values[b]))[:, None]
        parts_v.append(shape.vertices_mm[a] + share * (shape.vertices_mm[b] - shape.vertices_mm[a]))
        parts_d.append(shape.data[a] + share * (shape.data[b] - shape.data[a]))
    return Shape(np.concatenate(parts_v), shape.triangles, np.concatenate(parts_d))


def _compact(shape: Shape, triangles: NDArray[np.int64]) -> Shape:
    """Only the corners that the triangles use."""
    used = np.zeros(len(shape.vertices_mm), dtype=bool)
    used[triangles] = True
    number = np.cumsum(used) - 1
    return Shape(shape.vertices_mm[used], number[triangles], shape.data[used])


def vertex_normals(vertices_mm: FloatArray, triangles: NDArray[np.integer[Any]]) -> FloatArray:
    """(N, 3) unit normals of vertices, each triangle counted by its area."""
    a, b, c = (vertices_mm[triangles[:, n]] for n in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(faces[:, n], 3), minlength=len(vertices_mm)) for n in range(3)], 1
    )
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None])
