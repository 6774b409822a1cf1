"""What planning asks of a twin again and again, computed once for a revision."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from threading import RLock

from ..domain.cut import BezierCut, CombinedCut, CutSurface, PlaneCut, ShellCut, TerritoryCut
from ..domain.labels import Structure
from ..domain.mesh import OrganMesh
from ..domain.plan import Resection
from ..domain.structure_rows import ABNORMAL
from ..domain.twin import Twin
from ..domain.verdict import ErrorTerms
from ..domain.vessel_names import VesselNames
from ..errors import MeshError, PlanError
from ..mesh.extract import extract_meshes
from ..mesh.segment_distance import SegmentDistance
from ..mesh.surface_distance import SurfaceDistance, vertex_areas
from ..simulation.clearance import Depths, depths_of
from .cut_side import CombinedSide, PlaneSide, bezier_side
from .distance_table import DistanceTable, ShellSide, distance_table, upright_axes
from .organ_vessel import OrganVessel, vessel_in_organ
from .split import CutSide
from .territory_share import SharedTissue
from .territory_side import territory_side
from .tissue import Tissue, make_tissue, organ_members
from .tissue_mesh import mesh_of_tissue
from .vessel_graph import VesselGraph
from .vessel_naming import with_names
from .vessel_systems import members_of_vessel
from .vessel_tracing import trace_vessel

SEGMENTATION_ERROR_MM = 1.0
"""Standard error of a structure's border where no model states one."""

VesselKey = tuple[tuple[str, ...], tuple[str, ...], VesselNames | None]
"""Structures of a vessel, those of the organ's tissue, and the names that branches got."""


