"""`surgtwin live simulate`: a tracked tool that does not exist, as an OpenIGTLink server."""

from __future__ import annotations

import argparse
import threading

import numpy as np

from surgtwin.domain.geometry import Point3
from surgtwin.domain.twin import Twin
from surgtwin.live.igtl_content import Status
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import Message
from surgtwin.live.simulate import AlongWay, Faults, Motion, ToolSimulator, Wobble
from surgtwin.live.tool_tip import read_tracker_to_image
from surgtwin.store.load import load_twin

from .live_events import EventLines, stop_after
from .live_listen import trajectory_of


def run(options: argparse.Namespace) -> int:
    """Send until the time is over or the person stops it."""
    twin = load_twin(options.twin, revision=options.revision)
    faults = Faults(options.noise, options.noise_deg, options.dropouts, options.jumps, options.seed)
    simulator = ToolSimulator(_motion(twin, options), faults, options.device)
    if options.lps_from_tracker is not None:
        registration = read_tracker_to_image(options.lps_from_tracker, "tracker")
        simulator.tracker_from_lps = registration.transform.inverse().matrix
    lines, stop = EventLines(is_json=options.json), threading.Event()

    def joined(peer: str) -> None:
        lines.write("connected", f"{peer} is connected", peer=peer)

    with IgtlServer(options.port, host=options.host, joined=joined) as server, stop_after(options.seconds, stop):
        about = {"host": options.host, "port": server.port, "device": options.device, "rate_hz": options.rate}
        lines.write("listening", f"{options.host}:{server.port}  {options.device} at {options.rate:g} Hz", **about)

        def send(message: Message) -> None:
            if isinstance(message.content, Status):
                kind = "lost" if message.content.error_name else "found"
                lines.write(kind, f"{message.device} {kind}", device=message.device)
            server.send(message)

        sent = simulator.run(send, stop, options.rate)
        lines.write("stopped", f"{sent} messages sent", messages=sent, dropped=server.dropped)
    return 0


def _motion(twin: Twin, options: argparse.Namespace) -> Motion:
    """Along the plan's way, or around a structure, or the image's middle."""
    way = trajectory_of(twin, options)
    return Wobble(_middle(twin, options.around)) if way is None else AlongWay(way, options.speed)


def _middle(twin: Twin, around: str | None) -> Point3:
    if around is None:
        x, y, z = (float(v) for v in twin.labels.grid.center())
    else:
        from surgtwin.planning.twin_geometry import TwinGeometry

        x, y, z = (float(v) for v in np.asarray(TwinGeometry(twin).surface(around).mesh.vertices_mm).mean(axis=0))
    return (x, y, z)
