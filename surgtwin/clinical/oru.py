"""HL7 v2 results (ORU^R01) read into entries. Chapter 7 of the standard."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import tzinfo

from ..domain.patient import Patient
from ..domain.patient_record import EntryStatus, Measured, Origin, Withdrawn
from ..errors import PatientMismatchError, SourceError
from .code_systems import UCUM, system_named
from .hl7v2 import Answer, Hl7Message, MessageError, Segment
from .identity import identities, names_patient
from .quantities import LocalCodes, Quantity
from .received import Collector, Received, converted, quantity_of, shown
from .times import hl7_time, hl7_zone

_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})")
_STATUS = {
    "F": EntryStatus.FINAL, "U": EntryStatus.FINAL, "P": EntryStatus.PRELIMINARY, "R": EntryStatus.PRELIMINARY,
    "S": EntryStatus.PRELIMINARY, "C": EntryStatus.CORRECTED,
}  # fmt: skip
_TAKEN_BACK, _NO_RESULT = ("D", "W"), ("X", "I", "N", "O")
_SYSTEM_OF_PATIENT = ("MR", "PI", "PT")


@dataclass(frozen=True)
class OruReader:
    """Reads ORU^R01 messages.

    Parameters
    ----------
    zone
        Of times that state none, in a message that states none; None: such times are not placed.
    local
        What codes of a laboratory's own mean.
    """

    zone: tzinfo | None = None
    local: LocalCodes = LocalCodes()  # noqa: RUF009 - frozen

    def read(self, message: Hl7Message, data: bytes) -> Received:
        """What a message says.

        Raises
        ------
        MessageError
            If it is no result, is a test, or lacks what every result has.
        PatientMismatchError
            If it is about several patients.
        """
        _require_result(message)
        who = _identities(message)
        header = message.header
        sender = " at ".join(filter(None, (message.component(header.field(n)) for n in (3, 4))))
        collector = Collector(shown(f"HL7 v2 {sender}".strip()))
        zone = hl7_zone(header.field(7)) or self.zone
        order = Segment("OBR", ())
        for segment in message.segments:
            if segment.name == "OBR":
                order = segment
            elif segment.name == "OBX":
                _Result(message, order, segment, zone, who, self.local).read_into(collector)
        fingerprint = hashlib.sha256(data).hexdigest()
        entries, held = tuple(collector.entries), tuple(collector.quarantined)
        ignored = tuple(dict.fromkeys(collector.ignored))
        return Received(fingerprint, collector.source, who, entries, held, ignored)


def _require_result(message: Hl7Message) -> None:
    header = message.header
    kind, event = message.component(header.field(9)), message.component(header.field(9), 2)
    if kind != "ORU" or event != "R01":
        what = "message type" if kind != "ORU" else "event"
        raise MessageError(
            f"The {what} '{kind}^{event}' is not taken; ORU^R01 (results) is.", 200 if kind != "ORU" else 201
        )
    if message.component(header.field(11)) != "P":
        raise MessageError(
            "It is a test or for training (MSH-11 is not P), so it is not taken into a patient's twin.", 202
        )
    if not re.fullmatch(r"2\.[3-9](\.\d)?", message.component(header.field(12))):
        raise MessageError("Its version (MSH-12) is not of HL7 2.3 to 2.9.", 203)
    if not header.field(10).strip():
        raise MessageError("It has no control id (MSH-10), so that it can't be told from another.", 101)
    if not message.all("OBX"):
        raise MessageError("It holds no result (OBX).", 100)


def _identities(message: Hl7Message) -> tuple[Patient, ...]:
    segments = message.all("PID")
    if len(segments) > 1:
        raise PatientMismatchError(f"The message is about {len(segments)} patients; one at a time can be taken in.")
    if not segments:
        return ()
    pid = segments[0]
    listed = [(r, message.component(r, 5)) for r in message.repetitions(pid.field(3))]
    own = [r for r, kind in listed if kind in _SYSTEM_OF_PATIENT] or [r for r, _ in listed]
    ids = [(message.component(r), message.component(r, 4)) for r in own]
    name = "^".join(message.component(pid.field(5), n) for n in (1, 2)).strip("^")
    return identities(ids, name, message.component(pid.field(7)), message.component(pid.field(8)))


@dataclass(frozen=True)
class _Result:
    """One OBX under its order."""

    message: Hl7Message
    order: Segment
    obx: Segment
    zone: tzinfo | None
    patients: tuple[Patient, ...]
    local: LocalCodes

    def _part(self, n: int, component: int = 1) -> str:
        return self.message.component(self.obx.field(n), component)

    def read_into(self, collector: Collector) -> None:
        coded = self.obx.field(3)
        c = self.message.component
        codes = tuple((c(coded, n + 2), c(coded, n)) for n in (1, 4) if c(coded, n))
        what = shown(self._part(3, 2) or self._part(3, 5) or self._part(3) or "a result")
        try:
            meaning = quantity_of(codes, self.local)
            if meaning is None or self._part(11) in _NO_RESULT:
                collector.ignore(what if meaning is None else f"{what}: no result")
                return
            quantity, kind, code = meaning
            origin = self._origin(collector.source, code)
            if self._part(11) in _TAKEN_BACK:
                collector.entries.append(Withdrawn(origin, what))
            else:
                collector.entries.append(self._measured(origin, quantity, kind))
        except SourceError as error:
            collector.refuse(what, str(error))

    def _origin(self, source: str, code: str) -> Origin:
        """The same result keeps its key: its own id, or order, code, sub-id and time."""
        stated = self.message.header.field(7)
        version = hl7_time(stated, self.zone).utc if stated else None
        number = self._part(21) and f"{self._part(21)}|{self._part(21, 2)}"
        order = "|".join(self.message.component(self.order.field(3), n) or self.message.component(
            self.order.field(2), n) for n in (1, 2))  # fmt: skip
        key = f"hl7:{number}" if number else f"hl7:{order}|{code}|{self._part(4)}|{self._time()}"
        device = shown(self._part(18) or self._part(18, 2))
        if names_patient(device, self.patients):
            device = "a device"
        return Origin(key, source, _STATUS.get(self._part(11), EntryStatus.FINAL), version, device)

    def _time(self) -> str:
        return self._part(14) or self.message.component(self.order.field(7))

    def _measured(self, origin: Origin, quantity: Quantity, kind: str) -> Measured:
        if self._part(11) not in _STATUS:
            raise SourceError(f"its status '{self._part(11)[:10]}' (OBX-11) is none that can be relied on")
        if not self._time():
            raise SourceError("it does not say when it was measured (OBX-14, OBR-7)")
        when = hl7_time(self._time(), self.zone)
        value, comparator = self._number()
        unit, system = self._part(6), self._part(6, 3)
        if system and system_named(system) != UCUM:
            raise SourceError(f"its unit '{unit[:20]}' is not of UCUM but of '{system[:30]}'")
        found = converted(quantity, kind, value, unit)
        return Measured(
            origin, quantity.key, found, quantity.unit, when, shown(f"{comparator}{value:g} {unit}"), comparator
        )

    def _number(self) -> tuple[float, str]:
        """A number (NM), or one with a comparator (SN). Raises SourceError for anything else."""
        kind, text, comparator = self._part(2), self._part(5), ""
        if len(self.message.repetitions(self.obx.field(5))) > 1:
            raise SourceError("it holds several values")
        if kind == "SN":
            comparator, text = self._part(5), self._part(5, 2)
            if self._part(5, 3) or comparator not in ("", "=", "<", "<=", ">", ">="):
                raise SourceError("its value is a range or a ratio, not a number")
        elif kind != "NM":
            raise SourceError(f"its value is of the type '{kind[:5]}', no number")
        if not _NUMBER.fullmatch(text):
            raise SourceError(f"its value '{text[:20]}' is no number")
        return float(text), "" if comparator == "=" else comparator


def read_oru(message: Hl7Message, data: bytes, reader: OruReader) -> Received:
    """As `OruReader.read`, but that several patients are told to the sender like any other fault."""
    try:
        return reader.read(message, data)
    except PatientMismatchError as error:
        raise MessageError(str(error), 204, Answer.ERROR) from error
