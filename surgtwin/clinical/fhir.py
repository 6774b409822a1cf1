"""FHIR R4 resources read into entries: one resource, or a bundle of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from ..domain.patient import Patient
from ..domain.patient_record import EntryStatus, Origin, Withdrawn
from ..errors import PatientMismatchError, SourceError
from .fhir_json import MOST_RESOURCES, Json, at, codes_of, objects_at, parse_fhir, text_at, words_of
from .fhir_references import Bundle
from .fhir_statements import read_allergy, read_condition, read_medication
from .fhir_values import read_observation
from .identity import identities, names_patient
from .quantities import LocalCodes
from .received import Collector, Received, shown
from .times import fhir_time

TAKEN_BUNDLES = ("collection", "searchset", "batch", "transaction", "document", "message", "history")
_TAKEN_BACK = ("entered-in-error", "cancelled")
_STATUS = {"preliminary": EntryStatus.PRELIMINARY, "amended": EntryStatus.CORRECTED, "corrected": EntryStatus.CORRECTED}
_IDENTIFIER_OF_PATIENT = ("MR", "PI", "PT")

Reader = Callable[[Json, Origin, Bundle, Collector, LocalCodes], None]
_READERS: dict[str, Reader] = {
    "Observation": read_observation,
    "MedicationRequest": read_medication,
    "MedicationStatement": read_medication,
    "AllergyIntolerance": read_allergy,
    "Condition": read_condition,
}
_KNOWN = (*_READERS, "Patient", "Device", "Medication")


def read_fhir(data: bytes, local: LocalCodes | None = None) -> Received:
    """Everything of use in a FHIR R4 resource or bundle.

    Raises
    ------
    SourceError
        As `parse_fhir`, or if there is nothing of a patient in it.
    PatientMismatchError
        If it is about several patients.
    """
    content = parse_fhir(data)
    resources, urls = _resources(content)
    bundle = Bundle(resources, urls)
    patients = [r for r in resources if r["resourceType"] == "Patient"]
    if len(patients) > 1:
        raise PatientMismatchError(f"The bundle holds {len(patients)} patients; one at a time can be taken in.")
    found = _subjects(resources, patients[0] if patients else None, bundle)
    collector = Collector(_source(content))
    for n, resource in enumerate(resources):
        _read(resource, bundle.url(n), bundle, collector, found, local or LocalCodes())
    return Received(
        hashlib.sha256(data).hexdigest(),
        collector.source,
        found,
        tuple(collector.entries),
        tuple(collector.quarantined),
        tuple(dict.fromkeys(collector.ignored)),
    )


def _resources(content: Json) -> tuple[list[Json], list[str]]:
    if content["resourceType"] != "Bundle":
        return [content], [""]
    kind = text_at(content, "type")
    if kind not in TAKEN_BUNDLES:
        raise SourceError(f"The bundle's type '{kind[:30]}' holds no results; {', '.join(TAKEN_BUNDLES)} can be read.")
    entries = [e for e in objects_at(content, "entry") if text_at(e, "resource", "resourceType")]
    if len(entries) > MOST_RESOURCES:
        raise SourceError(f"The bundle holds {len(entries)} resources; at most {MOST_RESOURCES} are read.")
    return [e["resource"] for e in entries], [text_at(e, "fullUrl") for e in entries]


def _source(content: Json) -> str:
    stated = text_at(content, "meta", "source")
    return shown(f"FHIR R4 from {stated.split('#')[0]}" if stated else "FHIR R4")


def _read(
    resource: Json, url: str, bundle: Bundle, collector: Collector, patients: tuple[Patient, ...], local: LocalCodes
) -> None:
    kind = resource["resourceType"]
    what = shown(words_of(resource.get("code")) or words_of(resource.get("medicationCodeableConcept")) or kind)
    if kind not in _READERS:
        if kind not in _KNOWN:
            collector.ignore(kind)
        return
    if resource.get("modifierExtension") or resource.get("implicitRules"):
        collector.refuse(what, "it carries rules that change its meaning and are not known here")
        return
    try:
        origin = _origin(resource, url, bundle, collector.source, patients)
    except SourceError as error:
        collector.refuse(what, str(error))
        return
    if _is_taken_back(resource):
        collector.entries.append(Withdrawn(origin, what))
        return
    _READERS[kind](resource, origin, bundle, collector, local)


def _is_taken_back(resource: Json) -> bool:
    """Whether the source says that this never was, or was called off before it had a result."""
    said = (text_at(resource, "status"), *(code for _, code in codes_of(resource.get("verificationStatus"))))
    if resource["resourceType"] in ("MedicationRequest", "MedicationStatement"):
        return "entered-in-error" in said
    return any(word in _TAKEN_BACK for word in said)


def _origin(resource: Json, url: str, bundle: Bundle, source: str, patients: tuple[Patient, ...]) -> Origin:
    kind = resource["resourceType"]
    stated = text_at(resource, "meta", "lastUpdated") or text_at(resource, "issued")
    version = fhir_time(stated) if stated else None
    device = bundle.device(resource)
    if names_patient(device, patients):
        device = "a device"
    status = _STATUS.get(text_at(resource, "status"), EntryStatus.FINAL)
    return Origin(_key(kind, resource, url), source, status, None if version is None else version.utc, shown(device))


def _key(kind: str, resource: Json, url: str) -> str:
    """What stays the same over the versions of a resource: its identifier, its id, or else all it says."""
    for identifier in objects_at(resource, "identifier"):
        value, system = text_at(identifier, "value"), text_at(identifier, "system")
        if value and system:
            return f"fhir:{kind}:{system}|{value}"
    if text_at(resource, "id"):
        return f"fhir:{kind}:id|{resource['id']}"
    if url.startswith(("http://", "https://")):
        return f"fhir:{kind}:url|{url}"
    content = {key: value for key, value in resource.items() if key not in ("meta", "text")}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"fhir:{kind}:content|{digest[:32]}"


def _subjects(resources: list[Json], patient: Json | None, bundle: Bundle) -> tuple[Patient, ...]:
    """The patient's identities; every resource has to be about that patient.

    Raises
    ------
    PatientMismatchError
        If a resource is about somebody else.
    """
    stated = () if patient is None else _identities(patient)
    references = dict.fromkeys(
        text_at(r, key, "reference")
        for r in resources
        for key in ("subject", "patient")
        if r["resourceType"] in _READERS and text_at(r, key, "reference")
    )
    if patient is not None and any(bundle.find(reference) is not patient for reference in references):
        raise PatientMismatchError("The bundle holds results of another patient than the one it names.")
    if len(references) > 1 and patient is None:
        raise PatientMismatchError(f"The bundle is about {len(references)} patients; one at a time can be taken in.")
    by_identifier = [
        (text_at(r, key, "identifier", "value"), _issuer(at(r, key, "identifier")))
        for r in resources
        for key in ("subject", "patient")
        if r["resourceType"] in _READERS
    ]
    logical = list(dict.fromkeys(i for i in by_identifier if i[0]))
    if len(logical) > 1:
        raise PatientMismatchError(f"The results are about {len(logical)} patients; one at a time can be taken in.")
    if patient is not None and logical and all(logical[0][0] != p.patient_id for p in stated):
        raise PatientMismatchError("The bundle holds results of another patient than the one it names.")
    return stated or identities(logical, "", "", "")


def _identities(patient: Json) -> tuple[Patient, ...]:
    name = next(
        (n for use in ("official", "usual", "") for n in objects_at(patient, "name") if text_at(n, "use") in (use, "")),
        next(iter(objects_at(patient, "name")), {}),
    )
    given = [g for g in (at(name, "given") or []) if isinstance(g, str)]
    said = f"{text_at(name, 'family')}^{given[0] if given else ''}".strip("^")
    listed = [i for i in objects_at(patient, "identifier") if text_at(i, "use") != "old"]
    own = [i for i in listed if any(code in _IDENTIFIER_OF_PATIENT for _, code in codes_of(i.get("type")))]
    ids = [(text_at(i, "value"), _issuer(i)) for i in own or listed]
    return identities(ids, said, text_at(patient, "birthDate"), text_at(patient, "gender"))


def _issuer(identifier: object) -> str:
    """Who gave the number, in the words that DICOM would use; a system's address is no such word."""
    return text_at(identifier, "assigner", "display")
