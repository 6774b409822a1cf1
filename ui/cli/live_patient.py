"""`surgtwin live patient`: what hospital systems say of the patient, taken in or shown."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surgtwin.clinical.quantities import LocalCodes
from surgtwin.clinical.received import Received
from surgtwin.clinical.times import zone_named
from surgtwin.domain.twin import Twin
from surgtwin.errors import InputError, PatientMismatchError, SourceError
from surgtwin.pipeline.patient_intake import (
    LARGEST_BYTES,
    Intake,
    PatientRejudged,
    read_patient_data,
    rejudge_with,
    require_patient,
    take_received,
)
from surgtwin.pipeline.patient_summary import ValueRow, record_as_json, value_rows
from surgtwin.planning.patient_context import liver_scores
from surgtwin.planning.patient_json import where_from
from surgtwin.store.journal import read_state
from surgtwin.store.load import load_twin
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import ProgressBar, note, say, table, write_json
from .live_update import plan_changes_json


def run(options: argparse.Namespace) -> int:
    """Take files in, listen, or show what is known."""
    if options.files and options.mllp:
        raise InputError("Give files or --mllp, not both.")
    if options.mllp:
        from .live_patient_listen import listen

        return listen(options)
    return _take(options) if options.files else _show(options)


def local_codes(options: argparse.Namespace) -> LocalCodes:
    return LocalCodes(dict(options.code or ()))


def _take(options: argparse.Namespace) -> int:
    """Every file is read, and compared with the twin's patient, before anything of any of them is kept."""
    zone, local = zone_named(options.time_zone) if options.time_zone else None, local_codes(options)
    read = {path: _read(path, lambda data: read_patient_data(data, zone, local)) for path in options.files}
    bar = ProgressBar()
    by = author(options.by)
    try:
        with TwinWriter(options.twin) as writer:
            before = writer.twin
            _require_patient(before, read)
            taken = {p: [take_received(writer, one, by=by) for one in received] for p, received in read.items()}
            is_new = any(intake.changes_record for intakes in taken.values() for intake in intakes)
            judged = rejudge_with(writer, before, by=by, progress=bar.progress()) if is_new else ()
            case_id = writer.twin.case_id
    finally:
        bar.close()
    if options.json:
        files = [{"file": str(p), **intake_json(i)} for p, intakes in taken.items() for i in intakes]
        write_json({"case_id": case_id, "files": files, "plans": [judged_json(j) for j in judged]})
        return 0
    for path, intakes in taken.items():
        for intake in intakes:
            say(f"{path.name}: {intake_text(intake)}")
            _note_intake(intake)
    for one in judged:
        say_judged(one)
    return 0


def _require_patient(twin: Twin, read: dict[Path, tuple[Received, ...]]) -> None:
    for path, received in read.items():
        try:
            require_patient(twin.patient, received)
        except PatientMismatchError as error:
            raise PatientMismatchError(f"{path}: {error}") from error


def _read(path: Path, read: Callable[[bytes], tuple[Received, ...]]) -> tuple[Received, ...]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise SourceError(f"It is larger than {LARGEST_BYTES // 1_000_000} MB.")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror or error}.") from error
    try:
        return read(data)
    except PatientMismatchError as error:
        raise PatientMismatchError(f"{path}: {error}") from error
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error


def intake_json(intake: Intake) -> dict[str, Any]:
    """What became of a message, for scripts."""
    return {
        "source": intake.source,
        "counts": intake.counts,
        "quarantined": [{"what": q.what, "reason": q.reason} for q in intake.quarantined],
        "ignored": list(intake.ignored),
        "identity": intake.vouched or "matched",
    }


def intake_text(intake: Intake) -> str:
    """The same in a line, e.g. "HL7 v2 LAB at CITY: 4 new, 1 quarantined"."""
    counts = ", ".join(f"{n} {kind}" for kind, n in intake.counts.items() if n) or "nothing of use"
    return f"{intake.source}: {counts}"


