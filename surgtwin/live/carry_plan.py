"""A plan carried along by a motion: every point it names goes where its place went."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..domain.cut import BezierCut, CombinedCut, CutSurface, PlaneCut
from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray, Point3, unit
from ..domain.plan import Plan, Resection, ToolPath
from ..domain.tool import ToolPose
from ..domain.trajectory import Ablation, Trajectory

PROBE_MM = 5.0
"""How far around a place its turn and stretch are looked at."""


def carry_plan(plan: Plan, field: DisplacementField) -> Plan:
    """The same plan on the moved patient.

    Points move with their places; planes and axes turn with the tissue around them. An instrument's path is stiff: it
    is moved as a whole, as its tips and its port move on average. Shells and territories follow their structures.
    """
    return replace(
        plan,
        resections=tuple(_resection(r, field) for r in plan.resections),
        trajectories=tuple(_trajectory(t, field) for t in plan.trajectories),
        ablations=tuple(_ablation(a, field) for a in plan.ablations),
        tool_paths=tuple(_tool_path(p, field) for p in plan.tool_paths),
    )


def _point(point: Point3, field: DisplacementField) -> Point3:
    x, y, z = (float(v) for v in field.moved(point))
    return (x, y, z)


def stretch_at(point: Point3, field: DisplacementField) -> FloatArray:
    """(3, 3): how small vectors at a place are turned and stretched."""
    steps = PROBE_MM * np.eye(3)
    ahead, behind = (field.moved(np.asarray(point) + sign * steps) for sign in (1, -1))
    return np.asarray(((ahead - behind) / (2 * PROBE_MM)).T)


def _direction(vector: FloatArray) -> Point3:
    x, y, z = (float(v) for v in unit(vector))
    return (x, y, z)


def _resection(resection: Resection, field: DisplacementField) -> Resection:
    return replace(resection, surface=_surface(resection.surface, field))


def _surface(surface: CutSurface, field: DisplacementField) -> CutSurface:
    if isinstance(surface, PlaneCut):
        # A normal is turned by the inverse transpose: it stays square to the tissue that lay in the plane.
        normal = np.linalg.solve(stretch_at(surface.point_mm, field).T, np.asarray(surface.normal))
        return PlaneCut(_point(surface.point_mm, field), _direction(normal))
    if isinstance(surface, BezierCut):
        return replace(surface, control_points_mm=field.moved(surface.control_points_mm))
    if isinstance(surface, CombinedCut):
        return replace(surface, parts=tuple(_surface(part, field) for part in surface.parts))
    return surface


def _trajectory(trajectory: Trajectory, field: DisplacementField) -> Trajectory:
    entry, target = (_point(end, field) for end in (trajectory.entry_mm, trajectory.target_mm))
    return replace(trajectory, entry_mm=entry, target_mm=target)


def _ablation(ablation: Ablation, field: DisplacementField) -> Ablation:
    stretch = stretch_at(ablation.centre_mm, field)
    axis = np.asarray(unit(stretch @ np.asarray(ablation.axis)))
    second = None
    if ablation.axis_b is not None:
        turned = stretch @ np.asarray(ablation.axis_b)
        second = _direction(turned - (turned @ axis) * axis)
    return replace(ablation, centre_mm=_point(ablation.centre_mm, field), axis=_direction(axis), axis_b=second)


def _tool_path(path: ToolPath, field: DisplacementField) -> ToolPath:
    tips = np.array([pose.tip_mm for pose in path.poses])
    places = tips if path.trocar_mm is None else np.vstack([tips, path.trocar_mm])
    shift = field.at(places).mean(axis=0)
    poses = []
    for pose in path.poses:
        matrix = np.array(pose.lps_from_tool)
        matrix[:3, 3] += shift
        poses.append(ToolPose(pose.time_s, matrix))
    x, y, z = (float(v) for v in (np.zeros(3) if path.trocar_mm is None else np.asarray(path.trocar_mm) + shift))
    return replace(path, poses=tuple(poses), trocar_mm=None if path.trocar_mm is None else (x, y, z))
