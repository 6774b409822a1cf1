"""The figures of a tool path for the screen: nearly, while the hand moves, and exactly. It may run on any thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.plan import Plan, ToolPath
from surgtwin.domain.tool import Tool, ToolPose
from surgtwin.domain.trajectory import strictest
from surgtwin.domain.verdict import Verdict, judge, worst
from surgtwin.planning.path_trocar import TrocarCourse
from surgtwin.planning.port_pairs import PathPorts, port_pairs
from surgtwin.planning.structure_roles import is_wrapping, present
from surgtwin.planning.tool_path import NearestPass, ToolPathResult
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress
from surgtwin.simulation.clearance import Clearance, clearance_over_time
from surgtwin.simulation.ellipsoid import as_point
from surgtwin.simulation.instrument import Instrument, instrument_of
from surgtwin.simulation.motion import Motion, fill_in
from surgtwin.simulation.timeline import Moment, Timeline, make_timeline

from .path_build import pivot_of

QUICK_STEP_MM, QUICK_POSES = 8.0, 24
"""While the hand moves: poses this far apart, and about so many at most beside the key poses."""


@dataclass(frozen=True, eq=False)
class PathFigures:
    """What is known of one path.

    Parameters
    ----------
    nearest
        The nearest pass of every structure, nearest first.
    reason, time_s, at_mm
        Of the verdict: why, when and where; None where nothing is broken.
    exact
        The whole result; None in a preview, which looks at fewer poses and sweeps nothing.
    """

    path: ToolPath
    timeline: Timeline
    nearest: tuple[NearestPass, ...]
    verdict: Verdict
    reason: str = ""
    time_s: float | None = None
    at_mm: Point3 | None = None
    exact: ToolPathResult | None = None

    @property
    def judged(self) -> tuple[NearestPass, ...]:
        """Those that are to be kept clear, the least room beyond that first."""
        kept = [p for p in self.nearest if p.needed_mm is not None]
        return tuple(sorted(kept, key=lambda p: p.min_mm - (p.needed_mm or 0.0)))

    @property
    def trocar(self) -> TrocarCourse | None:
        return self.exact.trocar if self.exact is not None else None

    @property
    def is_free(self) -> frozenset[str]:
        """Structures that may be touched."""
        return frozenset(p.structure for p in self.nearest if p.needed_mm is None)


def figures_of_result(result: ToolPathResult) -> PathFigures:
    judged = result.judgement
    return PathFigures(
        result.path, result.timeline, result.nearest, judged.verdict, judged.reason, judged.time_s, judged.at_mm, result
    )


def pairs_of(results: tuple[ToolPathResult, ...], name: str) -> tuple[PathPorts, ...]:
    """How a path's port stands to those of others, the best first."""
    return tuple(p for p in port_pairs(results) if name in p.paths)


@lru_cache(maxsize=16)
def known_instrument(tool: Tool) -> Instrument:
    """The capsules of a tool, sought once: those of a mesh take a moment. Raises PlanError as `instrument_of`."""
    return instrument_of(tool)


class QuickPaths:
    """Nearly the figures of a plan's paths; those of paths that did not change are known already."""

    def __init__(self, geometry: TwinGeometry) -> None:
        self._geometry = geometry
        self._known: dict[ToolPath, PathFigures] = {}

    def of(self, plan: Plan, progress: Progress) -> dict[str, PathFigures]:
        now = {}
        for path in plan.tool_paths:
            progress.check()
            now[path] = self._known.get(path) or quick_path(self._geometry, path, progress)
        self._known = now
        return {path.name: figures for path, figures in now.items()}


def quick_path(geometry: TwinGeometry, path: ToolPath, progress: Progress) -> PathFigures:
    """The figures of the whole path from few of its poses.

    Raises
    ------
    PlanError
        If it names a structure that the twin does not have, or its tool can't be simulated.
    """
    needed = needed_of(geometry, path)
    instrument = known_instrument(path.tool)
    motion = coarse_motion(path, instrument)
    clearances = clearances_of(geometry, instrument, motion, progress)
    nearest = tuple(sorted((_pass(geometry, c, motion, needed) for c in clearances), key=lambda p: p.min_mm))
    judged = sorted((p for p in nearest if p.verdict is not None), key=lambda p: p.min_mm - (p.needed_mm or 0.0))
    overall = worst(tuple(p.verdict for p in judged if p.verdict is not None)) if judged else Verdict.SAFE
    first = next((p for p in judged if p.verdict is overall), None) if overall is not Verdict.SAFE else None
    timeline = make_timeline(motion, clearances)
    if first is None:
        return PathFigures(path, timeline, nearest, overall)
    reason = f"{first.structure}: {first.reason}"
    return PathFigures(path, timeline, nearest, overall, reason, first.time_s, first.at_mm)


def needed_of(geometry: TwinGeometry, path: ToolPath) -> dict[str, float]:
    """Structure -> clearance to keep; where the path names none, all may not be touched but what wraps the body."""
    for n, avoid in enumerate(path.avoid):
        geometry.structure(avoid.structure, f"avoid[{n}].structure")
    if path.avoid:
        return strictest(path.avoid)
    return {s.name: 0.0 for s in present(geometry.twin) if not is_wrapping(s)}


def coarse_motion(path: ToolPath, instrument: Instrument) -> Motion:
    """Key poses and few between them."""
    pivot = pivot_of(path, instrument)
    motion = fill_in(path.poses, instrument, QUICK_STEP_MM, pivot)
    while len(motion) > QUICK_POSES + len(path.poses):
        motion = fill_in(path.poses, instrument, motion.step_mm * 1.5, pivot)
    return motion


def clearances_of(
    geometry: TwinGeometry, instrument: Instrument, motion: Motion, progress: Progress
) -> tuple[Clearance, ...]:
    """Of every structure that has voxels but the body and what else wraps it: the hand shall not wait for those."""
    found = []
    for s in present(geometry.twin):
        if is_wrapping(s):
            continue
        progress.check()
        surface, depths = geometry.segments(s.name), partial(geometry.depths, s.name)
        found.append(clearance_over_time(s.name, surface, depths, instrument, motion))
    return tuple(found)


def moment_of(geometry: TwinGeometry, path: ToolPath, lps_from_tool: FloatArray, progress: Progress) -> Moment:
    """What an instrument is near to in one pose, exactly: for the hand that holds it."""
    instrument = known_instrument(path.tool)
    motion = fill_in((ToolPose(0.0, lps_from_tool),), instrument, QUICK_STEP_MM)
    return make_timeline(motion, clearances_of(geometry, instrument, motion, progress)).at(0.0)


def warm(geometry: TwinGeometry, progress: Progress) -> None:
    """Prepare what clearances ask of every structure, so that the first path need not wait for it."""
    anywhere = np.asarray(geometry.twin.labels.grid.center())[None]
    for s in present(geometry.twin):
        progress.check()
        if not is_wrapping(s):
            geometry.segments(s.name).nearest(anywhere, anywhere)


def _pass(geometry: TwinGeometry, c: Clearance, motion: Motion, needed: dict[str, float]) -> NearestPass:
    terms, wanted = geometry.error_terms(c.structure), needed.get(c.structure)
    verdict = None if wanted is None else judge(c.min_mm, wanted, terms)
    place = as_point(np.asarray(c.surface_mm[c.worst]))
    return NearestPass(c.structure, c.min_mm, c.at_mm, place, float(motion.times_s[c.worst]), terms, wanted, verdict)
