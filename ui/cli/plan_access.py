"""`surgtwin plan access`: the ways to a target, and the best of them."""

from __future__ import annotations

import argparse
import json

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.geometry import Point3, direction_letters
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid
from surgtwin.domain.verdict import COVERAGE_FACTOR
from surgtwin.planning.access import AccessMap, map_access
from surgtwin.planning.access_json import access_as_json, candidates_as_plan
from surgtwin.planning.access_request import AccessRequest
from surgtwin.planning.access_target import deepest_point
from surgtwin.planning.candidates import AccessWeights, Candidate, best_candidates
from surgtwin.planning.needle_file import read_needle
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, table, write_json
from .input_steps import check_output_is_free, note_findings

DEFAULT_NEEDLE = NeedleTool(radius_mm=0.75, length_mm=150.0)
"""A needle of 17 gauge, 15 cm long."""
MOST_NAMED = 12


def run(options: argparse.Namespace) -> int:
    """Map the ways to a target and judge the best; that there is none is an answer, not a failure."""
    if options.output is not None:
        check_output_is_free(options.output, force=options.force)
    tool = DEFAULT_NEEDLE if options.tool is None else read_needle(options.tool)
    twin = load_twin(options.twin)
    geometry, bar = TwinGeometry(twin), ProgressBar()
    try:
        progress = bar.progress()
        access = map_access(geometry, _request(options, geometry, tool), progress=progress.part(0.0, 0.5))
        weights = AccessWeights(**dict(options.weights))
        best = best_candidates(geometry, access, options.top, weights, progress=progress.part(0.5, 1.0, "candidates"))
    finally:
        bar.close()
    if options.output is not None:
        text = json.dumps(candidates_as_plan(best, options.output.stem), indent=2, allow_nan=False) + "\n"
        write_bytes_atomically(options.output, text.encode("utf-8"))
    if options.json:
        about = {"case_id": twin.case_id, "revision": twin.revision.number}
        about |= {} if options.output is None else {"output": str(options.output)}
        write_json(about | access_as_json(access, best))
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}  ways to {_target_text(access)}  (research use only)")
    _say(access, best)
    if options.output is not None:
        say(f"written: {options.output}")
    note_findings(access.findings)
    return 0


def _request(options: argparse.Namespace, geometry: TwinGeometry, tool: NeedleTool) -> AccessRequest:
    is_point = not isinstance(options.target, str)
    return AccessRequest(
        target_mm=options.target if is_point else deepest_point(geometry, options.target),
        tool=tool,
        target_name="" if is_point else options.target,
        avoid=tuple(Avoid(name, mm) for name, mm in options.avoid),
        crossable=options.cross,
        through=options.through,
        max_skin_angle_deg=options.max_skin_angle,
        min_bridge_mm=options.min_bridge,
        directions=options.directions,
    )


def _target_text(access: AccessMap) -> str:
    place = ", ".join(f"{c:.1f}" for c in access.request.target_mm)
    name = access.request.target_name or access.place.lesion or access.place.organ
    return f"{name} at {place}" if name else place


def _say(access: AccessMap, best: tuple[Candidate, ...]) -> None:
    tool, terms = access.request.tool, access.terms
    count, allowed, proven = len(access.directions), int(access.allowed.sum()), int(access.proven.sum())
    say(f"needle of {2 * tool.radius_mm:g} mm, {tool.length_mm:g} mm long; all distances in mm, LPS")
    say(
        f"{allowed} of {count} directions are allowed, {proven} of them by more than the error of "
        f"{COVERAGE_FACTOR * terms.combined_mm:.1f} mm"
    )
    for kind, n in access.counts().items():
        if kind and n:
            say(f"  {n:6d}  {kind.text}{_by(access) if kind.name == 'TOO_CLOSE' else ''}")
    wanted = [f"{name} {mm:g}" for name, mm in sorted(access.needed_mm.items(), key=lambda item: -item[1])]
    more = f" and {len(wanted) - MOST_NAMED} more" if len(wanted) > MOST_NAMED else ""
    say(f"kept clear: {', '.join(wanted[:MOST_NAMED]) or 'nothing'}{more}")
    if best:
        header = (
            "",
            "entry",
            "from",
            "length",
            "skin",
            "nearest",
            "clearance",
            "needed",
            "misplaced",
            "unnamed",
            "verdict",
            "",
        )
        say("\n" + table([_row(access, c, n + 1) for n, c in enumerate(best)], header, right=(0, 3, 4, 6, 7, 8, 9)))
        say("misplaced: chance that placing it breaks a distance; unnamed: length in tissue that has no structure")


def _by(access: AccessMap) -> str:
    blocking = list(access.blocked_by().items())[:4]
    return f" ({', '.join(f'{name} {n}' for name, n in blocking)})" if blocking else ""


def _row(access: AccessMap, candidate: Candidate, rank: int) -> list[str]:
    result = candidate.result
    kept = [c for c in result.clearances if c.needed_mm is not None]
    tightest = min(kept, key=lambda c: c.min_mm - (c.needed_mm or 0.0), default=None)
    doubts = [f"{limit.structure or limit.kind}: {limit.reason}" for limit in result.limits if limit.reason]
    return [
        str(rank),
        _point(result.entry_mm),
        direction_letters(access.directions[candidate.row]),
        f"{result.length_mm:.0f}",
        "-" if result.skin is None else f"{result.skin.angle_deg:.0f}°",
        "-" if tightest is None else tightest.structure,
        "-" if tightest is None else f"{tightest.min_mm:.1f}",
        "-" if tightest is None else f"{tightest.needed_mm:.1f}",
        "-" if result.robustness is None else f"{100 * result.robustness.probability:.1f} %",
        "-" if result.unnamed_mm is None else f"{result.unnamed_mm:.0f}",
        result.verdict.value,
        doubts[0] if doubts else "",
    ]


def _point(point: Point3) -> str:
    return ", ".join(f"{c:.1f}" for c in point)
