"""What of a twin is shown in the pictures of a plan, and in which colour."""

from __future__ import annotations

from ..domain.labels import Colour
from ..domain.structure_table import match
from ..domain.twin import Twin
from ..planning.evaluation import PlanEvaluation
from .document import Legend

RESECTED_COLOUR: Colour = (224, 82, 82)
ZONE_COLOUR: Colour = (255, 170, 60)
TOOL_COLOUR: Colour = (235, 235, 240)
VESSEL_WORDS = ("vein", "vena", "artery", "aorta", "vessel", "duct")
"""Structures that are shown beside an organ: what a cut or a needle must know of."""


def cut_organs(evaluation: PlanEvaluation) -> tuple[str, ...]:
    """The organs that the plan cuts."""
    return tuple(dict.fromkeys(c.resection.organ for c in evaluation.cuts))


def whole_structures(twin: Twin, evaluation: PlanEvaluation) -> tuple[str, ...]:
    """Structures that are drawn as themselves: what belongs to a cut organ, targets, what to avoid, and vessels."""
    plan, cut = evaluation.plan, cut_organs(evaluation)
    wanted = {n for c in evaluation.cuts for n in c.tissue.names}
    wanted |= {a.target for a in plan.ablations}
    wanted |= {a.structure for path in plan.tool_paths for a in path.avoid}
    for needle in plan.trajectories:
        wanted |= {a.structure for a in needle.avoid}
        wanted |= {*needle.through, *(i.structure for i in needle.inside)}
    return tuple(
        s.name for s in twin.structures
        if s.name not in cut and twin.labels.voxels(s) and (s.name in wanted or _is_vessel(s.name))
    )  # fmt: skip


def holders(twin: Twin, evaluation: PlanEvaluation) -> tuple[str, ...]:
    """Organs that hold a target and are not cut: drawn as glass."""
    shown = {*whole_structures(twin, evaluation), *cut_organs(evaluation)}
    wholes = {s.part_of for s in twin.structures if s.name in shown}
    return tuple(s.name for s in twin.structures if s.name in wholes - shown and twin.labels.voxels(s))


def scene_legend(twin: Twin, evaluation: PlanEvaluation) -> Legend:
    """The colours of a plan's 3D pictures."""
    colours = {s.name: s.colour for s in twin.structures}
    items = [(colours[organ], f"{organ}, remnant") for organ in cut_organs(evaluation)]
    if evaluation.cuts:
        items.append((RESECTED_COLOUR, "resected"))
    items += [(colours[name], name) for name in (*holders(twin, evaluation), *whole_structures(twin, evaluation))]
    if evaluation.plan.ablations:
        items.append((ZONE_COLOUR, "treated zone"))
    if evaluation.plan.trajectories or evaluation.plan.tool_paths:
        items.append((TOOL_COLOUR, "instrument"))
    return Legend(tuple(items))


def _is_vessel(name: str) -> bool:
    row = match(name)
    known = row.name if row is not None else name.lower()
    return any(word in known for word in VESSEL_WORDS)
