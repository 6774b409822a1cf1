"""`surgtwin live listen`: what trackers and scanners send, told line by line as places in the twin."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.errors import PlanError, SourceError
from surgtwin.live.drift import FixedPair
from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import SHOWN, Guidance, Guide
from surgtwin.live.health_words import health_sentences
from surgtwin.live.listening import Listener, LiveEvent, Setup
from surgtwin.live.source import TrackedSource
from surgtwin.live.tool_tip import ToolTip, TrackerToImage, read_tool_tip, read_tracker_to_image
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .console import note
from .live_events import EventLines, stop_after
from .plan_source import choose_plan

TICK_S = 0.05
"""At most twenty poses a second are printed for each tool."""
NEAREST_SHOWN = 3


def run(options: argparse.Namespace) -> int:
    """Listen until the time is over or the person stops it."""
    twin = load_twin(options.twin, revision=options.revision)
    guide = guide_of(TwinGeometry(twin), trajectory_of(twin, options), options)
    lines, stop = EventLines(is_json=options.json), threading.Event()
    with ExitStack() as stack:
        sources = [stack.enter_context(TrackedSource(host, port)) for host, port in options.igtl]
        setups = setups_of(sources, options)
        pairs = {FixedPair(a, b): "" for a, b in options.fixed or ()}
        listener = Listener(sources, setups, guide)
        stack.enter_context(stop_after(options.seconds, stop))
        _say_start(lines, twin, guide, setups)
        while not stop.wait(TICK_S):
            for event in listener.tick():
                tell(lines, event)
            _watch(lines, sources, pairs)
        for source in sources:
            _say_health(lines, source)
    return 0


def _watch(lines: EventLines, sources: Sequence[TrackedSource], pairs: dict[FixedPair, str]) -> None:
    """Tell once when a pair that should be fixed is not; poses that are not fresh do not count."""
    now = time.monotonic()
    for pair, told in pairs.items():
        for source in sources:
            both = [source.pose(name) for name in (pair.first, pair.second)]
            fresh = [source.freshness(name, now)[0] is Freshness.LIVE for name in (pair.first, pair.second)]
            if both[0] is not None and both[1] is not None and all(fresh):
                pair.put(both[0].matrix, both[1].matrix)
        if pair.sentence and not told:
            pairs[pair] = pair.sentence
            about = {"devices": [pair.first, pair.second], "text": pair.sentence}
            lines.write("drift", pair.sentence, **about)


def trajectory_of(twin: Twin, options: argparse.Namespace) -> Trajectory | None:
    """The way that --plan and --trajectory name; None without them. Raises PlanError naming the ways there are."""
    if options.plan is None:
        if options.trajectory is not None:
            raise PlanError("--trajectory needs --plan, the plan that holds it.")
        return None
    chosen = choose_plan(twin, options.plan)
    ways = chosen.plan.trajectories
    wanted = [t for t in ways if options.trajectory in (None, t.name)]
    if len(wanted) != 1:
        there_are = ", ".join(t.name for t in ways) or "none"
        raise PlanError(f"one trajectory of plan '{chosen.name}' is to be named; there are: {there_are}.")
    return wanted[0]


def guide_of(geometry: TwinGeometry, way: Trajectory | None, options: argparse.Namespace) -> Guide:
    """A guide that knows how well tools are tracked: by the worst registration and the worst tip."""
    worst = max((r.tre_mm for r in _registrations(options).values()), default=0.0)
    tip_mm = max((tip.error_mm for tip in _tips(options).values()), default=0.0)
    return Guide(geometry, way, float(np.hypot(worst, tip_mm)))


def setups_of(sources: Sequence[TrackedSource], options: argparse.Namespace) -> list[Setup]:
    """How each source's poses become places, by --lps-from-tracker, --reference and --tool."""
    registrations, tips = _registrations(options), _tips(options)
    found = [registrations.get(source.name, registrations.get("")) for source in sources]
    return [Setup(options.reference or "", None if r is None else r.transform.matrix, tips) for r in found]


def _tips(options: argparse.Namespace) -> dict[str, ToolTip]:
    return {name: read_tool_tip(path) for name, path in options.tool or ()}


