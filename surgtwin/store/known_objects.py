"""Which objects in memory are which records of the log, so that what did not change is neither written nor read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from .codec_values import Record
from .event import canonical_json

T = TypeVar("T")


class KnownObjects:
    """Pairs of a domain object (Volume, LabelMap, OrganMesh) and its record.

    Objects are told apart by identity; they are kept alive here, so an identity is never reused.
    """

    def __init__(self) -> None:
        self._record_of: dict[int, tuple[object, Record]] = {}
        self._object_of: dict[str, object] = {}

    def encoded(self, thing: T, encode: Callable[[T], Record]) -> Record:
        """The object's record: the known one, or a new one from `encode`."""
        known = self._record_of.get(id(thing))
        if known is not None:
            return known[1]
        record = encode(thing)
        self._remember(thing, record)
        return record

    def decoded(self, record: Record, kind: type[T], decode: Callable[[Record], T]) -> T:
        """The record's object: the known one, or a new one from `decode`."""
        known = self._object_of.get(canonical_json(record))
        if isinstance(known, kind):
            return known
        thing = decode(record)
        self._remember(thing, record)
        return thing

    def keep_only(self, things: Iterable[object]) -> None:
        """Forget all other objects, so that their memory is freed."""
        wanted = {id(thing) for thing in things}
        self._record_of = {key: pair for key, pair in self._record_of.items() if key in wanted}
        self._object_of = {canonical_json(record): thing for thing, record in self._record_of.values()}

    def _remember(self, thing: object, record: Record) -> None:
        self._record_of[id(thing)] = (thing, record)
        self._object_of[canonical_json(record)] = thing
