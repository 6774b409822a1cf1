"""What was said of structures, in JSON."""

from __future__ import annotations

from ..domain.review import ReviewBook, ReviewState, SignOff
from .codec_values import Record, decoding


def encode_sign_off(s: SignOff) -> Record:
    return {
        "structure": s.structure,
        "state": s.state.value,
        "content_sha256": s.content_sha256,
        "twin_revision": s.twin_revision,
        "reader": s.reader,
        "reader_key": s.reader_key,
        "utc": s.utc,
        "seconds": s.seconds,
        "reason": s.reason,
        "comment": s.comment,
        "is_full_read": s.is_full_read,
        "signature": s.signature,
    }


def decode_sign_off(r: Record) -> SignOff:
    return SignOff(
        structure=r["structure"],
        state=ReviewState(r["state"]),
        content_sha256=r["content_sha256"],
        twin_revision=int(r["twin_revision"]),
        reader=r["reader"],
        reader_key=r["reader_key"],
        utc=r["utc"],
        seconds=float(r["seconds"]),
        reason=r["reason"],
        comment=r["comment"],
        is_full_read=bool(r["is_full_read"]),
        signature=r["signature"],
    )


def decode_book(records: tuple[Record, ...]) -> ReviewBook:
    """All statements. Raises TwinCorruptError if one can't be read."""
    with decoding("the review"):
        return ReviewBook(tuple(decode_sign_off(r) for r in records))