def _registrations(options: argparse.Namespace) -> dict[str, TrackerToImage]:
    """Source ("" for all others) -> how its tracker lies to the image."""
    names = {f"{host}:{port}" for host, port in options.igtl or ()}
    found = {}
    for name, path in options.lps_from_tracker or ():
        if name and name not in names:
            raise SourceError(f"--lps-from-tracker names the source '{name}'; there are: {', '.join(sorted(names))}.")
        found[name] = read_tracker_to_image(path, "tracker")
    return found


def _say_start(lines: EventLines, twin: Twin, guide: Guide, setups: list[Setup]) -> None:
    way = None if guide.trajectory is None else guide.trajectory.name
    lines.write(
        "started",
        f"{twin.case_id}  revision {twin.revision.number}  (research use only)",
        case_id=twin.case_id,
        revision=twin.revision.number,
        trajectory=way,
        tracking_error_mm=guide.tracking_mm,
    )
    if any(setup.lps_from_tracker is None for setup in setups):
        note("No --lps-from-tracker was given: poses are taken as RAS of the image, as the protocol has it.")


def tell(lines: EventLines, event: LiveEvent) -> None:
    """One event as a line."""
    about: dict[str, Any] = {"source": event.source}
    if event.device:
        about["device"] = event.device
    head = f"{event.source}  {event.device}".rstrip()
    if event.guidance is None:
        lines.write(event.kind, f"{head}  {event.kind}  {event.text}".rstrip(), **about, text=event.text)
        return
    g = event.guidance
    if event.kind == "freshness":
        is_withheld = g.freshness not in SHOWN
        about |= {"freshness": g.freshness.value, "age_s": g.age_s, "is_withheld": is_withheld}
        lines.write(event.kind, f"{head}  {event.text}", **about)
        return
    lines.write(event.kind, f"{head}  {_sentence(g)}", **about, **guidance_json(g))


def guidance_json(g: Guidance) -> dict[str, Any]:
    """What may be told of a tool, for scripts; every number is null while it is withheld."""
    offset = g.offset
    return {
        "freshness": g.freshness.value,
        "age_s": g.age_s,
        "is_withheld": g.is_withheld,
        "tip_lps_mm": None if g.place is None else list(g.place.tip_mm),
        "shaft_lps": None if g.place is None else list(g.place.shaft),
        "clearances_mm": g.clearances_mm,
        "path": None
        if offset is None
        else {
            "depth_to_go_mm": offset.depth_to_go_mm,
            "off_axis_mm": offset.off_axis_mm,
            "angle_deg": offset.angle_deg,
            "to_target_mm": offset.to_target_mm,
        },
        "limits": [
            {
                "structure": limit.structure,
                "clearance_mm": limit.clearance_mm,
                "needed_mm": limit.needed_mm,
                "verdict": limit.verdict.value,
            }
            for limit in g.limits
        ],
        "warnings": list(g.warnings),
    }


def _sentence(g: Guidance) -> str:
    if g.place is None or g.clearances_mm is None:
        return "withheld"
    x, y, z = g.place.tip_mm
    words = [f"tip {x:.1f} {y:.1f} {z:.1f}"]
    if g.offset is not None:
        words.append(
            f"{g.offset.depth_to_go_mm:.1f} mm to go, {g.offset.off_axis_mm:.1f} mm and "
            f"{g.offset.angle_deg:.1f} deg off"
        )
    near = list(g.clearances_mm.items())[:NEAREST_SHOWN]
    words.append(", ".join(f"{name} {mm:.1f}" for name, mm in near))
    return "  ".join([*words, *g.warnings])


def _say_health(lines: EventLines, source: TrackedSource) -> None:
    health = source.health()
    lines.write(
        "health",
        f"{source.name}  " + " ".join(health_sentences(health)),
        source=source.name,
        rate_hz=health.rate_hz,
        jitter_ms=health.jitter_ms,
        latency_ms=health.latency_ms,
        clock_offset_s=health.clock_offset_s,
        received=health.received,
        refused=health.refused,
        dropped=source.dropped,
        words=list(health_sentences(health)),
    )
