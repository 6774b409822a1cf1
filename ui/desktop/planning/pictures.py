"""A plan as shapes: each organ's parts, each cut's sheet inside it with its margin. Numbers only, for any thread."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from surgtwin.domain.cut import BezierCut, Combination, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.plan import Resection
from surgtwin.planning.bezier import evaluate_patch
from surgtwin.planning.cut_side import CombinedSide
from surgtwin.planning.split import CutSide
from surgtwin.planning.start_cut import patch_of_plane
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.twin_geometry import TwinGeometry

from ..views.light_meshes import light_mesh
from .clip import Shape, clipped, vertex_normals

LIGHT_TRIANGLES = 16_000
"""Of an organ that is divided anew while the hand moves."""
SHEET_STEP_MM, QUICK_STEP_MM = 2.0, 4.0
MAX_NODES = 140
"""Along one side of a cut's sheet."""
MAX_CELLS = 70
"""Along one side of the box in which a cut that is no patch is found."""
OPENING = 0.3
"""Of the cut's area: with less of the organ's own surface taken, the cut can hardly be seen from outside."""
NO_TARGET = np.inf


@dataclass(frozen=True, eq=False)
class InsideField:
    """How far within tissue a point lies, as a smooth number: 1 inside, 0 outside, 0.5 on its border."""

    tissue: Tissue
    low: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, tissue: Tissue) -> InsideField:
        low, high = tissue.ijk.min(0), tissue.ijk.max(0)
        values = np.zeros(tuple(high - low + 1), dtype=np.float32)
        i, j, k = (tissue.ijk - low).T
        values[i, j, k] = 1.0
        return cls(tissue, low, values)

    def at(self, points_mm: FloatArray) -> FloatArray:
        node = (self.tissue.grid.to_ijk(points_mm) - self.low).T
        return np.asarray(ndimage.map_coordinates(self.values, node, order=1, mode="grid-constant", cval=0.0))


@dataclass(frozen=True, eq=False)
class MarginField:
    """How far places are from the nearest of some targets: their surfaces' corners, and what lies inside them."""

    targets: tuple[tuple[cKDTree, InsideField], ...]

    def at(self, points_mm: FloatArray) -> FloatArray:
        """(N,) mm, negative inside a target; infinite if there is none."""
        nearest = np.full(len(points_mm), NO_TARGET)
        for tree, inside in self.targets:
            away = tree.query(points_mm)[0] if len(points_mm) else np.zeros(0)
            nearest = np.minimum(nearest, np.where(inside.at(points_mm) > 0.5, -away, away))
        return nearest


@dataclass(frozen=True, eq=False)
class OrganPicture:
    """An organ divided.

    Parameters
    ----------
    resected, remnant
        Parts of its own surface; `data` are its normals (N, 3).
    is_buried
        Whether what is taken lies so deep that the remnant hides the cut.
    """

    organ: str
    resected: Shape
    remnant: Shape
    is_buried: bool = False


@dataclass(frozen=True, eq=False)
class CutPicture:
    """A cut inside its organ.

    Parameters
    ----------
    sheet
        `data` (N, 1): distance in mm to the nearest target, negative inside it; infinite without targets.
    inside, margins
        To ask of any place whether it lies in the organ, and how far it is from the targets.
    """

    resection: Resection
    side: CutSide
    sheet: Shape
    inside: InsideField
    margins: MarginField


@dataclass(frozen=True, eq=False)
class PlanPicture:
    """Everything of a plan that is drawn."""

    organs: tuple[OrganPicture, ...] = ()
    cuts: tuple[CutPicture, ...] = ()


