"""A cut surface laid out flat: how far each place of it is from the targets, with the way back into the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.cut import BezierCut, CombinedCut, CutSurface, PlaneCut, ShellCut
from ..domain.geometry import FloatArray, Point3
from ..errors import PlanError
from .resection import CutOrgan
from .sheet import Sheet, patch_sheet, plane_sheet, shell_sheets
from .twin_geometry import TwinGeometry

STEP_MM = 1.0
MAX_CELLS = 300
"""Along each axis of a map; a larger one gets a wider step."""
PROBE_CELLS = (96, 384)
"""Along each axis, to find where the cut lies inside the organ; the finer ones if the others find nothing."""
ON_CUT_MM = 0.15
"""A part of a combined cut belongs to the whole where the whole's side is this near to zero."""


@dataclass(frozen=True, eq=False)
class TargetDistance:
    """Distances (U, V) in mm from a target's surface, negative where the cut runs inside it; NaN outside the organ."""

    target: str
    wanted_mm: float
    distance_mm: FloatArray


@dataclass(frozen=True, eq=False)
class Contour:
    """A line (N, 2) of (u, v) in mm along which the distance from a target is `level_mm`."""

    target: str
    level_mm: float
    line_mm: FloatArray


@dataclass(frozen=True, eq=False)
class UnfoldedMap:
    """One part of a cut surface, laid out flat as seen from the resected side.

    Parameters
    ----------
    name
        "plane", "patch", "shell around tumour", ...; of a combined cut with the part's number.
    u_mm, v_mm
        (U,) and (V,) places of the cells' middles: lengths along the surface, as nearly as it can be laid flat.
    points_mm
        (U, V, 3) LPS.
    inside
        (U, V) whether the cut lies inside the organ there; nothing else is of any meaning where it does not.
    area_mm2
        (U, V) of the surface that a cell stands for.
    stretch
        (U, V) area on the map over area in the patient: 1 where nothing is distorted.
    u_direction, v_direction
        LPS directions of u and v in the middle of what lies inside, for the letters at the map's edges.
    """

    name: str
    u_mm: FloatArray
    v_mm: FloatArray
    points_mm: FloatArray
    inside: NDArray[np.bool_]
    area_mm2: FloatArray
    stretch: FloatArray
    distances: tuple[TargetDistance, ...]
    u_direction: Point3
    v_direction: Point3

    @property
    def distortion(self) -> tuple[float, float]:
        """5th and 95th percentile of the stretch inside the organ."""
        low, high = np.percentile(self.stretch[self.inside], (5.0, 95.0))
        return float(low), float(high)

    @property
    def nearest_mm(self) -> FloatArray:
        """(U, V) the least distance of any target; NaN outside the organ. Infinite if there are no targets."""
        every = [d.distance_mm for d in self.distances]
        return np.minimum.reduce(every) if every else np.where(self.inside, np.inf, np.nan)

    def area_below_mm2(self, target: str, mm: float) -> float:
        """The cut surface that is nearer to a target than that."""
        distance = self.distance(target).distance_mm
        return float(self.area_mm2[self.inside & (distance < mm)].sum())

    def distance(self, target: str) -> TargetDistance:
        """Raises PlanError if the map was made without that target."""
        for d in self.distances:
            if d.target == target:
                return d
        raise PlanError(f"the map knows nothing of '{target}'; it was made for: {', '.join(self.targets)}.")

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(d.target for d in self.distances)

    def place(self, u_mm: float, v_mm: float) -> Point3 | None:
        """LPS of a place on the map, where a click flies to; None if the cut is not inside the organ there."""
        row, column = (_nearest_cell(axis, at) for axis, at in ((self.u_mm, u_mm), (self.v_mm, v_mm)))
        if row is None or column is None or not self.inside[row, column]:
            return None
        x, y, z = (float(c) for c in self.points_mm[row, column])
        return (x, y, z)

    def find(self, lps_mm: Point3) -> tuple[float, float]:
        """(u, v) of the place on the map inside the organ that is nearest to a point in the patient."""
        away = np.linalg.norm(self.points_mm - np.asarray(lps_mm), axis=2)
        row, column = np.unravel_index(int(np.where(self.inside, away, np.inf).argmin()), away.shape)
        return float(self.u_mm[row]), float(self.v_mm[column])

    def contours(self, target: str) -> tuple[Contour, ...]:
        """Lines where the cut touches the target (0) and where the wanted margin ends."""
        from skimage.measure import find_contours

        d = self.distance(target)
        filled = np.where(self.inside, d.distance_mm, 0.0)
        lines = []
        for level in dict.fromkeys((0.0, d.wanted_mm)):
            for line in find_contours(filled, level, mask=self.inside):
                u = np.interp(line[:, 0], np.arange(len(self.u_mm)), self.u_mm)
                v = np.interp(line[:, 1], np.arange(len(self.v_mm)), self.v_mm)
                lines.append(Contour(target, level, np.stack((u, v), 1)))
        return tuple(lines)


