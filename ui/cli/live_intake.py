"""What `live receive` and `live watch` share: events as lines, and complete series given to `live update`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from surgtwin.errors import InputError
from surgtwin.live.dicom_complete import CompleteRule
from surgtwin.live.dicom_inbox import inbox_of
from surgtwin.live.dicom_inbox_view import InboxSeries
from surgtwin.live.dicom_intake import Intake, IntakeEvent, Offered, lock_inbox, patient_of, revision_with
from surgtwin.live.dicom_series_record import SeriesState
from surgtwin.live.dicom_source_process import SourceProcess

from .author import author
from .console import note
from .live_events import EventLines, stop_after

TICK_S = 0.2
LOCKED = "TwinLockedError"
NOTHING_TAKEN = 3


def follow(options: argparse.Namespace, module: str, wanted: dict[str, Any]) -> int:
    """Run a source of DICOM until the time is over, the person stops it, or (--once) one series has found its end."""
    inbox = inbox_folder(options)
    patient = patient_of(options.twin)
    lines, stop, result = EventLines(is_json=options.json), threading.Event(), 0
    lock = lock_inbox(inbox)
    source = SourceProcess(module, {**wanted, "inbox": str(inbox), "patient": asdict(patient)})
    intake = Intake(inbox, source, CompleteRule(options.idle, options.expect), offering(options))
    try:
        if not patient.patient_id:
            note("The twin states no patient id: everything that arrives is held (surgtwin live inbox).")
        with stop_after(options.seconds, stop):
            while not stop.wait(TICK_S):
                for event in intake.tick():
                    tell(lines, event)
                    if event.is_final and options.once:
                        result = 0 if event.kind == "taken in" else NOTHING_TAKEN
                        stop.set()
    finally:
        intake.close()
        lock.release()
    return result


def inbox_folder(options: argparse.Namespace) -> Path:
    """The folder given with --inbox, else the one beside the twin."""
    if not options.twin.is_dir():
        raise InputError(f"There is no twin at {options.twin}.")
    chosen: Path = options.inbox or inbox_of(options.twin)
    return chosen.resolve()


def offering(options: argparse.Namespace) -> Callable[[InboxSeries], Offered]:
    """Gives a series to `surgtwin live update` in a process of its own: what kills a decoder ends no receiver."""

    def offer(series: InboxSeries) -> Offered:
        if series.record.state is SeriesState.OFFERED:
            there = revision_with(options.twin, series)
            if there is not None:
                return Offered(outcome=there[1], revision=there[0], reasons=("it had been taken in before",))
        command = [sys.executable, "-m", "ui.cli.main", "live", "update", str(options.twin), str(series.folder)]
        command += ["--series", series.series_uid, "--role", options.role, "--quality", options.quality, "--json"]
        command += ["--by", author(options.by)]
        command += ["--accept"] if options.accept else []
        command += ["--regularise"] if options.regularise else []
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        return _offered(done)

    return offer


def _offered(done: subprocess.CompletedProcess[str]) -> Offered:
    try:
        told = json.loads(done.stdout)
    except ValueError:
        reason = f"the update ended with code {done.returncode}: {done.stderr.strip()[-300:] or 'it said nothing'}"
        return Offered(reasons=(reason,))
    if "error" in told:
        error = told["error"]
        return Offered(reasons=(str(error["message"]),), is_busy=error["type"] == LOCKED)
    return Offered(str(told["state"]), int(told["revision"]), tuple(told["reasons"]), told=told)


def tell(lines: EventLines, event: IntakeEvent) -> None:
    """One event as a line."""
    lines.write(event.kind, _sentence(event), **event.about)


def _sentence(event: IntakeEvent) -> str:
    about = event.about
    if "series" in about:
        return f"{about['series']}  {_of_series(event.kind, about)}"
    peer = "  ".join(str(about[k]) for k in ("aet", "host") if about.get(k))
    if event.kind == "listening":
        return f"{about['aet']} listens on {about['host']}:{about['port']}  (research use only)"
    if event.kind == "watching":
        return f"watching {about['folder']}  (research use only)"
    if event.kind == "died":
        return f"the process that takes in DICOM died (code {about['code']}) and is started again"
    if event.kind == "disconnected":
        counts = ", ".join(f"{n} {what}" for what, n in about["counts"].items()) or "nothing sent"
        return f"{peer}  {about['how']}: {counts}"
    if "name" in about:
        return f"{about['name']}: {about['reason']}"
    return f"{peer}  {event.kind}  {about.get('reason', '')}".strip()


def _of_series(kind: str, about: dict[str, Any]) -> str:
    of = f" of {about['expected']}" if about.get("expected") else ""
    reasons = " ".join(about.get("reasons", ()))
    if kind in ("receiving", "complete"):
        return f"{kind}: {about['instances']}{of} instances"
    if kind == "taken in":
        return f"taken in as revision {about['revision']}, {about['state']}. {reasons}".rstrip()
    if kind == "held":
        what = "a person may admit it" if about["can_be_admitted"] else "it can only be discarded"
        return f"HELD, {about['instances']} instances: {reasons} ({what}: surgtwin live inbox)"
    return f"{kind}: {reasons or about.get('reason', '')}"
