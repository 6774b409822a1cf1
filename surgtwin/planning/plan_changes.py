"""What was changed between two plans, in a surgeon's words: names for undo, and the story of a plan's versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..domain.cut import BezierCut, CombinedCut, CutSurface, PlaneCut, ShellCut
from ..domain.geometry import Point3
from ..domain.plan import Plan, Resection, ToolPath
from ..domain.trajectory import Ablation, Avoid, Trajectory
from .edits import FIELDS, WORDS, Entry
from .same_plan import is_same

LEAST_MM = 0.05
"""What moved less is told as changed, without a figure that would read 0.0 mm."""


@dataclass(frozen=True)
class PlanChange:
    """One change.

    Parameters
    ----------
    edit
        As a command, for undo and redo: "Move entry of needle 1".
    text
        As a report: "entry of needle 1 moved 3.2 mm".
    """

    edit: str
    text: str


def plan_changes(before: Plan, after: Plan) -> tuple[PlanChange, ...]:
    """Every change that leads from one plan to the other, kind by kind; empty if they are the same."""
    found = _patient(before, after)
    for kind, field in FIELDS.items():
        found += _entries(kind, getattr(before, field), getattr(after, field))
    return (*found, *_vessels(before, after))


def edit_name(before: Plan, after: Plan) -> str:
    """What undo shall be called: the one change, or the first and how many more; empty if nothing changed."""
    changes = plan_changes(before, after)
    if len(changes) < 2:
        return changes[0].edit if changes else ""
    return f"{changes[0].edit} and {len(changes) - 1} more"


def _patient(before: Plan, after: Plan) -> list[PlanChange]:
    changes = []
    for field, words, unit in (
        ("height_cm", "height", " cm"),
        ("weight_kg", "weight", " kg"),
        ("parenchyma", "liver tissue", ""),
    ):
        old, new = getattr(before.patient, field), getattr(after.patient, field)
        if old != new:
            changes.append(
                PlanChange(f"Change the patient's {words}", f"{words} {_value(old, unit)} to {_value(new, unit)}")
            )
    return changes


def _vessels(before: Plan, after: Plan) -> list[PlanChange]:
    old, new = ({v.vessel: v for v in plan.vessels} for plan in (before, after))
    return [
        PlanChange(f"Change branches of {vessel}", f"names or root of the branches of {vessel} changed")
        for vessel in dict.fromkeys((*old, *new))
        if not is_same(old.get(vessel), new.get(vessel))
    ]


def _entries(kind: type[Any], before: tuple[Entry, ...], after: tuple[Entry, ...]) -> list[PlanChange]:
    word = WORDS[kind]
    old, new = {e.name: e for e in before}, {e.name: e for e in after}
    gone, come = [e for e in before if e.name not in new], [e for e in after if e.name not in old]
    renamed = {g.name: c for g in gone for c in come if _is_same_but_name(g, c)}
    taken = {c.name for c in renamed.values()}
    changes = [PlanChange(f"Rename {word} {g}", f"{word} {g} renamed to {c.name}") for g, c in renamed.items()]
    changes += [
        PlanChange(f"Remove {word} {g.name}", f"{word} {g.name} removed") for g in gone if g.name not in renamed
    ]
    changes += [PlanChange(f"Add {word} {c.name}", f"{word} {c.name} added") for c in come if c.name not in taken]
    for name, entry in new.items():
        if name in old and not is_same(old[name], entry):
            changes += _DESCRIBE[kind](old[name], entry)
    kept = [e.name for e in after if e.name in old]
    if not changes and kept != [e.name for e in before]:
        changes.append(PlanChange(f"Reorder {word} list", f"order of {word} list changed"))
    return changes


def _is_same_but_name(a: Entry, b: Entry) -> bool:
    return type(a) is type(b) and all(
        is_same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.name != "name"
    )


def _resection(a: Resection, b: Resection) -> list[PlanChange]:
    changes = [] if is_same(a.surface, b.surface) else [_surface(a.surface, b.surface, b.name)]
    if a.margin_mm != b.margin_mm:
        changes.append(_figure(f"margin of {b.name}", a.margin_mm, b.margin_mm, " mm"))
    for field, words in (("organ", "organ"), ("targets", "targets"), ("includes", "included tissue")):
        if getattr(a, field) != getattr(b, field):
            changes.append(_listed(f"{words} of {b.name}", getattr(a, field), getattr(b, field)))
    return changes


def _surface(a: CutSurface, b: CutSurface, name: str) -> PlanChange:
    if isinstance(a, PlaneCut) and isinstance(b, PlaneCut):
        return _plane(a, b, name)
    if isinstance(a, BezierCut) and isinstance(b, BezierCut):
        if is_same(a.control_points_mm, b.control_points_mm):
            return PlanChange(f"Flip {name}", f"{name} takes the other side")
        far = float(np.linalg.norm(a.control_points_mm - b.control_points_mm, axis=-1).max())
        return PlanChange(f"Bend {name}", f"{name} bent{_by(far)}")
    if isinstance(a, ShellCut) and isinstance(b, ShellCut) and a.targets == b.targets:
        return _figure(f"distance of {name}", a.distance_mm, b.distance_mm, " mm")
    if type(a) is not type(b):
        return PlanChange(f"Change kind of cut {name}", f"{name} is {_kind(b)} now, was {_kind(a)}")
    return PlanChange(f"Change cut {name}", f"cut {name} changed")


def _plane(a: PlaneCut, b: PlaneCut, name: str) -> PlanChange:
    if is_same(tuple(-v for v in a.normal), b.normal) and a.point_mm == b.point_mm:
        return PlanChange(f"Flip {name}", f"{name} takes the other side")
    angle = float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a.normal, b.normal)), np.dot(a.normal, b.normal))))
    moved = float(np.linalg.norm(np.subtract(b.point_mm, a.point_mm)))
    if a.normal == b.normal:
        return PlanChange(f"Move {name}", f"{name} moved{_by(moved)}")
    also = f" and moved{_by(moved)}" if moved >= LEAST_MM else ""
    return PlanChange(f"Turn {name}", f"{name} turned {angle:.1f}\N{DEGREE SIGN}{also}")


def _trajectory(a: Trajectory, b: Trajectory) -> list[PlanChange]:
    changes = []
    by_entry, by_target = np.subtract(b.entry_mm, a.entry_mm), np.subtract(b.target_mm, a.target_mm)
    if a.entry_mm != b.entry_mm and a.target_mm != b.target_mm and np.allclose(by_entry, by_target, atol=LEAST_MM):
        changes.append(PlanChange(f"Shift {b.name}", f"{b.name} shifted{_by(float(np.linalg.norm(by_entry)))}"))
    else:
        changes += _moved(f"entry of {b.name}", a.entry_mm, b.entry_mm)
        changes += _moved(f"target of {b.name}", a.target_mm, b.target_mm)
    for field, words in (("radius_mm", "radius"), ("length_mm", "length")):
        old, new = getattr(a.tool, field), getattr(b.tool, field)
        if old != new:
            changes.append(_figure(f"needle {words} of {b.name}", old, new, " mm"))
    changes += _limits(b.name, a.avoid, b.avoid)
    if (a.through, a.inside) != (b.through, b.inside):
        changes.append(PlanChange(f"Change way of {b.name}", f"what {b.name} must cross or stay inside of changed"))
    for field, words, unit in (
        ("max_skin_angle_deg", "angle to the skin", "\N{DEGREE SIGN}"),
        ("max_capsule_angle_deg", "angle to the capsule", "\N{DEGREE SIGN}"),
        ("min_bridge_mm", "tissue before the target", " mm"),
    ):
        old, new = getattr(a, field), getattr(b, field)
        if old != new:
            changes.append(_figure(f"limit of {words} of {b.name}", old, new, unit))
    return changes


def _ablation(a: Ablation, b: Ablation) -> list[PlanChange]:
    changes = [] if a.target == b.target else [_listed(f"target of {b.name}", a.target, b.target)]
    changes += _moved(b.name, a.centre_mm, b.centre_mm)
    if (a.axis, a.axis_b) != (b.axis, b.axis_b):
        changes.append(PlanChange(f"Turn {b.name}", f"{b.name} turned"))
    if a.radii_mm != b.radii_mm:
        old, new = (" x ".join(f"{r:g}" for r in radii) for radii in (a.radii_mm, b.radii_mm))
        changes.append(PlanChange(f"Change size of {b.name}", f"semi-axes of {b.name} {old} mm to {new} mm"))
    return changes


def _tool_path(a: ToolPath, b: ToolPath) -> list[PlanChange]:
    changes = []
    if not is_same(a.tool, b.tool):
        changes.append(PlanChange(f"Change instrument of {b.name}", f"instrument of {b.name} changed"))
    if not is_same(a.poses, b.poses):
        changes.append(_poses(a, b))
    if a.trocar_mm is None or b.trocar_mm is None:
        if a.trocar_mm != b.trocar_mm:
            text = f"{b.name} free-hand now" if b.trocar_mm is None else f"{b.name} through a trocar now"
            changes.append(PlanChange(f"Change trocar of {b.name}", text))
    else:
        changes += _moved(f"trocar of {b.name}", a.trocar_mm, b.trocar_mm)
    changes += _limits(b.name, a.avoid, b.avoid)
    if a.cuts is not b.cuts:
        changes.append(
            PlanChange(f"Change {b.name}", f"{b.name} {'takes' if b.cuts else 'no longer takes'} tissue away")
        )
    return changes


def _poses(a: ToolPath, b: ToolPath) -> PlanChange:
    more = len(b.poses) - len(a.poses)
    if more == 0:
        moved = sum(not is_same(x, y) for x, y in zip(a.poses, b.poses, strict=True))
        return PlanChange(f"Move {b.name}", f"{moved} of {len(b.poses)} poses of {b.name} moved")
    if abs(more) == 1:
        done = ("Add", "added to") if more > 0 else ("Remove", "removed from")
        return PlanChange(f"{done[0]} pose of {b.name}", f"a pose {done[1]} {b.name}")
    return PlanChange(f"Record {b.name}", f"{b.name} has {len(b.poses)} poses, had {len(a.poses)}")


def _limits(name: str, before: tuple[Avoid, ...], after: tuple[Avoid, ...]) -> list[PlanChange]:
    old, new = ({a.structure: a.clearance_mm for a in limits} for limits in (before, after))
    return [
        _figure(f"clearance of {name} to {structure}", old.get(structure), new.get(structure), " mm")
        for structure in dict.fromkeys((*old, *new))
        if old.get(structure) != new.get(structure)
    ]


def _moved(what: str, a: Point3, b: Point3) -> list[PlanChange]:
    if a == b:
        return []
    return [PlanChange(f"Move {what}", f"{what} moved{_by(float(np.linalg.norm(np.subtract(b, a))))}")]


def _figure(what: str, old: float | None, new: float | None, unit: str) -> PlanChange:
    return PlanChange(f"Change {what}", f"{what} {_value(old, unit)} to {_value(new, unit)}")


def _listed(what: str, old: str | tuple[str, ...], new: str | tuple[str, ...]) -> PlanChange:
    before, after = (x if isinstance(x, str) else ", ".join(x) or "none" for x in (old, new))
    return PlanChange(f"Change {what}", f"{what}: {after}, was {before}")


def _value(value: object, unit: str) -> str:
    if value is None:
        return "not set"
    return f"{value:g}{unit}" if isinstance(value, float | int) else f"{value}{unit}"


def _by(mm: float) -> str:
    return f" {mm:.1f} mm" if mm >= LEAST_MM else " a little"


def _kind(surface: CutSurface) -> str:
    if isinstance(surface, CombinedCut):
        return "a combination"
    words = {PlaneCut: "a plane", BezierCut: "a bent patch", ShellCut: "a shell"}
    return words.get(type(surface), "a territory")


_DESCRIBE: dict[type[Any], Callable[[Any, Any], list[PlanChange]]] = {
    Resection: _resection,
    Trajectory: _trajectory,
    Ablation: _ablation,
    ToolPath: _tool_path,
}
"""What changed in an entry of each kind; a further kind is one function and one row here."""