def unfold(geometry: TwinGeometry, cut: CutOrgan, step_mm: float = STEP_MM) -> tuple[UnfoldedMap, ...]:
    """Maps of a cut: one for each surface it is made of, a shell in several parts as several.

    A plane is laid out exactly. A patch is laid out by its own u and v, each stretched so that lengths along it are
    right on the average. A shell is laid out azimuthally around the middle of what lies inside the organ: true along
    every line from there, wider across the farther out. `stretch` says how far areas are off, cell by cell.

    Raises
    ------
    PlanError
        If a part of the cut can't be laid out (a territory's border), or a target has no surface.
    """
    parts = _parts(cut.resection.surface)
    maps = []
    for n, part in enumerate(parts):
        prefix = f"part {n + 1}: " if len(parts) > 1 else ""
        for sheet in _sheets(geometry, part, cut):
            laid = _lay_out(geometry, cut, sheet, prefix + sheet.name, step_mm)
            maps += [laid] if laid is not None else []
    return tuple(maps)


def _parts(surface: CutSurface) -> list[CutSurface]:
    if isinstance(surface, CombinedCut):
        return [p for part in surface.parts for p in _parts(part)]
    return [surface]


def _sheets(geometry: TwinGeometry, part: CutSurface, cut: CutOrgan) -> tuple[Sheet, ...]:
    """The surfaces that a part is, as functions of u and v."""
    tissue = cut.tissue
    if isinstance(part, PlaneCut):
        return (plane_sheet(part, tissue),)
    if isinstance(part, BezierCut):
        return (patch_sheet(part, tissue),)
    if isinstance(part, ShellCut):
        surfaces = {t: geometry.surface(t) for t in part.targets}
        tables = {t: geometry.distance_table(t, part.distance_mm) for t in part.targets}
        return shell_sheets(surfaces, tables, part.distance_mm, cut.split.surface.points_mm)
    raise PlanError("a border between territories can't be laid out flat; look at it in the 3D view.", "surface")


def _lay_out(geometry: TwinGeometry, cut: CutOrgan, sheet: Sheet, name: str, step_mm: float) -> UnfoldedMap | None:
    """A map of what of a sheet lies inside the organ and on the cut; None if nothing does."""
    used = _used(sheet, cut)
    if used is None:
        return None
    u, v = used
    # Lengths along the surface say where cells of equal length lie.
    u_mm, v_mm = sheet.lengths(u, v, _is_inside(sheet, u, v, cut))
    u_even, v_even = _even(u_mm, step_mm), _even(v_mm, step_mm)
    u, v = np.interp(u_even, u_mm, u), np.interp(v_even, v_mm, v)
    points, inside = sheet.points(u, v), _is_inside(sheet, u, v, cut)
    if not inside.any():
        return None
    along_u, along_v = np.gradient(points, u_even, axis=0), np.gradient(points, v_even, axis=1)
    true = np.linalg.norm(np.cross(along_u, along_v), axis=2)
    cell = (u_even[1] - u_even[0]) * (v_even[1] - v_even[0])
    middle = _middle(u_even, v_even, inside)
    return UnfoldedMap(
        name, u_even, v_even, points, inside, true * cell, 1.0 / np.maximum(true, 1e-9),
        _distances(geometry, cut, points, inside), _direction(along_u[middle]), _direction(along_v[middle]),
    )  # fmt: skip