@dataclass(eq=False)
class TwinGeometry:
    """A twin, and caches of what was asked of it; may be shared by threads.

    Parameters
    ----------
    segmentation_mm
        Standard error of borders, mm, where no interval of the model says more.
    registration_mm
        Predicted error of a registration beside the one that made the twin's revision, which states its own.
    vessel_names
        What a plan calls the branches of vessels.
    """

    twin: Twin
    segmentation_mm: float = SEGMENTATION_ERROR_MM
    registration_mm: float = 0.0
    vessel_names: tuple[VesselNames, ...] = ()
    _tissues: dict[tuple[str, ...], Tissue] = field(default_factory=dict)
    _tissue_meshes: dict[tuple[str, ...], OrganMesh] = field(default_factory=dict)
    _surfaces: dict[str, SurfaceDistance] = field(default_factory=dict)
    _vessels: dict[VesselKey, OrganVessel] = field(default_factory=dict)
    _tables: dict[str, DistanceTable] = field(default_factory=dict)
    _segments: dict[str, SegmentDistance] = field(default_factory=dict)
    _depths: dict[str, Depths] = field(default_factory=dict)
    _shared: dict[tuple[OrganVessel, float], SharedTissue] = field(default_factory=dict)
    _unmeshed: dict[str, str] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def structure(self, name: str, path: str = "") -> Structure:
        """The structure of that name. Raises PlanError naming the field that asked and the structures there are."""
        for s in self.twin.structures:
            if s.name == name:
                return s
        there_are = ", ".join(s.name for s in self.twin.structures)
        raise PlanError(f"there is no structure '{name}' in this twin; there are: {there_are}.", path)

    def tissue(self, names: tuple[str, ...]) -> Tissue:
        """The union of structures as tissue."""
        key = tuple(sorted(set(names)))
        with self._lock:
            if key not in self._tissues:
                self._tissues[key] = make_tissue(self.twin.labels, key)
            return self._tissues[key]

    def organ_tissue(self, resection: Resection) -> Tissue:
        """What a resection counts as its organ: organ, parts, included structures and targets."""
        for field_name in ("includes", "targets"):
            for n, name in enumerate(getattr(resection, field_name)):
                self.structure(name, f"{field_name}[{n}]")
        self.structure(resection.organ, "organ")
        if resection.organ in resection.targets:
            at = f"targets[{resection.targets.index(resection.organ)}]"
            raise PlanError(f"'{resection.organ}' is the organ that is cut, so it can't be a target in it.", at)
        members = organ_members(self.twin.labels, resection.organ, (*resection.includes, *resection.targets))
        return self.tissue(members)

    def tumours(self, resection: Resection) -> tuple[str, ...]:
        """The resection's targets, and every member of its organ that the structure table calls abnormal."""
        return tuple(dict.fromkeys((*resection.targets, *self.abnormal(self.organ_tissue(resection).names))))

    def abnormal(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some structures that the structure table calls abnormal, in the twin's order."""
        codes = {s.name: s.code.value for s in self.twin.structures if s.code is not None}
        return tuple(s.name for s in self.twin.structures if s.name in names and codes.get(s.name) in ABNORMAL)

    def surface(self, name: str) -> SurfaceDistance:
        """The closed surface of a structure, to ask distances of.

        Raises
        ------
        PlanError
            If the structure has no voxels, or no surface could be made of them.
        """
        with self._lock:
            if name not in self._surfaces:
                self._surfaces[name] = SurfaceDistance(self._mesh(name))
            return self._surfaces[name]

    def measurable(self) -> tuple[Structure, ...]:
        """The structures that have voxels, and a surface to measure distances to."""
        unmeshed = self.without_surface()
        return tuple(s for s in self.twin.structures if self.twin.labels.voxels(s) and s.name not in unmeshed)

    def without_surface(self) -> dict[str, str]:
        """Why no surface could be made of a structure that has voxels, by its name; mostly empty."""
        with self._lock:
            for s in self.twin.structures:
                if s.name in self._surfaces or s.name in self._unmeshed or not self.twin.labels.voxels(s):
                    continue
                try:
                    self.surface(s.name)
                except PlanError as error:
                    self._unmeshed[s.name] = error.reason
            return dict(self._unmeshed)

    def require_surface(self, name: str, path: str) -> None:
        """Raises PlanError naming the field that asked, if distances to a structure can't be measured."""
        try:
            self.surface(name)
        except PlanError as error:
            raise PlanError(error.reason, path) from error

    def distance_table(self, name: str, distance_mm: float) -> DistanceTable:
        """Distances from a structure, at hand as far as that at least. Raises PlanError as `surface` does."""
        with self._lock:
            table = self._tables.get(name)
            if table is None or table.reach_mm < distance_mm + 1.0:
                axes = upright_axes(self.twin.labels.grid)
                table = self._tables[name] = distance_table(self.surface(name), distance_mm, axes)
            return table

    def segments(self, name: str) -> SegmentDistance:
        """The closed surface of a structure, to ask distances of whole segments of. Raises PlanError as `surface`."""
        with self._lock:
            if name not in self._segments:
                self._segments[name] = SegmentDistance(self._mesh(name))
            return self._segments[name]

    def depths(self, name: str) -> Depths:
        """How deep places lie inside a structure that has voxels, by its voxels."""
        with self._lock:
            if name not in self._depths:
                self._depths[name] = depths_of(self.twin.labels.mask(name), self.twin.labels.grid)
            return self._depths[name]

    def _mesh(self, name: str) -> OrganMesh:
        structure = self.structure(name)
        mesh = self.twin.mesh(name)
        if mesh is not None:
            return mesh
        if self.twin.labels.voxels(structure) == 0:
            raise PlanError(f"'{name}' was not found in this twin's image: it has no voxel.")
        try:
            return extract_meshes(self.twin.labels, names=(name,))[0]
        except MeshError as error:
            raise PlanError(f"no surface could be made of '{name}': {error}") from error

    def tissue_mesh(self, tissue: Tissue) -> OrganMesh:
        """One closed surface around tissue of several structures. Raises PlanError if none can be made."""
        with self._lock:
            if tissue.names not in self._tissue_meshes:
                self._tissue_meshes[tissue.names] = mesh_of_tissue(tissue)
            return self._tissue_meshes[tissue.names]

    def error_terms(self, structure: str = "") -> ErrorTerms:
        """Standard errors of a distance measured on this twin, from a structure's border if one is named."""
        voxel = math.hypot(*self.twin.labels.grid.spacing) / math.sqrt(12.0)
        carried = self.twin.registration
        registration = max(self.registration_mm, 0.0 if carried is None else carried.error_mm(structure))
        return ErrorTerms(voxel, self.border_error_mm(structure), registration)

    def border_error_mm(self, structure: str) -> float:
        """Standard error of a structure's border: the model's volume interval over its surface, else the setting.

        The wider side of the interval counts, as that of a normal distribution of its level. Spread evenly over the
        surface it says how far the border lies off on the whole, not how far it may stray at one place.
        """
        interval = self.twin.volume_interval(structure) if structure else None
        if interval is None:
            return self.segmentation_mm
        quantile = NormalDist().inv_cdf((1.0 + interval.level) / 2.0)
        wider_ml = max(interval.high_ml - interval.estimate_ml, interval.estimate_ml - interval.low_ml)
        area_mm2 = float(vertex_areas(self.surface(structure).mesh).sum())
        return 1000.0 * wider_ml / quantile / area_mm2

    def side(self, surface: CutSurface, tissue: Tissue) -> CutSide:
        """The side function of a cut, valid around the tissue. Raises PlanError naming the field at fault."""
        if isinstance(surface, PlaneCut):
            return PlaneSide(surface)
        if isinstance(surface, BezierCut):
            return bezier_side(surface, tissue.corners_mm)
        if isinstance(surface, ShellCut):
            for n, target in enumerate(surface.targets):
                self.structure(target, f"targets[{n}]")
            tables = tuple(self.distance_table(t, surface.distance_mm) for t in surface.targets)
            return ShellSide(surface.targets, tables, surface.distance_mm)
        if isinstance(surface, CombinedCut):
            return CombinedSide(surface.combination, self._parts(surface, tissue))
        if isinstance(surface, TerritoryCut):
            vessel = self.organ_vessel(surface.vessel, tissue, "vessel")
            return territory_side(surface, vessel, tissue, self.tissue(vessel.structures).mask())
        raise PlanError(f"cuts of the kind {type(surface).__name__} can't be judged.", "type")

    def organ_vessel(self, vessel: str, tissue: Tissue, path: str = "") -> OrganVessel:
        """The graph of a vessel, with what continues it, as the organ sees it.

        Raises
        ------
        PlanError
            Naming the field that asked: there is no such structure, it has no voxel, or none of it runs in the organ.
        """
        self.structure(vessel, path)
        members = members_of_vessel(self.twin.labels, tissue.names, vessel)
        key = (members, tissue.names, self._names_for(members))
        with self._lock:
            if key not in self._vessels:
                try:
                    self._vessels[key] = self._traced(members, tissue)
                except PlanError as error:
                    raise PlanError(error.reason, path) from error
            return self._vessels[key]

    def _names_for(self, members: tuple[str, ...]) -> VesselNames | None:
        return next((names for names in self.vessel_names if names.vessel in members), None)

    def _traced(self, members: tuple[str, ...], tissue: Tissue) -> OrganVessel:
        mask, names = self.tissue(members).mask(), self._names_for(members)
        if names is not None:
            graph = with_names(replace(self, vessel_names=()).organ_vessel(members[0], tissue).graph, names)
        else:
            graph = trace_vessel(mask, tissue.grid, " + ".join(members), tissue.mask())
        return vessel_in_organ(graph, members, tissue, mask)

    def with_vessel_names(self, names: tuple[VesselNames, ...]) -> TwinGeometry:
        """The same twin, its caches shared, with the branches of its vessels called what a plan calls them.

        Raises
        ------
        PlanError
            If a name is for a structure that is not in the twin.
        """
        for n, vessel in enumerate(names):
            self.structure(vessel.vessel, f"vessels[{n}].vessel")
        return replace(self, vessel_names=names)

    def use_graph(self, graph: VesselGraph, vessel: str, tissue: Tissue) -> None:
        """Let an edited graph of a vessel stand for the traced one wherever this organ's tissue is judged."""
        before = self.organ_vessel(vessel, tissue)
        mask = self.tissue(before.structures).mask()
        with self._lock:
            names = self._names_for(before.structures)
            self._vessels[before.structures, tissue.names, names] = vessel_in_organ(
                graph, before.structures, tissue, mask
            )

    def shared_tissue(self, vessel: OrganVessel, width_mm: float, make: Callable[[], SharedTissue]) -> SharedTissue:
        """How a vessel's branches share its organ out, made once; `width_mm` is that of the band called ambiguous."""
        with self._lock:
            for old in [key for key in self._shared if key[0] not in self._vessels.values()]:
                del self._shared[old]
            if (vessel, width_mm) not in self._shared:
                self._shared[vessel, width_mm] = make()
            return self._shared[vessel, width_mm]

    def _parts(self, surface: CombinedCut, tissue: Tissue) -> tuple[CutSide, ...]:
        sides = []
        for n, part in enumerate(surface.parts):
            try:
                sides.append(self.side(part, tissue))
            except PlanError as error:
                raise error.within(f"parts[{n}]") from error
        return tuple(sides)

    def with_registration(self, registration_mm: float) -> TwinGeometry:
        """The same twin, its caches shared, judged with another registration error."""
        return replace(self, registration_mm=registration_mm)
