"""FHIR's Observation: one value, or several as components."""

from __future__ import annotations

from dataclasses import replace

from ..domain.patient_record import Measured, Moment, Origin
from ..errors import SourceError
from .fhir_json import Json, at, codes_of, objects_at, quantity_at, text_at, words_of
from .fhir_references import Bundle
from .quantities import LocalCodes, Quantity
from .received import Collector, converted, quantity_of, shown
from .times import fhir_time

READ_STATUS = ("preliminary", "final", "amended", "corrected")


def read_observation(resource: Json, origin: Origin, bundle: Bundle, collector: Collector, local: LocalCodes) -> None:
    """Add every value of a known quantity that an Observation and its components hold."""
    status = text_at(resource, "status")
    if status == "registered":
        collector.ignore("a result that is not there yet")
        return
    for n, part in enumerate([resource, *objects_at(resource, "component")]):
        what = shown(words_of(part.get("code")) or "Observation")
        try:
            meaning = quantity_of(codes_of(part.get("code")), local)
            if meaning is None:
                if n or not resource.get("component"):
                    collector.ignore(what)
                continue
            quantity, kind, code = meaning
            if status not in READ_STATUS:
                raise SourceError(f"its status '{status[:30]}' is none that can be relied on")
            own = origin if n == 0 else replace(origin, key=f"{origin.key}#{code}")
            collector.entries.append(_measured(part, own, quantity, kind, _effective(resource)))
        except SourceError as error:
            collector.refuse(what, str(error))


def _measured(part: Json, origin: Origin, quantity: Quantity, kind: str, when: Moment) -> Measured:
    if part.get("dataAbsentReason") is not None:
        raise SourceError(f"it has no value: {words_of(part['dataAbsentReason']) or 'no reason is stated'}")
    value, unit, comparator = quantity_at(part, "valueQuantity")
    found = converted(quantity, kind, value, unit)
    stated = shown(f"{comparator}{value:g} {unit}")
    return Measured(origin, quantity.key, found, quantity.unit, when, stated, comparator)


def _effective(resource: Json) -> Moment:
    """When it was true of the patient: never when it was merely sent. The end of a period counts."""
    for path in ("effectiveDateTime", "effectiveInstant", "effectivePeriod.end", "effectivePeriod.start"):
        stated = at(resource, *path.split("."))
        if stated is not None:
            return fhir_time(stated)
    raise SourceError("it does not say when it was measured")
