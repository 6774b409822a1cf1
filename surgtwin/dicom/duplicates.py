"""Copies of one object: a SOPInstanceUID that several files claim."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from ..errors import DicomError
from .file_ref import Sources, safe_name
from .frame import Instance
from .locate import SkippedFile

_PIECE = 1024 * 1024


def without_copies(instances: list[Instance], sources: Sources, skipped: list[SkippedFile]) -> list[Instance]:
    """The instances without files that are the same, byte for byte, as another of the same UID.

    Files of one UID that differ are all kept: where they lie at one place, the check of the slices refuses them, for
    nobody can tell which of them is right.
    """
    by_uid: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        by_uid[instance.sop_instance_uid].append(instance)
    dropped: set[int] = set()
    for uid, group in by_uid.items():
        if uid and len(group) > 1:
            dropped |= _copies(group, sources, skipped)
    return [i for i in instances if id(i) not in dropped]


def _copies(group: list[Instance], sources: Sources, skipped: list[SkippedFile]) -> set[int]:
    first_of: dict[bytes, Instance] = {}
    dropped = set()
    for instance in group:
        digest = _digest(instance, sources)
        first = first_of.setdefault(digest, instance)
        if first is not instance:
            reason = f"it is a copy of {safe_name(first.ref.name)}"
            skipped.append(SkippedFile(Path(safe_name(instance.ref.name)), reason))
            dropped.add(id(instance))
    return dropped


def _digest(instance: Instance, sources: Sources) -> bytes:
    """Hash of the file; of its name if it cannot be read any more, so that it stays."""
    digest = hashlib.sha256()
    try:
        with sources.open(instance.ref) as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except (DicomError, OSError):
        return instance.ref.name.encode("utf-8", "replace")
    return digest.digest()
