"""Plans to and from the versions that a twin keeps of them."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ..domain.cut import CombinedCut, CutSurface, ShellCut, TerritoryCut
from ..domain.plan import Plan
from ..domain.plan_shelf import PlanShelf
from ..domain.saved_plan import PlanVersion, SavedPlan
from ..domain.twin import Twin
from ..errors import PlanError
from ..store.writer import TwinWriter
from .plan_changes import PlanChange, plan_changes
from .plan_file import build_plan, parse_plan
from .plan_json import plan_as_json


def plan_text(plan: Plan) -> str:
    """The plan as canonical JSON, keys sorted, numbers in shortest form: equal plans give equal texts."""
    return json.dumps(plan_as_json(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def plan_of(version: PlanVersion) -> Plan:
    """The plan of a kept version, the very same that was saved. Raises PlanError if it is damaged or too new."""
    version.require_whole()
    return _plan_of(version.text)


@lru_cache(maxsize=32)
def _plan_of(text: str) -> Plan:
    """The plan of a text.

    One that gives the same text again holds nothing but what this program knows, so the slow check against the schema
    (seconds for a recorded path) is for the others: texts of older and of newer programs.
    """
    content = json.loads(text)
    with suppress(PlanError, KeyError, TypeError, ValueError):
        plan = build_plan(content)
        if plan_text(plan) == text:
            return plan
    return parse_plan(content)


def holds(version: PlanVersion, plan: Plan) -> bool:
    """Whether a kept version is that plan, also if an older program wrote it without fields that came later."""
    text = plan_text(plan)
    if version.damage or version.text == text:
        return not version.damage
    if _have_same_keys(json.loads(version.text), json.loads(text)):
        return False
    try:
        return plan_text(plan_of(version)) == text
    except PlanError:
        return False


def _have_same_keys(a: Any, b: Any) -> bool:
    """Whether two JSON values have the same fields wherever both have an object: then one program wrote both."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_have_same_keys(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return all(_have_same_keys(x, y) for x, y in zip(a, b, strict=False))
    return True


def with_plan(twin: Twin, plan: Plan, name: str, *, by: str, parent: int | None = None) -> Twin:
    """A twin in memory that keeps the plan; for one that is not on disk yet. Arguments as for `save_plan`."""
    return replace(twin, shelf=_saved(twin.shelf, plan, name, by, twin.revision.number, parent))


def save_plan(writer: TwinWriter, plan: Plan, name: str, *, by: str, parent: int | None = None) -> SavedPlan:
    """Keep a plan in a twin on disk, as a new version if it differs from the latest; answers what is kept then.

    Parameters
    ----------
    parent
        Number of the version that was edited; the latest if None.

    Raises
    ------
    PlanError
        If the name is empty, or another plan's but for small and capital letters.
    """

    def save(shelf: PlanShelf) -> PlanShelf:
        return _saved(shelf, plan, name, by, writer.twin.revision.number, parent)

    return writer.change_plans(save, by).shelf.plan(name)


def _saved(shelf: PlanShelf, plan: Plan, name: str, by: str, revision: int, parent: int | None) -> PlanShelf:
    kept = shelf.find(name)
    if kept is not None and holds(kept.latest, plan):
        return shelf
    text = plan_text(plan)
    return shelf.with_saved(name, text, by=by, utc=utc_now(), twin_revision=revision, parent=parent)


def version_changes(plan: SavedPlan, version: PlanVersion) -> tuple[PlanChange, ...]:
    """What was changed in a version against the one it was made from; nothing for the first."""
    if version.parent is None:
        return ()
    return plan_changes(plan_of(plan.version(version.parent)), plan_of(version))


def check_parts(plan: Plan, twin: Twin) -> list[PlanError]:
    """What of a plan names structures that the twin does not have, each with the path of its field."""
    known = {s.name for s in twin.structures}
    there_are = ", ".join(s.name for s in twin.structures)
    return [
        PlanError(f"there is no structure '{name}' in this twin; there are: {there_are}.", path)
        for path, name in _structures_named(plan)
        if name not in known
    ]


def _structures_named(plan: Plan) -> list[tuple[str, str]]:
    named: list[tuple[str, str]] = []
    for n, r in enumerate(plan.resections):
        named.append((f"resections[{n}].organ", r.organ))
        named += [(f"resections[{n}].includes[{m}]", name) for m, name in enumerate(r.includes)]
        named += [(f"resections[{n}].targets[{m}]", name) for m, name in enumerate(r.targets)]
        named += _named_by_surface(r.surface, f"resections[{n}].surface")
    for n, t in enumerate(plan.trajectories):
        named += [(f"trajectories[{n}].avoid[{m}].structure", a.structure) for m, a in enumerate(t.avoid)]
        named += [(f"trajectories[{n}].through[{m}]", name) for m, name in enumerate(t.through)]
        named += [(f"trajectories[{n}].inside[{m}].structure", i.structure) for m, i in enumerate(t.inside)]
    named += [(f"ablations[{n}].target", a.target) for n, a in enumerate(plan.ablations)]
    for n, p in enumerate(plan.tool_paths):
        named += [(f"tool_paths[{n}].avoid[{m}].structure", a.structure) for m, a in enumerate(p.avoid)]
    named += [(f"vessels[{n}].vessel", v.vessel) for n, v in enumerate(plan.vessels)]
    return named


def _named_by_surface(surface: CutSurface, path: str) -> list[tuple[str, str]]:
    if isinstance(surface, ShellCut):
        return [(f"{path}.targets[{m}]", name) for m, name in enumerate(surface.targets)]
    if isinstance(surface, TerritoryCut):
        return [(f"{path}.vessel", surface.vessel)]
    if isinstance(surface, CombinedCut):
        parts = (_named_by_surface(part, f"{path}.parts[{n}]") for n, part in enumerate(surface.parts))
        return [found for part in parts for found in part]
    return []


def utc_now() -> str:
    """The time as it is kept with versions and approvals: ISO 8601, microseconds, "Z"."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
