"""Edits of needles, treated zones and instruments' paths: each takes a plan and gives another one, for undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..domain.geometry import Point3
from ..domain.plan import Plan, ToolPath
from ..domain.tool import NeedleTool, Tool, ToolPose
from ..domain.trajectory import Ablation, Avoid, StayInside, Trajectory
from ..errors import PlanError
from .edits import edited

SAME_TIME_S = 1e-6
"""Key poses nearer in time than this are the same one."""


def with_entry_at(plan: Plan, trajectory: str, entry_mm: Point3) -> Plan:
    """The plan with a needle's entry at another place; its target stays."""
    return edited(plan, Trajectory, trajectory, lambda t: replace(t, entry_mm=entry_mm))


def with_target_at(plan: Plan, trajectory: str, target_mm: Point3) -> Plan:
    """The plan with a needle's target at another place; its entry stays."""
    return edited(plan, Trajectory, trajectory, lambda t: replace(t, target_mm=target_mm))


def shifted(plan: Plan, trajectory: str, by_mm: Point3) -> Plan:
    """The plan with a whole needle shifted parallel to itself."""
    return edited(
        plan,
        Trajectory,
        trajectory,
        lambda t: replace(t, entry_mm=_sum(t.entry_mm, by_mm), target_mm=_sum(t.target_mm, by_mm)),
    )


def advanced(plan: Plan, trajectory: str, by_mm: float) -> Plan:
    """The plan with a needle's target that far deeper on its own line; negative is less deep."""

    def advance(t: Trajectory) -> Trajectory:
        length = t.length_mm + by_mm
        if length <= 0:
            raise PlanError(
                f"pulled back {-by_mm:g} mm, the needle of {t.length_mm:.1f} mm would be outside.", "target_mm"
            )
        along = np.subtract(t.target_mm, t.entry_mm) / t.length_mm
        return replace(t, target_mm=_sum(t.entry_mm, along * length))

    return edited(plan, Trajectory, trajectory, advance)


def with_needle(plan: Plan, trajectory: str, needle: NeedleTool) -> Plan:
    """The plan with another needle on a trajectory."""
    return edited(plan, Trajectory, trajectory, lambda t: replace(t, tool=needle))


def with_clearance(plan: Plan, kind: type[Trajectory] | type[ToolPath], name: str, avoid: Avoid) -> Plan:
    """The plan with a structure to be kept clear of by a needle or an instrument; one named already gets the new mm."""
    if kind is Trajectory:
        return edited(plan, Trajectory, name, lambda t: replace(t, avoid=_with_limit(t.avoid, avoid)))
    return edited(plan, ToolPath, name, lambda p: replace(p, avoid=_with_limit(p.avoid, avoid)))


def without_clearance(plan: Plan, kind: type[Trajectory] | type[ToolPath], name: str, structure: str) -> Plan:
    """The plan with one structure fewer to be kept clear of. Raises PlanError if it was none of them."""
    if kind is Trajectory:
        return edited(plan, Trajectory, name, lambda t: replace(t, avoid=_without_limit(t.avoid, structure)))
    return edited(plan, ToolPath, name, lambda p: replace(p, avoid=_without_limit(p.avoid, structure)))


def with_way(plan: Plan, trajectory: str, through: tuple[str, ...], inside: tuple[StayInside, ...]) -> Plan:
    """The plan with other structures that a needle must cross, and stay inside of."""
    return edited(plan, Trajectory, trajectory, lambda t: replace(t, through=through, inside=inside))


def with_zone_at(plan: Plan, ablation: str, centre_mm: Point3) -> Plan:
    """The plan with a treated zone at another place."""
    return edited(plan, Ablation, ablation, lambda a: replace(a, centre_mm=centre_mm))


def with_zone_size(plan: Plan, ablation: str, radii_mm: tuple[float, float, float]) -> Plan:
    """The plan with other semi-axes for a treated zone."""
    return edited(plan, Ablation, ablation, lambda a: replace(a, radii_mm=radii_mm))