def _used(sheet: Sheet, cut: CutOrgan) -> tuple[FloatArray, FloatArray] | None:
    """Parameters between which the cut lies inside the organ; None if it nowhere does."""
    for cells in PROBE_CELLS:
        u, v = np.linspace(*sheet.u_range, cells), np.linspace(*sheet.v_range, cells)
        inside = _is_inside(sheet, u, v, cut)
        if inside.any():
            return _fitted(u, np.asarray(inside.any(1))), _fitted(v, np.asarray(inside.any(0)))
    return None


def _is_inside(sheet: Sheet, u: FloatArray, v: FloatArray, cut: CutOrgan) -> NDArray[np.bool_]:
    """(U, V) whether places of a sheet lie in a voxel of the tissue and on the cut as a whole."""
    points = sheet.points(u, v).reshape(-1, 3)
    inside = cut.tissue.holds(points) & sheet.covers(u, v).ravel()
    if isinstance(cut.resection.surface, CombinedCut):
        inside[inside] = np.abs(cut.side.signed(points[inside])) <= ON_CUT_MM * cut.side.steepness
    return inside.reshape(len(u), len(v))


def _fitted(axis: FloatArray, used: NDArray[np.bool_]) -> FloatArray:
    """The stretch of an axis that is used, with one step more at either end, sampled as finely."""
    where = np.flatnonzero(used)
    first, last = max(int(where[0]) - 1, 0), min(int(where[-1]) + 1, len(axis) - 1)
    return np.linspace(axis[first], axis[last], len(axis))


def _even(lengths: FloatArray, step_mm: float) -> FloatArray:
    """Places of equal distance along an axis that begins at lengths[0]."""
    whole = float(lengths[-1] - lengths[0])
    count = int(np.clip(np.ceil(whole / step_mm), 2, MAX_CELLS))
    return np.asarray(lengths[0] + (np.arange(count) + 0.5) * whole / count)


def _middle(u_mm: FloatArray, v_mm: FloatArray, inside: NDArray[np.bool_]) -> tuple[int, int]:
    """The cell inside the organ that is nearest to the middle of all of them on the map."""
    u, v = np.meshgrid(u_mm, v_mm, indexing="ij")
    away = np.hypot(u - u[inside].mean(), v - v[inside].mean())
    row, column = np.unravel_index(int(np.where(inside, away, np.inf).argmin()), away.shape)
    return int(row), int(column)


def _direction(vector: FloatArray) -> Point3:
    x, y, z = (float(c) for c in vector / max(float(np.linalg.norm(vector)), 1e-12))
    return (x, y, z)


def _distances(
    geometry: TwinGeometry, cut: CutOrgan, points: FloatArray, inside: NDArray[np.bool_]
) -> tuple[TargetDistance, ...]:
    found = []
    for target in cut.resection.targets:
        distance = np.full(inside.shape, np.nan)
        distance[inside] = geometry.surface(target).at(points[inside])
        found.append(TargetDistance(target, cut.resection.margin_mm, distance))
    return tuple(found)


def _nearest_cell(axis: FloatArray, at: float) -> int | None:
    """The cell of an even axis that holds a place; None beyond its ends."""
    index = int(np.floor((at - axis[0]) / (axis[1] - axis[0]) + 0.5))
    return index if 0 <= index < len(axis) else None
