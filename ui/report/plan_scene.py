"""A plan in 3D: remnant opaque, resected part translucent, the cut surface in the colours of its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from surgtwin.domain.cut import Combination
from surgtwin.domain.geometry import FloatArray, transform_points
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.trajectory import Ablation
from surgtwin.domain.verdict import COVERAGE_FACTOR, Verdict
from surgtwin.planning.cut_mesh import CutMeshes, SolidOrgan, divide
from surgtwin.planning.cut_side import CombinedSide
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.resection import CutOrgan
from surgtwin.planning.split import CutSide
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.report.shown import RESECTED_COLOUR, ZONE_COLOUR, holders, whole_structures
from surgtwin.simulation.ellipsoid import zone_of
from ui.render.appearance import Look, default_looks, is_bone, is_lung, is_outer
from ui.render.mesh_actor import apply_tissue_shading, mesh_actor, polydata, with_normals
from ui.render.palette import VERDICT_COLOURS
from ui.render.scene import new_renderer, tune_transparency

from .tool_shapes import instrument_shape, tip_trace, tool_meshes

RESECTED_OPACITY, GLASS_OPACITY, ZONE_OPACITY = 0.3, 0.3, 0.35
ZONE_DIVISIONS = 4
CUT_EDGE_MM = 1.2
"""Triangles of a cut surface are divided until no edge is longer, so that its colours and hatching show."""
HATCH_MM, HATCH_LINE_MM = 6.0, 1.8
HATCH_SHADE = 0.45
"""Distance, width and darkness of the lines on what is not safe: one way for unproven, both ways for violated."""
MAX_DIVISIONS = 12
CLOSED_SHARE = 0.3
"""A surface whose mean normal is shorter than this looks almost everywhere at once."""
CUT_SURROUNDINGS = 1.7
"""A picture of a cut shows this much more than the cut."""


@dataclass(eq=False)
class DividedOrgan:
    """An organ after all of a plan's cuts of it."""

    organ: str
    names: tuple[str, ...]
    targets: tuple[str, ...]
    meshes: CutMeshes


