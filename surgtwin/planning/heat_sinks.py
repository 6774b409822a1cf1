"""Vessels beside a target that is to be ablated: their blood cools the tissue that the zone is meant to destroy."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.spatial import cKDTree

from ..domain.finding import Finding, Severity
from ..domain.geometry import Point3
from ..domain.labels import Structure
from ..domain.structure_rows import VESSELS
from ..domain.structure_table import match
from ..errors import PlanError
from ..simulation.ellipsoid import as_point
from .ablation import AblationResult
from .structure_roles import present
from .twin_geometry import TwinGeometry

COOLING_SOURCE = "vessels of more than 3 mm: Lu et al., AJR 178:47, 2002"
_CODES = frozenset(row.code.value for row in VESSELS)
_WORDS = ("vein", "artery", "vessel", "aorta")


@dataclass(frozen=True)
class HeatSink:
    """A vessel near a target: how far their surfaces are apart, negative where one lies in the other, and where."""

    vessel: str
    away_mm: float
    at_mm: Point3


def is_vessel(structure: Structure) -> bool:
    """A blood vessel by its code, or by its name where it has none of the table's."""
    row = match(structure.name) if structure.code is None else None
    code = structure.code.value if structure.code is not None else row.code.value if row is not None else ""
    return code in _CODES or any(word in structure.name.lower() for word in _WORDS)


def heat_sinks(geometry: TwinGeometry, target: str, within_mm: float) -> tuple[HeatSink, ...]:
    """The vessels that come nearer to a target than that, the nearest first; those without a surface are left out."""
    surface, found = geometry.surface(target), []
    tree = cKDTree(surface.mesh.vertices_mm)
    for structure in present(geometry.twin):
        if structure.name == target or not is_vessel(structure):
            continue
        try:
            points = geometry.surface(structure.name).mesh.vertices_mm
        except PlanError:
            continue  # one voxel or so: no surface, and no vessel that cools
        # A place on the target's surface is never farther from a vertex than its triangles are wide.
        near = points[tree.query(points, distance_upper_bound=2.0 * within_mm + 10.0)[0] < float("inf")]
        if not len(near):
            continue
        away = surface.at(near)
        least = int(away.argmin())
        if away[least] < within_mm:
            found.append(HeatSink(structure.name, float(away[least]), as_point(near[least])))
    return tuple(sorted(found, key=lambda sink: sink.away_mm))


def heat_sink_findings(geometry: TwinGeometry, result: AblationResult) -> list[Finding]:
    """One for each vessel that comes nearer to the target than the margin wanted around it."""
    return [_finding(result, sink) for sink in heat_sinks(geometry, result.target, result.wanted_mm)]


def _finding(result: AblationResult, sink: HeatSink) -> Finding:
    place = f"{sink.away_mm:.1f} mm from" if sink.away_mm > 0.0 else "in contact with"
    text = (
        f"'{sink.vessel}' runs {place} '{result.target}', within the {result.wanted_mm:g} mm that are to be ablated "
        f"around it: its blood cools them, which no figure here counts ({COOLING_SOURCE}). Plan a larger zone on that "
        f"side, or look whether the vessel can be closed for the time."
    )
    numbers = {"away_mm": sink.away_mm, "wanted_mm": result.wanted_mm}
    return Finding("heat-sink", Severity.WARNING, text, sink.at_mm, numbers, sink.vessel)
