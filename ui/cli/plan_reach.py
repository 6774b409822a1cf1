"""`surgtwin plan reach`: what of a target instruments reach through ports, and how the ports work together."""

from __future__ import annotations

import argparse

from surgtwin.domain.trajectory import Avoid
from surgtwin.planning.port_pairs import SOURCE
from surgtwin.planning.ports import PortReach, PortRequest, PortsResult, judge_ports, ports_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.simulation.reach import GOOD_DEG
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, table, write_json

REASONS = {
    "too_near": "nearer than the shaft works",
    "too_deep": "deeper than the instrument is long",
    "too_tilted": "more tilted than the wall allows",
    "blocked": "something is in the way",
}


def run(options: argparse.Namespace) -> int:
    """Judge the ports; that one reaches nothing is an answer, not a failure."""
    request = PortRequest(
        trocars_mm=tuple(options.trocar),
        target=options.target,
        length_mm=options.length,
        radius_mm=options.radius,
        max_tilt_deg=options.max_tilt,
        avoid=tuple(Avoid(name, mm) for name, mm in options.avoid),
        crossable=options.cross,
    )
    twin, bar = load_twin(options.twin), ProgressBar()
    try:
        found = judge_ports(TwinGeometry(twin), request, progress=bar.progress())
    finally:
        bar.close()
    if options.json:
        write_json({"case_id": twin.case_id, "revision": twin.revision.number} | ports_as_json(found))
        return 0
    place = ", ".join(f"{c:.1f}" for c in found.middle_mm)
    name = f"{request.target}, middle" if isinstance(request.target, str) else "place"
    say(f"{twin.case_id}  revision {twin.revision.number}  ports for {name} at {place}  (research use only)")
    _say(found)
    return 0


def _say(found: PortsResult) -> None:
    request = found.request
    say(
        f"instrument of {2 * request.radius_mm:g} mm, {request.length_mm:g} mm long, "
        f"tilted {request.max_tilt_deg:g}° at most"
    )
    header = ("port", "trocar (LPS mm)", "from skin mm", "depth mm", "tilt deg", "reaches %", "what hinders")
    say(table([_row(p, n + 1) for n, p in enumerate(found.ports)], header, right=(0, 2, 3, 4, 5)))
    if found.pairs:
        say(f"all ports together reach {found.together_percent:.0f} %")
        rows = [
            [f"{p.first + 1} and {p.second + 1}", f"{p.angle_deg:.0f}", f"{p.score:.2f}", "yes" if p.is_good else "no"]
            for p in found.pairs
        ]
        recommended = f"{GOOD_DEG[0]:g} to {GOOD_DEG[1]:g}°"
        say("\n" + table(rows, ("ports", "angle deg", "score", recommended), right=(1, 2)))
        say(f"angle between two instruments at the target; {SOURCE}")


def _row(p: PortReach, number: int) -> list[str]:
    hindered = [f"{REASONS[reason]} {count}" for reason, count in p.refused.items()]
    hindered += [f"{name} {count}" for name, count in list(p.blocked_by.items())[:3]]
    return [
        str(number),
        ", ".join(f"{c:.1f}" for c in p.port.place_mm),
        f"{p.skin_mm:.1f}",
        f"{p.depth_mm:.1f}",
        f"{p.tilt_deg:.1f}",
        f"{p.reach.percent:.0f}",
        "; ".join(hindered),
    ]