def with_zone_axes(plan: Plan, ablation: str, axis: Point3, axis_b: Point3 | None = None) -> Plan:
    """The plan with a treated zone turned."""
    return edited(plan, Ablation, ablation, lambda a: replace(a, axis=axis, axis_b=axis_b))


def with_zone_target(plan: Plan, ablation: str, target: str) -> Plan:
    """The plan with a zone that is to treat another structure."""
    return edited(plan, Ablation, ablation, lambda a: replace(a, target=target))


def with_pose(plan: Plan, path: str, pose: ToolPose) -> Plan:
    """The plan with a key pose added to a path in its place in time, or put in the place of the one at that time."""

    def add(p: ToolPath) -> ToolPath:
        others = [k for k in p.poses if abs(k.time_s - pose.time_s) > SAME_TIME_S]
        return replace(p, poses=tuple(sorted((*others, pose), key=lambda k: k.time_s)))

    return edited(plan, ToolPath, path, add)


def without_pose(plan: Plan, path: str, time_s: float) -> Plan:
    """The plan without a key pose of a path. Raises PlanError if there is none at that time, or it is the last one."""

    def remove(p: ToolPath) -> ToolPath:
        kept = tuple(k for k in p.poses if abs(k.time_s - time_s) > SAME_TIME_S)
        if len(kept) == len(p.poses):
            raise PlanError(f"there is no key pose at {time_s:g} s to remove.", "poses")
        return replace(p, poses=kept)

    return edited(plan, ToolPath, path, remove)


def with_poses(plan: Plan, path: str, poses: tuple[ToolPose, ...]) -> Plan:
    """The plan with a path recorded anew."""
    return edited(plan, ToolPath, path, lambda p: replace(p, poses=poses))


def with_trocar(plan: Plan, path: str, trocar_mm: Point3 | None) -> Plan:
    """The plan with a path through a trocar at another place, or free-hand (None)."""
    return edited(plan, ToolPath, path, lambda p: replace(p, trocar_mm=trocar_mm))


def with_instrument(plan: Plan, path: str, tool: Tool) -> Plan:
    """The plan with another instrument on a path."""
    return edited(plan, ToolPath, path, lambda p: replace(p, tool=tool))


def with_cutting(plan: Plan, path: str, cuts: bool) -> Plan:
    """The plan with an instrument that takes away what it passes through, or does not."""
    return edited(plan, ToolPath, path, lambda p: replace(p, cuts=cuts))


def stretched(plan: Plan, path: str, factor: float) -> Plan:
    """The plan with a path that takes `factor` times as long, from the same moment on."""
    if not 0.0 < factor < np.inf:
        raise PlanError(f"a path takes a multiple above 0 of its time; found {factor:g}.", "poses")

    def stretch(p: ToolPath) -> ToolPath:
        start = p.poses[0].time_s
        poses = tuple(replace(k, time_s=start + factor * (k.time_s - start)) for k in p.poses)
        return replace(p, poses=poses)

    return edited(plan, ToolPath, path, stretch)


def _with_limit(limits: tuple[Avoid, ...], limit: Avoid) -> tuple[Avoid, ...]:
    if any(a.structure == limit.structure for a in limits):
        return tuple(limit if a.structure == limit.structure else a for a in limits)
    return (*limits, limit)


def _without_limit(limits: tuple[Avoid, ...], structure: str) -> tuple[Avoid, ...]:
    kept = tuple(a for a in limits if a.structure != structure)
    if len(kept) == len(limits):
        raise PlanError(f"'{structure}' is not among the structures to be kept clear of.", "avoid")
    return kept


def _sum(point: Point3, by_mm: ArrayLike) -> Point3:
    x, y, z = (float(v) for v in np.add(point, by_mm))
    return (x, y, z)