def _note_intake(intake: Intake) -> None:
    for held in intake.quarantined:
        note(f"quarantined: {held.what}: {held.reason}")
    if intake.vouched:
        by_hand = "it was taken in because it was given by hand: make sure that it is of this patient"
        note(f"warning: {intake.vouched}; {by_hand}.")
    if intake.ignored:
        note(f"not used here: {', '.join(intake.ignored[:10])}{' ...' if len(intake.ignored) > 10 else ''}")


def judged_json(judged: PatientRejudged) -> dict[str, Any]:
    """What changed in a plan, for scripts."""
    return {
        "name": judged.plan.name,
        "problem": judged.plan.problem,
        "approved_by": judged.approved_by or None,
        "figures_changed": [
            {"label": f.label, "unit": f.unit, "before": f.before, "after": f.after} for f in judged.figures
        ],
        "findings_changed": plan_changes_json(judged.plan),
    }


def say_judged(judged: PatientRejudged) -> None:
    """What changed in a plan, for a person."""
    plan = judged.plan
    lines = [f"\nplan {plan.name}"]
    lines += [f"  {plan.problem}"] if plan.problem else []
    lines += [f"  {c.text}" for c in plan.changed] + [f"  {f.text}" for f in judged.figures]
    lines += [f"  {f.severity}: {f.message}" for f in plan.new_findings]
    lines += [f"  no longer: {f.message}" for f in plan.gone_findings]
    if judged.is_changed and judged.approved_by:
        lines.append(f"  approved by {judged.approved_by} before this was known: look at it again")
    say("\n".join(lines if len(lines) > 1 else [f"{lines[0]}\n  nothing changed"]))


def age_text(row: ValueRow) -> str:
    """How old the last value is, e.g. "14 min", "3 h", "2 days"."""
    hours = row.age_days * 24.0
    if row.last.at.is_day or hours >= 48.0:
        return f"{row.age_days:.0f} days"
    return f"{hours:.0f} h" if hours >= 2.0 else f"{max(hours, 0.0) * 60.0:.0f} min"


def judged_lines(judged: dict[str, Any]) -> list[str]:
    """What an arrival changed in the plans, as the log tells it."""
    return [
        f"{plan['name']}: {text}"
        for plan in judged["plans"]
        for text in (*plan["verdicts"], *plan["figures"], *plan["new"], *(f"no longer: {t}" for t in plan["gone"]))
    ]


def _show(options: argparse.Namespace) -> int:
    twin, now = load_twin(options.twin), datetime.now(UTC)
    judged = read_state(options.twin).patient.judged
    if options.json:
        write_json({"case_id": twin.case_id, **record_as_json(twin.record, now), "plans_judged": list(judged)})
        return 0
    say(f"{twin.case_id}  (research use only)")
    rows = [
        [
            row.quantity.name,
            row.text,
            f"{age_text(row)}{' OUTDATED' if row.is_outdated else ''}",
            row.trend.value if row.change is None else f"{row.trend.value} ({row.change:+.{row.quantity.digits}f})",
            row.last.origin.status.value,
            where_from(row.last),
        ]
        for row in value_rows(twin.record, now)
    ]
    say("\n" + table(rows, ("value", "", "age", "trend", "status", "source"), right=(1,)) if rows else "No values.")
    told = [s.text + (f" ({s.about})" if s.about else "") for s in liver_scores(twin.record)]
    lists = {
        "the liver's function": told,
        "drugs": [f"{m.name}{'' if m.is_active else ' (over)'}" for m in twin.record.medications],
        "allergies": [a.name for a in twin.record.allergies],
        "conditions": [f"{c.name}{'' if c.is_present else ' (not present)'}" for c in twin.record.conditions],
        "quarantined": [f"{q.what}: {q.reason}" for q in twin.record.quarantined],
        "what the last arrival changed in the plans": judged_lines(judged[-1]) if judged else [],
    }
    for name, items in lists.items():
        if items:
            say("\n" + "\n  ".join([f"{name}:", *items]))
    return 0