@dataclass(eq=False)
class PlanScene:
    """What of a plan is seen in 3D, made once and looked at from several sides. Everything in the twin's frame."""

    geometry: TwinGeometry
    evaluation: PlanEvaluation
    _cut_surfaces: dict[str, tuple[OrganMesh, NDArray[np.uint8]]] = field(default_factory=dict)

    @cached_property
    def twin_from_labels(self) -> FloatArray:
        twin = self.geometry.twin
        return twin.image(twin.labels_on).twin_from_image

    @cached_property
    def organs(self) -> tuple[DividedOrgan, ...]:
        """Each organ that is cut, after all its cuts."""
        by_organ = dict.fromkeys(c.resection.organ for c in self.evaluation.cuts)
        return tuple(self._divided([c for c in self.evaluation.cuts if c.resection.organ == o]) for o in by_organ)

    def _divided(self, cuts: Sequence[CutOrgan]) -> DividedOrgan:
        sides = tuple(c.side for c in cuts)
        side: CutSide = sides[0] if len(sides) == 1 else CombinedSide(Combination.UNION, sides)
        names = tuple(dict.fromkeys(n for c in cuts for n in c.tissue.names))
        targets = tuple(dict.fromkeys(t for c in cuts for t in c.resection.targets))
        organ = cuts[0].resection.organ
        colour = self.geometry.structure(organ).colour
        mesh = replace(self.geometry.tissue_mesh(self.geometry.tissue(names)), colour=colour)
        return DividedOrgan(organ, names, targets, divide(SolidOrgan.of(mesh), side, RESECTED_COLOUR))

    def renderer(self, *, without_resected: bool = False, is_glass: bool = False) -> vtkRenderer:
        """The plan's actors in a renderer of their own.

        Without what is resected the cut surface lies open; where it is closed, `is_glass` lets the remnant be seen
        through.
        """
        renderer = new_renderer()
        actors = [
            *self._organ_actors(without_resected, GLASS_OPACITY if is_glass else 1.0),
            *self._structure_actors(without_resected),
        ]
        for actor in (*actors, *self._zone_and_tool_actors()):
            renderer.AddActor(actor)
        tune_transparency(renderer)
        return renderer

    def points_of_interest(self) -> FloatArray:
        """(N, 3) LPS mm that every picture of the plan should hold."""
        parts = [m for o in self.organs for m in (o.meshes.resected, o.meshes.remnant) if m is not None]
        twin, plan = self.geometry.twin, self.evaluation.plan
        wanted = {*holders(twin, self.evaluation), *(a.target for a in plan.ablations)}
        wanted |= {r.place.organ for r in self.evaluation.trajectories}
        parts += [m for m in twin.meshes if m.name in wanted]
        points = [m.vertices_mm[:: max(1, len(m.vertices_mm) // 2000)] for m in parts]
        points += [zone_mesh(a).vertices_mm for a in plan.ablations]
        points += [np.array([t.entry_mm, t.target_mm]) for t in plan.trajectories]
        points += [tip_trace(r) for r in self.evaluation.tool_paths]
        points += [instrument_shape(r).starts_mm for r in self.evaluation.tool_paths]
        return transform_points(self.twin_from_labels, np.concatenate(points))

    def cut_points(self, entry: str) -> FloatArray:
        """(N, 3) LPS mm on a cut, and around it so that the organ is recognised."""
        points = self._cut(entry).split.surface.points_mm
        middle = points.mean(0)
        return transform_points(self.twin_from_labels, middle + (points - middle) * CUT_SURROUNDINGS)

    def cut_direction(self, entry: str) -> FloatArray:
        """(3,) unit vector from a cut towards what it takes, the mean over the surface."""
        points = self._cut(entry).split.surface
        mean = (points.normals * points.area_mm2[:, None]).sum(0)
        length = float(np.linalg.norm(mean))
        # A closed shell looks everywhere at once: it is seen from the front.
        direction = mean / length if length > 1e-3 * points.total_mm2 else np.array([0.0, -1.0, 0.0])
        return np.asarray(self.twin_from_labels[:3, :3] @ direction)

    def is_closed(self, entry: str) -> bool:
        """Whether a cut goes around what it takes, so that the remnant hides it from everywhere."""
        points = self._cut(entry).split.surface
        mean = np.linalg.norm((points.normals * points.area_mm2[:, None]).sum(0))
        return bool(mean < CLOSED_SHARE * points.total_mm2)

    def _cut(self, entry: str) -> CutOrgan:
        return next(c for c in self.evaluation.cuts if c.resection.name == entry)

    def _organ_actors(self, without_resected: bool, remnant_opacity: float) -> list[vtkActor]:
        actors = []
        for organ in self.organs:
            if organ.meshes.remnant is not None:
                actors.append(
                    self._actor(organ.meshes.remnant, Look(True, organ.meshes.remnant.colour, remnant_opacity))
                )
            if organ.meshes.resected is not None and not without_resected:
                look = Look(True, RESECTED_COLOUR, RESECTED_OPACITY)
                actors.append(self._actor(organ.meshes.resected, look))
            if organ.targets and len(organ.meshes.cut_triangles):
                actors.append(self._cut_actor(organ))
        return actors

    def _structure_actors(self, without_resected: bool) -> list[vtkActor]:
        twin = self.geometry.twin
        taken = {t for o in self.organs for t in o.targets} if without_resected else set()
        whole = set(whole_structures(twin, self.evaluation)) - taken
        glass = set(holders(twin, self.evaluation))
        looks = default_looks(twin.labels)
        wide = {s.name for s in twin.structures if is_outer(s) or is_bone(s) or is_lung(s)}
        opacity = dict.fromkeys(glass, GLASS_OPACITY) | {name: looks[name].opacity for name in wide}
        return [
            self._actor(mesh, Look(True, mesh.colour, opacity.get(mesh.name, 1.0)))
            for mesh in twin.meshes
            if mesh.name in whole | glass
        ]

    def _zone_and_tool_actors(self) -> list[vtkActor]:
        look = Look(True, ZONE_COLOUR, ZONE_OPACITY)
        zones = [self._actor(zone_mesh(a), look) for a in self.evaluation.plan.ablations]
        return zones + [self._actor(m, Look(True, m.colour)) for m in tool_meshes(self.evaluation)]

    def _actor(self, mesh: OrganMesh, look: Look) -> vtkActor:
        return mesh_actor(replace(mesh, vertices_mm=transform_points(self.twin_from_labels, mesh.vertices_mm)), look)

    def _cut_actor(self, organ: DividedOrgan) -> vtkActor:
        surface, colours = self._coloured_cut(organ)
        data = with_normals(polydata(surface))
        data.GetPointData().SetScalars(numpy_to_vtk(colours, deep=True))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        # The remnant's own cap lies at the same depth.
        mapper.SetResolveCoincidentTopologyToPolygonOffset()
        mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(-2.0, -2.0)
        actor = vtkActor()
        actor.SetMapper(mapper)
        apply_tissue_shading(actor.GetProperty())
        return actor

    def _coloured_cut(self, organ: DividedOrgan) -> tuple[OrganMesh, NDArray[np.uint8]]:
        """An organ's cut surface in the twin's frame with a colour (N, 3) for each vertex; made once."""
        if organ.organ not in self._cut_surfaces:
            vertices, triangles = refined(organ.meshes.cut_vertices_mm, organ.meshes.cut_triangles)
            surface = OrganMesh("cut", transform_points(self.twin_from_labels, vertices), triangles, RESECTED_COLOUR)
            self._cut_surfaces[organ.organ] = surface, self._margin_colours(organ, vertices)
        return self._cut_surfaces[organ.organ]

    def _margin_colours(self, organ: DividedOrgan, vertices_mm: FloatArray) -> NDArray[np.uint8]:
        wanted = {
            t: max(c.resection.margin_mm for c in self.evaluation.cuts if t in c.resection.targets)
            for t in organ.targets
        }
        rank = np.zeros(len(vertices_mm), dtype=np.int64)
        for target, needed in wanted.items():
            rank = np.maximum(rank, self.verdict_ranks(target, needed, vertices_mm))
        order = (Verdict.SAFE, Verdict.UNPROVEN, Verdict.VIOLATED)
        table = np.array([VERDICT_COLOURS[v] for v in order], dtype=np.float64)
        shade = np.where(hatched(vertices_mm, rank), HATCH_SHADE, 1.0)
        return np.ascontiguousarray((table[rank] * shade[:, None]).astype(np.uint8))

    def verdict_ranks(self, target: str, needed_mm: float, points_mm: FloatArray) -> NDArray[np.int64]:
        """(N,) 0 safe, 1 unproven, 2 violated, of places on a cut; inside the target they are as close as can be."""
        surface = self.geometry.surface(target)
        error = COVERAGE_FACTOR * self.geometry.error_terms(target).combined_mm
        low, high = surface.mesh.vertices_mm.min(0), surface.mesh.vertices_mm.max(0)
        # No place is nearer to the target than to the box around it: most are decided by that.
        from_box = np.linalg.norm(np.maximum(np.maximum(low - points_mm, points_mm - high), 0.0), axis=1)
        close = from_box < needed_mm + error
        distance = from_box
        distance[close] = surface.at(points_mm[close])
        return np.where(distance - error >= needed_mm, 0, np.where(distance + error < needed_mm, 2, 1))


def hatched(points_mm: FloatArray, rank: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) True on hatching lines: none at rank 0, slanting lines at 1, crossed ones at 2."""
    spread = points_mm - points_mm.mean(0)
    _, _, axes = np.linalg.svd(spread[:: max(1, len(spread) // 5000)], full_matrices=False)
    across, along = spread @ axes[0], spread @ axes[1]
    slanting = np.mod(across + along, HATCH_MM) < HATCH_LINE_MM
    crossing = np.mod(across - along, HATCH_MM) < HATCH_LINE_MM
    return np.asarray((rank > 0) & slanting | (rank > 1) & crossing)


def refined(vertices: FloatArray, triangles: NDArray[np.int32]) -> tuple[FloatArray, NDArray[np.int32]]:
    """A surface whose edges are no longer than `CUT_EDGE_MM` (or as short as `MAX_DIVISIONS` halvings make them)."""
    from trimesh.remesh import subdivide_to_size

    v, f = subdivide_to_size(vertices, triangles, CUT_EDGE_MM, max_iter=MAX_DIVISIONS)
    return np.asarray(v, dtype=np.float64), np.asarray(f, dtype=np.int32)


def zone_mesh(ablation: Ablation) -> OrganMesh:
    """The surface of a treated zone, LPS mm."""
    from trimesh.creation import icosphere

    ball, zone = icosphere(subdivisions=ZONE_DIVISIONS), zone_of(ablation)
    vertices = zone.centre_mm + (np.asarray(ball.vertices) * zone.radii_mm) @ zone.axes
    return OrganMesh(ablation.name, vertices, np.asarray(ball.faces, dtype=np.int32), ZONE_COLOUR)
