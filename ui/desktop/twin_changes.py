"""The changes a person makes to a twin: each can be applied to a twin in memory, or written to a twin on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from surgtwin.domain.measurement import Measurement
from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.twin import Side, Twin


class Writer(Protocol):
    """What of `surgtwin.store.writer.TwinWriter` the desktop uses."""

    @property
    def twin(self) -> Twin: ...
    def set_side(self, side: Side) -> object: ...
    def accept(self, name: str, by: str) -> object: ...
    def unaccept(self, name: str) -> object: ...
    def add_measurement(self, measurement: Measurement) -> object: ...
    def remove_measurement(self, measurement_id: str) -> object: ...
    def change_plans(self, change: Callable[[PlanShelf], PlanShelf]) -> object: ...
    def close(self) -> None: ...


class Change(Protocol):
    """One change of a twin."""

    def applied_to(self, twin: Twin) -> Twin: ...
    def write(self, writer: Writer) -> None: ...


@dataclass(frozen=True)
class SetSide:
    side: Side

    def applied_to(self, twin: Twin) -> Twin:
        return twin.with_side(self.side)

    def write(self, writer: Writer) -> None:
        writer.set_side(self.side)


@dataclass(frozen=True)
class Accept:
    name: str
    by: str

    def applied_to(self, twin: Twin) -> Twin:
        return replace(twin, accepted=twin.accepted | {self.name})

    def write(self, writer: Writer) -> None:
        writer.accept(self.name, self.by)


@dataclass(frozen=True)
class Unaccept:
    name: str

    def applied_to(self, twin: Twin) -> Twin:
        return replace(twin, accepted=twin.accepted - {self.name})

    def write(self, writer: Writer) -> None:
        writer.unaccept(self.name)


@dataclass(frozen=True)
class AddMeasurement:
    measurement: Measurement

    def applied_to(self, twin: Twin) -> Twin:
        return replace(twin, measurements=(*twin.measurements, self.measurement))

    def write(self, writer: Writer) -> None:
        writer.add_measurement(self.measurement)


@dataclass(frozen=True)
class RemoveMeasurement:
    measurement_id: str

    def applied_to(self, twin: Twin) -> Twin:
        kept = tuple(m for m in twin.measurements if m.measurement_id != self.measurement_id)
        return replace(twin, measurements=kept)

    def write(self, writer: Writer) -> None:
        writer.remove_measurement(self.measurement_id)


@dataclass(frozen=True)
class ChangePlans:
    """Plans saved, renamed, removed, approved: `change` makes another shelf of the present one, each time the same."""

    change: Callable[[PlanShelf], PlanShelf]

    def applied_to(self, twin: Twin) -> Twin:
        return replace(twin, shelf=self.change(twin.shelf))

    def write(self, writer: Writer) -> None:
        writer.change_plans(self.change)
