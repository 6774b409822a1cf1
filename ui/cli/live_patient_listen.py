"""`surgtwin live patient --mllp`: HL7 v2 results taken in as they arrive, one line an event."""

from __future__ import annotations

import argparse
import threading
import time

from surgtwin.clinical.oru import OruReader
from surgtwin.clinical.times import zone_named
from surgtwin.domain.twin import Twin
from surgtwin.live.mllp import MllpHandlers, MllpLimits, MllpServer
from surgtwin.pipeline.patient_intake import Intake, rejudge_with
from surgtwin.pipeline.patient_messages import MessageTaker
from surgtwin.store.writer import TwinWriter

from .author import author
from .live_events import EventLines, stop_after
from .live_patient import intake_json, intake_text, judged_json, local_codes

TICK_S = 0.1
QUIET_S = 1.0
"""Plans are judged again when nothing has arrived for so long."""


def listen(options: argparse.Namespace) -> int:
    """Listen until the time is over or the person stops it; plans are judged again whenever it grows quiet."""
    lines, stop = EventLines(is_json=options.json), threading.Event()
    zone = zone_named(options.time_zone) if options.time_zone else None
    changed_s: list[float] = []

    def told(host: str, reason: str, intake: Intake | None) -> None:
        if intake is None:
            lines.write("refused", f"{host}  refused: {reason}", host=host, reason=reason)
            return
        if intake.changes_record:
            changed_s.append(time.monotonic())
        lines.write("taken", f"{host}  {intake_text(intake)}", host=host, **intake_json(intake))

    def link(kind: str, host: str, text: str) -> None:
        lines.write(kind, f"{host}  {kind}  {text}".rstrip(), host=host, text=text)

    with TwinWriter(options.twin, actor=author(options.by)) as writer:
        taker = MessageTaker(writer, OruReader(zone, local_codes(options)), told)
        before = writer.twin
        host, port = options.mllp
        limits = MllpLimits(networks=tuple(options.allow or ()))
        with MllpServer(host, port, MllpHandlers(taker.answer, link), limits) as server:
            where = f"{host}:{server.port}"
            case_id = writer.twin.case_id
            lines.write("listening", f"{case_id}  listening on {where}", case_id=case_id, at=where)
            with stop_after(options.seconds, stop):
                while not stop.wait(TICK_S):
                    if changed_s and time.monotonic() - changed_s[-1] > QUIET_S:
                        changed_s.clear()
                        now = writer.twin
                        _judge(lines, writer, before)
                        before = now
        if changed_s:
            _judge(lines, writer, before)
    return 0


def _judge(lines: EventLines, writer: TwinWriter, before: Twin) -> None:
    for judged in rejudge_with(writer, before):
        if judged.is_changed:
            parts = [*(f.text for f in judged.figures), *(f.message for f in judged.plan.new_findings)]
            lines.write("judged", f"plan {judged.plan.name}: {'; '.join(parts)}", **judged_json(judged))
