"""The registration of a revision, without the rest of it."""

from __future__ import annotations

from pathlib import Path

from ..domain.registration import Registration
from .blobs import BlobStore
from .codec_registration import decode_registration
from .codec_values import Record, decoding


def read_registration(path: Path, body: Record) -> Registration | None:
    """How a revision was carried; None if it was not. `body` is its record. Raises TwinCorruptError if damaged."""
    record = body.get("registration")
    if record is None:
        return None
    with decoding("a registration"):
        return decode_registration(record, BlobStore(path))
