"""What readers said of structures, as events."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.review import ReviewState, SignOff, structure_hashes
from ..domain.twin import Twin
from ..errors import ReviewError
from . import event as kinds
from .codec_review import encode_sign_off
from .event import EventDraft


def kept_reviews(sign_offs: Sequence[SignOff]) -> list[EventDraft]:
    """Events of statements that need no other look, as those of a copied twin."""
    return [EventDraft(kinds.STRUCTURE_REVIEWED, {"review": encode_sign_off(s)}, s.reader) for s in sign_offs]


def review_events(twin: Twin, sign_offs: Sequence[SignOff]) -> list[EventDraft]:
    """Events of new statements about a twin's structures, and of what they make of the structures' acceptance.

    Raises
    ------
    ReviewError
        If a structure is not the one the reader saw.
    """
    wanted = {s.structure for s in sign_offs}
    hashes = structure_hashes(twin.labels, [twin.labels.structure(name) for name in sorted(wanted)])
    for s in sign_offs:
        if s.twin_revision != twin.revision.number or s.content_sha256 != hashes[s.structure]:
            raise ReviewError(f"'{s.structure}' has changed since it was looked at. Look again, then sign.")
    return [draft for s in sign_offs for draft in (*kept_reviews((s,)), *_acceptance(twin, s))]


def _acceptance(twin: Twin, said: SignOff) -> list[EventDraft]:
    is_accepted = said.structure in twin.accepted
    if said.state is ReviewState.IN_PROGRESS or is_accepted is said.state.is_signed_off:
        return []
    kind = kinds.STRUCTURE_ACCEPTED if said.state.is_signed_off else kinds.STRUCTURE_UNACCEPTED
    return [EventDraft(kind, {"revision": twin.revision.number, "name": said.structure}, said.reader)]
