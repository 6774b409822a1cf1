"""Kept plans in JSON: versions whose text is a blob, and approvals."""

from __future__ import annotations

from typing import Any

from ..domain.plan_shelf import PlanShelf
from ..domain.saved_plan import PlanApproval, PlanVersion, SavedPlan
from ..domain.verdict import Verdict
from ..errors import TwinCorruptError
from .blobs import BlobRef, BlobStore
from .codec_values import Record, decoding
from .known_objects import KnownObjects


def encode_version(version: PlanVersion, blobs: BlobStore) -> Record:
    """The version's record; its text is stored, and the blob's name is the content hash.

    Raises TwinCorruptError if the text was damaged where it came from.
    """
    if version.damage:
        raise TwinCorruptError(f"Version {version.number} of a plan is damaged and can't be saved. {version.damage}")
    return {
        "number": version.number,
        "by": version.by,
        "utc": version.utc,
        "parent": version.parent,
        "twin_revision": version.twin_revision,
        "content": blobs.put_bytes(version.text.encode("utf-8")).as_json(),
    }


def decode_version(r: Record, blobs: BlobStore, name: str) -> PlanVersion:
    """The version with its text, or with what is wrong with the text: a plan is no reason not to open a twin."""
    number, content = int(r["number"]), BlobRef.from_json(r["content"])
    text, damage = "", ""
    try:
        text = blobs.read_bytes(content, f"version {number} of the plan '{name}'").decode("utf-8")
    except TwinCorruptError as error:
        damage = str(error)
    return PlanVersion(number, text, r["by"], r["utc"], r["parent"], int(r["twin_revision"]), content.sha256, damage)


def encode_approval(a: PlanApproval) -> Record:
    return {
        "version": a.version,
        "plan_sha256": a.plan_sha256,
        "twin_revision": a.twin_revision,
        "by": a.by,
        "utc": a.utc,
        "note": a.note,
        "verdicts": [[about, verdict.value] for about, verdict in a.verdicts],
        "errors": list(a.errors),
        "despite": a.despite,
        "withdrawn_by": a.withdrawn_by,
    }


def decode_approval(r: Record) -> PlanApproval:
    return PlanApproval(
        version=int(r["version"]),
        plan_sha256=r["plan_sha256"],
        twin_revision=int(r["twin_revision"]),
        by=r["by"],
        utc=r["utc"],
        note=r["note"],
        verdicts=tuple((str(about), Verdict(verdict)) for about, verdict in r["verdicts"]),
        errors=tuple(str(e) for e in r["errors"]),
        despite=r["despite"],
        withdrawn_by=r["withdrawn_by"],
    )


def decode_shelf(records: dict[str, Record], blobs: BlobStore, known: KnownObjects) -> PlanShelf:
    """The shelf from the state's records. Raises TwinCorruptError naming the plan that can't be read."""
    with decoding("the plans"):
        return PlanShelf(tuple(_plan(r, blobs, known) for r in records.values()))


def _plan(r: dict[str, Any], blobs: BlobStore, known: KnownObjects) -> SavedPlan:
    name = r["name"]
    with decoding(f"the plan '{name}'"):
        versions = tuple(
            known.decoded(v, PlanVersion, lambda record: decode_version(record, blobs, name)) for v in r["versions"]
        )
        approvals = tuple(decode_approval(a) for a in r["approvals"])
        return SavedPlan(r["plan_id"], name, versions, approvals, bool(r["is_removed"]), r["copied_from"])
