"""`surgtwin plan show`: what a kept plan holds, or the plan file it is."""

from __future__ import annotations

import argparse

from surgtwin.domain.cut import CombinedCut, CutSurface
from surgtwin.domain.plan import Plan
from surgtwin.planning.plan_json import plan_as_json, surface_as_json
from surgtwin.store.plans import load_plans

from .console import say, table, write_json
from .plan_list import minute
from .plan_source import kept_plan


def run(options: argparse.Namespace) -> int:
    twin = load_plans(options.twin)
    chosen = kept_plan(twin, options.name, options.version)
    if options.json:
        write_json(plan_as_json(chosen.plan, chosen.name))
        return 0
    version = twin.shelf.plan(options.name).version(options.version)
    say(f"{twin.case_id}  plan {chosen.title}")
    say(f"saved by {version.by} on {minute(version.utc)}, on revision {version.twin_revision}")
    say(f"contents {version.sha256}")
    rows = _rows(chosen.plan)
    say("\n" + table(rows, ("part", "name", "")) if rows else "The plan holds nothing yet.")
    return 0


def _rows(plan: Plan) -> list[list[str]]:
    rows = [
        ["resection", r.name, f"{r.organ} by a {_surface(r.surface)}{_of(r.targets, r.margin_mm)}"]
        for r in plan.resections
    ]
    rows += [["trajectory", t.name, f"{t.length_mm:.1f} mm, needle {t.tool.radius_mm:g} mm"] for t in plan.trajectories]
    rows += [
        ["ablation", a.name, f"{a.target}, semi-axes {' x '.join(f'{r:g}' for r in a.radii_mm)} mm"]
        for a in plan.ablations
    ]
    rows += [
        ["tool path", p.name, f"{len(p.poses)} poses{'' if p.trocar_mm is None else ' through a trocar'}"]
        for p in plan.tool_paths
    ]
    return rows


def _surface(surface: CutSurface) -> str:
    kind = str(surface_as_json(surface)["type"])
    return f"{surface.combination.value} of {len(surface.parts)} cuts" if isinstance(surface, CombinedCut) else kind


def _of(targets: tuple[str, ...], margin_mm: float) -> str:
    return f", {margin_mm:g} mm from {', '.join(targets)}" if targets else ""
