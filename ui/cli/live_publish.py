"""`surgtwin live publish`: the twin's surfaces, plan and tool as an OpenIGTLink server, for Slicer."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from contextlib import ExitStack

from surgtwin.domain.plan import Plan
from surgtwin.domain.twin import Twin
from surgtwin.live.guidance import SHOWN, Guide
from surgtwin.live.igtl_client import Arrival
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.listening import Listener, LiveEvent
from surgtwin.live.openigtlink import Message
from surgtwin.live.publish import plan_message, surface_messages, tool_message
from surgtwin.live.source import TrackedSource
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .live_events import EventLines, stop_after
from .live_listen import TICK_S, guide_of, setups_of
from .plan_source import choose_plan

REQUESTS = ("GET_POLYDATA", "GET_POINT")


def run(options: argparse.Namespace) -> int:
    """Send everything to whoever connects or asks, and the tool as it moves."""
    twin = load_twin(options.twin, revision=options.revision)
    plan = None if options.plan is None else choose_plan(twin, options.plan).plan
    guide = guide_of(TwinGeometry(twin), None, options)
    lines, stop, wanted = EventLines(is_json=options.json), threading.Event(), threading.Event()

    def joined(peer: str) -> None:
        lines.write("connected", f"{peer} is connected", peer=peer)
        wanted.set()

    def asked(arrival: Arrival) -> None:
        if arrival.message.kind in REQUESTS:
            wanted.set()

    with ExitStack() as stack:
        server = stack.enter_context(IgtlServer(options.port, host=options.host, arrived=asked, joined=joined))
        listener = _listener(stack, options, guide)
        stack.enter_context(stop_after(options.seconds, stop))
        where = f"{options.host}:{server.port}"
        lines.write("listening", f"{where}  {twin.case_id}", host=options.host, port=server.port, case_id=twin.case_id)
        while not stop.wait(TICK_S):
            if wanted.is_set():
                wanted.clear()
                _send_all(server, lines, twin, plan)
            for event in listener.tick():
                _relay(server, event)
    return 0


def _listener(stack: ExitStack, options: argparse.Namespace, guide: Guide) -> Listener:
    sources = [stack.enter_context(TrackedSource(host, port)) for host, port in options.igtl or ()]
    return Listener(sources, setups_of(sources, options), guide)


def _send_all(server: IgtlServer, lines: EventLines, twin: Twin, plan: Plan | None) -> None:
    count = 0
    for message in _everything(twin, plan):
        server.send(message)
        # A peer's queue is short: a surface is sent when the one before it was taken.
        server.drain()
        count += 1
    lines.write("sent", f"{count} messages sent", messages=count, dropped=server.dropped)


def _everything(twin: Twin, plan: Plan | None) -> Iterator[Message]:
    yield from surface_messages(twin)
    if plan is not None:
        yield plan_message(plan, "Plan")


def _relay(server: IgtlServer, event: LiveEvent) -> None:
    """A tool's pose, or once that it is lost."""
    if event.guidance is not None and (event.kind == "pose" or event.guidance.freshness not in SHOWN):
        server.send(tool_message(event.guidance, event.device))