@dataclass(eq=False)
class PictureMaker:
    """Makes the shapes of plans on one twin; what is asked again is kept. One thread at a time."""

    geometry: TwinGeometry
    _fields: dict[tuple[str, ...], InsideField] = field(default_factory=dict)
    _shapes: dict[tuple[tuple[str, ...], bool], Shape] = field(default_factory=dict)
    _trees: dict[str, cKDTree] = field(default_factory=dict)

    def plan_picture(self, resections: tuple[Resection, ...], sides: tuple[CutSide, ...], quick: bool) -> PlanPicture:
        """All of a plan's cuts. `quick` makes coarser shapes."""
        cuts = tuple(self._cut(r, side, quick) for r, side in zip(resections, sides, strict=True))
        organs = tuple(
            self._organ(organ, tuple(c for c in cuts if c.resection.organ == organ), quick)
            for organ in dict.fromkeys(r.organ for r in resections)
        )
        return PlanPicture(organs, cuts)

    def margins(self, targets: tuple[str, ...]) -> MarginField:
        """How far places are from some targets."""
        return MarginField(tuple((self._tree(t), self.inside(self.geometry.tissue((t,)))) for t in targets))

    def prepare(self, tissue: Tissue) -> None:
        """What a first picture of an organ would wait for."""
        self.inside(tissue)
        self._shape(tissue, True)

    def inside(self, tissue: Tissue) -> InsideField:
        if tissue.names not in self._fields:
            self._fields[tissue.names] = InsideField.of(tissue)
        return self._fields[tissue.names]

    def _organ(self, organ: str, cuts: tuple[CutPicture, ...], quick: bool) -> OrganPicture:
        names = tuple(dict.fromkeys(n for c in cuts for n in self.geometry.organ_tissue(c.resection).names))
        shape = self._shape(self.geometry.tissue(names), quick)
        sides = tuple(c.side for c in cuts)
        side = sides[0] if len(sides) == 1 else CombinedSide(Combination.UNION, sides)
        resected, remnant = clipped(shape, side.signed(shape.vertices_mm))
        sheets_mm2 = sum(c.sheet.area_mm2 for c in cuts)
        return OrganPicture(organ, resected, remnant, resected.area_mm2 < OPENING * sheets_mm2)

    def _shape(self, tissue: Tissue, quick: bool) -> Shape:
        key = (tissue.names, quick)
        if key not in self._shapes:
            own = self.geometry.twin.mesh(tissue.names[0]) if len(tissue.names) == 1 else None
            mesh = own if own is not None else self.geometry.tissue_mesh(tissue)
            if quick and len(mesh.triangles) > LIGHT_TRIANGLES:
                mesh = light_mesh(mesh, LIGHT_TRIANGLES)
            self._shapes[key] = Shape(mesh.vertices_mm, mesh.triangles.astype(np.int64), corner_normals(mesh))
        return self._shapes[key]

    def _cut(self, resection: Resection, side: CutSide, quick: bool) -> CutPicture:
        inside = self.inside(self.geometry.organ_tissue(resection))
        margins = self.margins(resection.targets)
        return CutPicture(resection, side, self._sheet(resection, side, inside, margins, quick), inside, margins)

    def _sheet(
        self, resection: Resection, side: CutSide, inside: InsideField, margins: MarginField, quick: bool
    ) -> Shape:
        step = QUICK_STEP_MM if quick else SHEET_STEP_MM
        points, triangles = whole_sheet(resection.surface, side, inside.tissue, self._reach(resection.surface), step)
        bare = Shape(points, triangles, np.zeros((len(points), 0)))
        within, _ = clipped(bare, inside.at(points) - 0.5) if len(triangles) else (bare, bare)
        return Shape(within.vertices_mm, within.triangles, margins.at(within.vertices_mm)[:, None])

    def _reach(self, surface: CutSurface) -> tuple[FloatArray, FloatArray] | None:
        """The box that holds a shell; None for a cut that may reach anywhere in its organ."""
        if not isinstance(surface, ShellCut):
            return None
        corners = [self.geometry.surface(t).mesh.vertices_mm for t in surface.targets]
        room = surface.distance_mm + SHEET_STEP_MM
        return np.min([c.min(0) for c in corners], axis=0) - room, np.max([c.max(0) for c in corners], axis=0) + room

    def _tree(self, target: str) -> cKDTree:
        if target not in self._trees:
            self._trees[target] = cKDTree(self.geometry.surface(target).mesh.vertices_mm)
        return self._trees[target]


def whole_sheet(
    surface: CutSurface,
    side: CutSide,
    tissue: Tissue,
    reach_mm: tuple[FloatArray, FloatArray] | None,
    step_mm: float,
) -> tuple[FloatArray, NDArray[np.int64]]:
    """The cut itself, past the organ: corners (N, 3) LPS mm and triangles (M, 3)."""
    if isinstance(surface, PlaneCut):
        return _patch_sheet(patch_of_plane(surface, tissue).control_points_mm, 0.0, step_mm)
    if isinstance(surface, BezierCut):
        control = surface.control_points_mm
        low, high = tissue.bounds_mm
        edge = min(np.linalg.norm(control[3] - control[0], axis=1).min(),
                   np.linalg.norm(control[:, 3] - control[:, 0], axis=1).min())  # fmt: skip
        beyond = float(np.clip(np.linalg.norm(high - low) / max(float(edge), 1.0) - 1.0, 0.1, 4.0))
        return _patch_sheet(control, beyond, step_mm)
    return _level_sheet(side, reach_mm if reach_mm is not None else tissue.bounds_mm, step_mm)


def _patch_sheet(control: FloatArray, beyond: float, step_mm: float) -> tuple[FloatArray, NDArray[np.int64]]:
    """A patch and as much of its straight continuation, on a grid of parameters."""
    lengths = (
        float(np.linalg.norm(np.diff(control, axis=0), axis=2).sum(0).max()),
        float(np.linalg.norm(np.diff(control, axis=1), axis=2).sum(1).max()),
    )
    u, v = (
        np.linspace(-beyond, 1.0 + beyond, int(np.clip((1 + 2 * beyond) * length / step_mm, 8, MAX_NODES)))
        for length in lengths
    )
    points = evaluate_patch(control, u[:, None], v[None, :]).points_mm.reshape(-1, 3)
    return points, grid_triangles(len(u), len(v))


def grid_triangles(rows: int, columns: int) -> NDArray[np.int64]:
    """Triangles (M, 3) over a grid of corners numbered row by row."""
    number = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    return np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])


def _level_sheet(
    side: CutSide, reach_mm: tuple[FloatArray, FloatArray], step_mm: float
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Where the side changes its sign inside a box."""
    from skimage.measure import marching_cubes

    low, high = reach_mm
    step = max(step_mm, float((high - low).max()) / MAX_CELLS)
    axes = [np.arange(low[a], high[a] + step, step) for a in range(3)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    values = side.signed(nodes.reshape(-1, 3)).reshape(nodes.shape[:3])
    if not (values.min() < 0 < values.max()):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    corners, faces, _, _ = marching_cubes(values, 0.0)
    return low + corners.astype(np.float64) * step, faces.astype(np.int64)


def corner_normals(mesh: OrganMesh) -> FloatArray:
    """(N, 3) unit normals at the corners: the mean of their triangles', by area."""
    return vertex_normals(mesh.vertices_mm, mesh.triangles)
