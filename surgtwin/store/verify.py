"""Checking all of a twin."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ..errors import TwinError
from ..progress import SILENT, Progress
from . import database
from .blobs import BlobStore
from .codec_values import Record, decoding
from .event import GENESIS, Event, chain_break
from .fold import KNOWN_KINDS, TwinState, fold
from .journal import find_twin
from .layout import CURRENT_SCHEMA, Schema
from .migrate import check_schema, migrated_events
from .reading import read_with


@dataclass(frozen=True)
class VerifyReport:
    """What was found.

    Parameters
    ----------
    orphans
        Files that no event needs, relative to the twin: harmless, the next writer removes them.
    head_hash
        Hash of the last event. Kept elsewhere, it proves later that nothing was cut off the end.
    plans, plan_versions
        How many the log holds, removed plans too; 0 if the log can't be followed.
    """

    ok: bool
    problems: tuple[str, ...]
    events: int
    blobs: int
    orphans: tuple[str, ...]
    head_hash: str
    schema: str
    plans: int = 0
    plan_versions: int = 0


def verify_twin(path: Path, progress: Progress = SILENT) -> VerifyReport:
    """Check SQLite's own structure, the triggers, the hash chain, the fold, and every blob. Writes nothing.

    Raises
    ------
    TwinError
        If there is no twin, its schema is newer, or its log cannot be read at all.
    """
    twin = find_twin(path)
    schema, events, problems = read_with(twin, lambda connection: _read(connection, twin))
    found, state = _log_problems(events, schema, twin)
    problems += found
    wanted = _what_blobs_hold(events)
    blobs = BlobStore(twin)
    for n, (sha256, what) in enumerate(sorted(wanted.items())):
        progress.update(n / len(wanted), "Checking blobs")
        harm = blobs.check(sha256, what)
        problems += [harm] if harm else []
    orphans = tuple(p.relative_to(twin).as_posix() for p in blobs.strays(set(wanted)))
    head = events[-1].hash if events else GENESIS
    versions = sum(len(plan["versions"]) for plan in state.plans.values())
    return VerifyReport(
        not problems, tuple(problems), len(events), len(wanted), orphans, head, str(schema), len(state.plans), versions
    )


def _read(connection: sqlite3.Connection, twin: Path) -> tuple[Schema, tuple[Event, ...], list[str]]:
    schema = database.read_schema(connection)
    check_schema(schema, twin)
    findings = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    problems = [f"SQLite finds the log damaged: {text}." for text in findings if text != "ok"]
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
    there = {str(name): str(sql) for name, sql in rows}
    for name, sql in database.TRIGGERS.items():
        if there.pop(name, "") != sql:
            problems.append(f"The trigger '{name}', which keeps the log append-only, is missing or changed.")
    problems += [f"The log holds a '{name}' that does not belong there." for name in sorted(there)]
    return schema, database.read_rows(connection), problems


def _log_problems(events: tuple[Event, ...], schema: Schema, twin: Path) -> tuple[list[str], TwinState]:
    """What is wrong with the log, and what it says if it can be followed."""
    broken = chain_break(events)
    if broken:
        return [broken], TwinState()
    try:
        if check_schema(schema, twin):
            events = migrated_events(events, schema)
        state = fold(events)
        with decoding("the plans"):
            unfounded = _unfounded_approvals(state)
    except TwinError as error:
        return [str(error)], TwinState()
    problems = [] if state.revisions else ["The log holds no revision."]
    if schema.major == CURRENT_SCHEMA.major and schema.minor <= CURRENT_SCHEMA.minor:
        strange = sorted(set(state.unknown_kinds) - KNOWN_KINDS)
        problems += [f"The log holds events of kind '{kind}', which schema {schema} does not have." for kind in strange]
    return problems + _dangling(state) + unfounded, state


def _dangling(state: TwinState) -> list[str]:
    """Revisions that refer to an image the log does not have."""
    return [
        f"Revision {number} refers to image '{image.get('image_id')}', which the log does not have."
        for number, record in state.revisions.items()
        for image in record.body["images"]
        if image.get("key") not in state.images
    ]


def _unfounded_approvals(state: TwinState) -> list[str]:
    """Approvals of contents that the plan's version does not have."""
    return [
        f"The approval of version {approval['version']} of the plan '{plan['name']}' is of other contents."
        for plan in state.plans.values()
        for approval in plan["approvals"]
        if all(
            (v["number"], v["content"]["blob"]) != (approval["version"], approval["plan_sha256"])
            for v in plan["versions"]
        )
    ]


def _what_blobs_hold(events: tuple[Event, ...]) -> dict[str, str]:
    """sha256 -> words for what the blob holds, of every blob an event needs."""
    wanted: dict[str, str] = {}
    for event in events:
        wanted |= {name: f"needed by event {event.seq}" for name in event.blobs if name not in wanted}
        try:
            wanted |= _words(event.payload)
        except (TwinError, KeyError, TypeError, AttributeError):
            continue
    return wanted


def _words(payload: Record) -> dict[str, str]:
    words = {}
    if "image" in payload:
        image = payload["image"]
        words[image["values"]["blob"]] = "the values of an image"
        header = (image["source"]["dicom"] or {}).get("header")
        words |= {header["blob"]: "the DICOM header of an image"} if header else {}
    if "labels" in payload:
        words |= {layer["blob"]: f"layer {n} of the label map" for n, layer in enumerate(payload["labels"]["layers"])}
    if payload.get("confidence"):
        words[payload["confidence"]["codes"]["blob"]] = "the confidence map"
    if "version" in payload:
        version = payload["version"]
        words[version["content"]["blob"]] = f"version {version['number']} of the plan '{payload['name']}'"
    for mesh in payload.get("meshes", []):
        words[mesh["vertices_mm"]["blob"]] = f"the vertices of '{mesh['name']}'"
        words[mesh["triangles"]["blob"]] = f"the triangles of '{mesh['name']}'"
    return words
