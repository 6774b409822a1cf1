"""Edits of a plan: each takes a plan and gives another one; the old one stays as it was, for undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ..domain.cut import BezierCut, CombinedCut, CutSurface, PlaneCut
from ..domain.geometry import FloatArray, Point3
from ..domain.plan import PatientFigures, Plan, Resection, ToolPath
from ..domain.trajectory import Ablation, Trajectory
from ..errors import PlanError

Entry = Resection | Trajectory | Ablation | ToolPath
FIELDS: dict[type[Any], str] = {
    Resection: "resections",
    Trajectory: "trajectories",
    Ablation: "ablations",
    ToolPath: "tool_paths",
}
"""Which list of a plan holds which kind of entry."""
WORDS: dict[type[Any], str] = {
    Resection: "resection",
    Trajectory: "trajectory",
    Ablation: "ablation",
    ToolPath: "tool path",
}
Kind = TypeVar("Kind", Resection, Trajectory, Ablation, ToolPath)


def entries(plan: Plan) -> tuple[Entry, ...]:
    """Everything in a plan, kind by kind."""
    return (*plan.resections, *plan.trajectories, *plan.ablations, *plan.tool_paths)


def with_entry(plan: Plan, entry: Entry) -> Plan:
    """The plan with an entry added, or put in the place of the one of its kind and name."""
    field = FIELDS[type(entry)]
    listed: tuple[Entry, ...] = getattr(plan, field)
    if any(e.name == entry.name for e in listed):
        return _with_list(plan, field, tuple(entry if e.name == entry.name else e for e in listed))
    return _with_list(plan, field, (*listed, entry))


def without_entry(plan: Plan, entry: Entry) -> Plan:
    """The plan without the entry of that kind and name. Raises PlanError if there is none."""
    field = FIELDS[type(entry)]
    listed: tuple[Entry, ...] = getattr(plan, field)
    kept = tuple(e for e in listed if e.name != entry.name)
    if len(kept) == len(listed):
        raise PlanError(f"there is no '{entry.name}' to remove.", field)
    return _with_list(plan, field, kept)


def renamed(plan: Plan, entry: Entry, name: str) -> Plan:
    """The plan with an entry under another name. Raises PlanError if the name is empty or taken."""
    field = FIELDS[type(entry)]
    listed: tuple[Entry, ...] = getattr(plan, field)
    return _with_list(plan, field, tuple(replace(e, name=name) if e.name == entry.name else e for e in listed))


def free_name(plan: Plan, kind: type[Any], stem: str) -> str:
    """`stem`, or the first that no entry of that kind has of `stem 2`, `stem 3`...; "Cut 1" is counted on: "Cut 2"."""
    taken = {e.name for e in getattr(plan, FIELDS[kind])}
    if stem not in taken:
        return stem
    words, _, number = stem.rpartition(" ")
    start, words = (int(number), words) if words and number.isdecimal() else (1, stem)
    numbered = (f"{words} {n}" for n in range(start + 1, start + len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def with_patient(plan: Plan, patient: PatientFigures) -> Plan:
    """The plan with other figures of the patient."""
    return replace(plan, patient=patient)


def with_margin(plan: Plan, resection: str, margin_mm: float) -> Plan:
    """The plan with another margin wanted of one of its cuts."""
    return edited(plan, Resection, resection, lambda r: replace(r, margin_mm=margin_mm))


def with_targets(plan: Plan, resection: str, targets: tuple[str, ...]) -> Plan:
    """The plan with other structures for one of its cuts to take out."""
    return edited(plan, Resection, resection, lambda r: replace(r, targets=targets))


def with_includes(plan: Plan, resection: str, includes: tuple[str, ...]) -> Plan:
    """The plan with other structures that count as the organ's tissue for one of its cuts."""
    return edited(plan, Resection, resection, lambda r: replace(r, includes=includes))


def with_surface(plan: Plan, resection: str, surface: CutSurface) -> Plan:
    """The plan with another surface for one of its cuts."""
    return edited(plan, Resection, resection, lambda r: replace(r, surface=surface))


def edited(plan: Plan, kind: type[Kind], name: str, change: Callable[[Kind], Kind]) -> Plan:
    """The plan with one entry changed.

    Raises
    ------
    PlanError
        If there is no entry of that kind and name, or `change` makes one that cannot be; then with the field's path.
    """
    field = FIELDS[kind]
    listed: tuple[Any, ...] = getattr(plan, field)
    names = [entry.name for entry in listed]
    if name not in names:
        raise PlanError(f"there is no {WORDS[kind]} '{name}' in the plan.", field)
    path = f"{field}[{names.index(name)}]"
    try:
        changed = tuple(change(entry) if entry.name == name else entry for entry in listed)
    except PlanError as error:
        raise error.within(path) from error
    return _with_list(plan, field, changed)


def moved(surface: CutSurface, by_mm: Point3) -> CutSurface:
    """A surface shifted. Raises PlanError for one that is tied to structures."""
    if isinstance(surface, PlaneCut):
        x, y, z = (float(v) for v in np.add(surface.point_mm, by_mm))
        return replace(surface, point_mm=(x, y, z))
    if isinstance(surface, BezierCut):
        return replace(surface, control_points_mm=surface.control_points_mm + np.asarray(by_mm))
    if isinstance(surface, CombinedCut):
        return replace(surface, parts=tuple(moved(p, by_mm) for p in surface.parts))
    raise PlanError("this cut follows its structures and can't be moved by hand; change its distance or branches.")


def flipped(surface: CutSurface) -> CutSurface:
    """A surface that resects the other side. Raises PlanError for one whose side is fixed."""
    if isinstance(surface, PlaneCut):
        x, y, z = surface.normal
        return replace(surface, normal=(-x, -y, -z))
    if isinstance(surface, BezierCut):
        return replace(surface, flip=not surface.flip)
    raise PlanError("this cut takes what lies inside it; it has no other side to take.")


def drag_handle(cut: BezierCut, handle: tuple[int, int], to_mm: Point3, falloff: float = 0.0) -> BezierCut:
    """A patch with one control point moved, and its neighbours with it by a Gaussian of the net's steps.

    Parameters
    ----------
    falloff
        Standard deviation in control points; 0 moves the one alone (Konrad-Verse 2004 lets a drag fall off).
    """
    points: FloatArray = np.array(cut.control_points_mm)
    by = np.asarray(to_mm, dtype=np.float64) - points[handle]
    if falloff <= 0:
        points[handle] += by
    else:
        u, v = np.indices((4, 4))
        away = (u - handle[0]) ** 2 + (v - handle[1]) ** 2
        points += np.exp(-away / (2.0 * falloff**2))[..., None] * by
    return replace(cut, control_points_mm=points)


def _with_list(plan: Plan, field: str, listed: tuple[Entry, ...]) -> Plan:
    changes: dict[str, Any] = {field: listed}
    return replace(plan, **changes)
