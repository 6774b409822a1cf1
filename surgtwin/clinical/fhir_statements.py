"""FHIR's MedicationRequest, MedicationStatement, AllergyIntolerance and Condition."""

from __future__ import annotations

from ..domain.patient_record import Allergy, Codes, Condition, Medication, Moment, Origin
from ..errors import SourceError
from .fhir_json import Json, at, codes_of, objects_at, text_at, words_of
from .fhir_references import Bundle
from .quantities import LocalCodes
from .received import Collector, shown
from .times import fhir_time

_GOING_ON = ("active", "on-hold", "intended", "unknown", "")
"""A status that leaves open whether it is taken counts as taken: a question too many does less harm."""
_OVER = ("completed", "stopped", "ended")
_NEVER = ("draft", "cancelled", "not-taken")
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_NOT_PRESENT = ("refuted", "inactive", "resolved", "remission")


def read_medication(resource: Json, origin: Origin, bundle: Bundle, collector: Collector, _: LocalCodes) -> None:
    """Add a medication that is or was taken; what was only proposed or never begun is told as ignored."""
    name, codes = _drug(resource, bundle)
    status, intent = text_at(resource, "status"), text_at(resource, "intent")
    is_request = resource["resourceType"] == "MedicationRequest"
    if status in _NEVER or resource.get("doNotPerform") is True or (is_request and intent not in _ORDERS):
        collector.ignore(f"{name or 'a drug'}: not taken ({status or intent or 'not to be given'})")
        return
    collector.take(name or "a drug", lambda: _medication(resource, origin, name, codes, status))


def _medication(resource: Json, origin: Origin, name: str, codes: Codes, status: str) -> Medication:
    if not name and not codes:
        raise SourceError("it does not say which drug")
    if status not in (*_GOING_ON, *_OVER):
        raise SourceError(f"its status '{status[:30]}' is none of FHIR R4")
    start = _first(resource, "effectivePeriod.start", "effectiveDateTime", "dispenseRequest.validityPeriod.start",
                   "authoredOn", "dateAsserted")  # fmt: skip
    end = _first(resource, "effectivePeriod.end", "dispenseRequest.validityPeriod.end")
    is_active = status in _GOING_ON
    if not is_active and end is None:
        # Stopped, and nobody says when: the last time that the source speaks of is the latest it can have been.
        end = _first(resource, "effectiveDateTime", "dateAsserted") or _updated(origin) or start
    return Medication(origin, shown(name or codes[0][1]), codes, is_active, start, end)


def _updated(origin: Origin) -> Moment | None:
    return None if origin.version is None else Moment(origin.version)


def _drug(resource: Json, bundle: Bundle) -> tuple[str, Codes]:
    """Name and codes of the drug, of its ingredients too."""
    concept = resource.get("medicationCodeableConcept")
    found = bundle.find(text_at(resource, "medicationReference", "reference"), resource)
    if concept is None and found is not None:
        concept = found.get("code")
    ingredients = [i.get("itemCodeableConcept") for i in objects_at(found, "ingredient")]
    codes = tuple(code for c in (concept, *ingredients) for code in codes_of(c))
    names = [words_of(c) for c in (concept, *ingredients)]
    words = ", ".join(dict.fromkeys(filter(None, names))) or text_at(resource, "medicationReference", "display")
    return shown(words), codes


def read_allergy(resource: Json, origin: Origin, _: Bundle, collector: Collector, __: LocalCodes) -> None:
    """Add an allergy; one that was refuted or is over is told as ignored."""
    substances = [r.get("substance") for r in objects_at(resource, "reaction")]
    concepts = [c for c in (resource.get("code"), *substances) if c]
    name = shown(", ".join(dict.fromkeys(filter(None, map(words_of, concepts)))))
    codes = tuple(code for c in concepts for code in codes_of(c))
    if _is_over(resource):
        collector.ignore(f"allergy to {name or 'something'}: refuted or over")
        return
    if not name and not codes:
        collector.refuse("an allergy", "it does not say to what")
        return
    criticality = text_at(resource, "criticality")
    collector.entries.append(Allergy(origin, name, codes, criticality if criticality in ("high", "low") else ""))


def read_condition(resource: Json, origin: Origin, _: Bundle, collector: Collector, __: LocalCodes) -> None:
    """Add a condition, also that it is not present where the source says so."""
    concept = resource.get("code")
    name, codes = shown(words_of(concept)), codes_of(concept)
    if not name and not codes:
        collector.refuse("a condition", "it does not say which")
        return
    severity = shown(words_of(resource.get("severity")))
    collector.take(
        name,
        lambda: Condition(
            origin,
            name,
            codes,
            not _is_over(resource),
            severity,
            _first(resource, "onsetDateTime", "recordedDate"),
        ),
    )


def _is_over(resource: Json) -> bool:
    said = [code for key in ("clinicalStatus", "verificationStatus") for _, code in codes_of(resource.get(key))]
    return any(code in _NOT_PRESENT for code in said)


def _first(resource: Json, *paths: str) -> Moment | None:
    for path in paths:
        stated = at(resource, *path.split("."))
        if isinstance(stated, str):
            return fhir_time(stated)
    return None
