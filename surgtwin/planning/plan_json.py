"""Plans back to JSON, as `plan_file` reads them: writing and reading gives the same plan."""

from __future__ import annotations

from typing import Any

from ..domain.cut import BezierCut, CombinedCut, CutSurface, PlaneCut, ShellCut
from ..domain.plan import PLAN_SCHEMA, Plan, Resection, ToolPath
from ..domain.tool import CapsuleTool, NeedleTool, Tool
from ..domain.trajectory import Ablation, Avoid, Trajectory
from ..domain.vessel_names import VesselNames

Json = dict[str, Any]


def plan_as_json(plan: Plan, name: str = "") -> Json:
    """The plan as JSON-able data of the published schema."""
    content: Json = {"schema": PLAN_SCHEMA}
    if name:
        content["name"] = name
    return content | {
        "patient": {
            "height_cm": plan.patient.height_cm,
            "weight_kg": plan.patient.weight_kg,
            "parenchyma": plan.patient.parenchyma.value,
        },
        "resections": [_resection(r) for r in plan.resections],
        "trajectories": [_trajectory(t) for t in plan.trajectories],
        "ablations": [_ablation(a) for a in plan.ablations],
        "tool_paths": [_tool_path(p) for p in plan.tool_paths],
        "vessels": [_vessel_names(v) for v in plan.vessels],
    }


def plan_file_as_json(plan: Plan, name: str, case_id: str, revision: int) -> Json:
    """The same, with the twin that the plan was made on: it is refused on another one."""
    content = plan_as_json(plan, name)
    return {"schema": content.pop("schema"), "twin": {"case_id": case_id, "revision": revision}} | content


def _resection(r: Resection) -> Json:
    return {
        "name": r.name,
        "organ": r.organ,
        "includes": list(r.includes),
        "targets": list(r.targets),
        "margin_mm": r.margin_mm,
        "surface": surface_as_json(r.surface),
    }


def surface_as_json(surface: CutSurface) -> Json:
    """The cut surface as JSON-able data."""
    if isinstance(surface, PlaneCut):
        return {"type": "plane", "point_mm": list(surface.point_mm), "normal": list(surface.normal)}
    if isinstance(surface, BezierCut):
        return {"type": "bezier", "control_points_mm": surface.control_points_mm.tolist(), "flip": surface.flip}
    if isinstance(surface, ShellCut):
        return {"type": "shell", "targets": list(surface.targets), "distance_mm": surface.distance_mm}
    if isinstance(surface, CombinedCut):
        parts = [surface_as_json(p) for p in surface.parts]
        return {"type": "combined", "combination": surface.combination.value, "parts": parts}
    return {
        "type": "territory",
        "vessel": surface.vessel,
        "branches": list(surface.branches),
        "method": surface.method.value,
    }


def _trajectory(t: Trajectory) -> Json:
    return {
        "name": t.name,
        "entry_mm": list(t.entry_mm),
        "target_mm": list(t.target_mm),
        "tool": tool_as_json(t.tool),
        "avoid": _avoid(t.avoid),
        "through": list(t.through),
        "inside": [{"structure": i.structure, "wall_mm": i.wall_mm} for i in t.inside],
        "max_skin_angle_deg": t.max_skin_angle_deg,
        "max_capsule_angle_deg": t.max_capsule_angle_deg,
        "min_bridge_mm": t.min_bridge_mm,
    }


def _avoid(limits: tuple[Avoid, ...]) -> list[Json]:
    return [{"structure": a.structure, "clearance_mm": a.clearance_mm} for a in limits]


def tool_as_json(tool: Tool) -> Json:
    """The instrument as JSON-able data."""
    if isinstance(tool, NeedleTool):
        return {"type": "needle", "radius_mm": tool.radius_mm, "length_mm": tool.length_mm}
    if isinstance(tool, CapsuleTool):
        capsules = [
            {"from_mm": list(c.from_mm), "to_mm": list(c.to_mm), "radius_mm": c.radius_mm} for c in tool.capsules
        ]
        return {"type": "capsules", "capsules": capsules}
    return {"type": "mesh", "vertices_mm": tool.vertices_mm.tolist(), "triangles": tool.triangles.tolist()}


def _ablation(a: Ablation) -> Json:
    return {
        "name": a.name,
        "target": a.target,
        "centre_mm": list(a.centre_mm),
        "axis": list(a.axis),
        "radii_mm": list(a.radii_mm),
        "axis_b": None if a.axis_b is None else list(a.axis_b),
    }


def _tool_path(p: ToolPath) -> Json:
    return {
        "name": p.name,
        "tool": tool_as_json(p.tool),
        "trocar_mm": None if p.trocar_mm is None else list(p.trocar_mm),
        "poses": [{"time_s": pose.time_s, "lps_from_tool": pose.lps_from_tool.tolist()} for pose in p.poses],
        "avoid": _avoid(p.avoid),
        "cuts": p.cuts,
    }


def _vessel_names(v: VesselNames) -> Json:
    return {
        "vessel": v.vessel,
        "root_mm": None if v.root_mm is None else list(v.root_mm),
        "branches": [{"name": b.name, "at_mm": list(b.at_mm), "begins": b.begins} for b in v.branches],
    }
