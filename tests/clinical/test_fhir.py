"""FHIR R4 is read strictly: units, times, statuses, patients, and what is no FHIR at all."""

from __future__ import annotations

import json

import pytest

from surgtwin.clinical.fhir import read_fhir
from surgtwin.clinical.quantities import LocalCodes
from surgtwin.clinical.received import Received
from surgtwin.domain.patient_record import Allergy, Condition, EntryStatus, Measured, Medication, Withdrawn
from surgtwin.errors import PatientMismatchError, SourceError
from tests.clinical.messages import LOINC, UCUM, bundle, concept, medication, observation, patient


def read(*resources) -> Received:
    return read_fhir(bundle(*resources))


def only(*resources) -> Measured:
    (entry,) = read(*resources).entries
    assert isinstance(entry, Measured)
    return entry


def reason(*resources) -> str:
    received = read(*resources)
    assert not received.entries
    (held,) = received.quarantined
    return held.reason


@pytest.mark.parametrize(
    ("code", "value", "unit", "quantity", "expected"),
    [
        ("29463-7", 154, "[lb_av]", "weight", 69.853),
        ("8302-2", 1.72, "m", "height", 172.0),
        ("8302-2", 68, "[in_i]", "height", 172.72),
        ("1975-2", 1.0, "mg/dL", "bilirubin", 17.104),
        ("14631-6", 17.1, "umol/l", "bilirubin", 17.1),
        ("1751-7", 4.1, "g/dL", "albumin", 41.0),
        ("2160-0", 1.0, "mg/dL", "creatinine", 88.4),
        ("59260-0", 9.0, "mmol/L", "haemoglobin", 145.0),
        ("777-3", 150, "10*3/uL", "platelets", 150.0),
        ("1834-1", 12.5, "ng/mL", "afp", 12.5),
        ("8310-5", 98.6, "[degF]", "temperature", 37.0),
    ],
)
def test_values_are_converted_to_one_unit(code, value, unit, quantity, expected) -> None:
    entry = only(observation(code, value, unit))
    assert entry.quantity == quantity
    assert entry.value == pytest.approx(expected, rel=1e-3)
    assert entry.stated == f"{value:g} {unit}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"valueQuantity": {"value": 70}}, "no unit"),
        ({"valueQuantity": {"value": 70, "unit": "kg"}}, "words only"),
        ({"valueQuantity": {"value": 70, "code": "kg", "system": "urn:own"}}, "not of UCUM"),
        ({"valueQuantity": {"value": 70, "code": "stone", "system": UCUM}}, "not a UCUM unit known"),
        ({"valueQuantity": {"value": 70000, "code": "kg", "system": UCUM}}, "not plausible"),
        ({"valueQuantity": {"value": -3, "code": "kg", "system": UCUM}}, "not plausible"),
        ({"valueQuantity": {"value": True, "code": "kg", "system": UCUM}}, "no number"),
        ({"valueQuantity": {"value": "70", "code": "kg", "system": UCUM}}, "no number"),
        ({"valueQuantity": None, "valueString": "seventy"}, "no quantity"),
        ({"dataAbsentReason": concept("x", "asked-declined")}, "no value"),
        ({"effectiveDateTime": None}, "when it was measured"),
        ({"effectiveDateTime": "2026-03"}, "not known to the day"),
        ({"effectiveDateTime": "2026-03-08T09:00:00"}, "not a time of FHIR"),
        ({"effectiveDateTime": "2026-02-30"}, "no date of the calendar"),
        ({"status": "unknown"}, "none that can be relied on"),
        ({"modifierExtension": [{"url": "urn:not"}]}, "rules that change its meaning"),
    ],
)
def test_what_can_not_be_relied_on_is_quarantined_with_its_reason(changes, told) -> None:
    assert told in reason(observation("29463-7", 70, "kg", **changes))


def test_a_unit_of_another_kind_of_quantity_shows_that_code_or_unit_is_wrong() -> None:
    assert "its code means mass" in reason(observation("1975-2", 20, "umol/L"))


def test_codes_that_mean_different_things_are_not_chosen_from() -> None:
    codes = {"coding": [{"system": LOINC, "code": "8302-2"}, {"system": LOINC, "code": "29463-7"}]}
    assert "different things" in reason(observation("x", 70, "kg", code=codes))


def test_times_are_placed_by_their_zone() -> None:
    first = only(observation("29463-7", 70, "kg", effectiveDateTime="2026-03-08T00:30:00+02:00"))
    assert first.at.utc.isoformat() == "2026-03-07T22:30:00+00:00"
    assert only(observation("29463-7", 70, "kg", effectiveDateTime="2026-03-08")).at.is_day


def test_statuses_are_kept_and_what_was_an_error_is_withdrawn() -> None:
    assert only(observation("29463-7", 70, "kg", status="preliminary")).origin.status is EntryStatus.PRELIMINARY
    assert only(observation("29463-7", 70, "kg", status="corrected")).origin.status is EntryStatus.CORRECTED
    (entry,) = read(observation("29463-7", 70, "kg", status="entered-in-error")).entries
    assert isinstance(entry, Withdrawn)


def test_components_are_values_of_their_own() -> None:
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": {"value": v, "system": UCUM, "code": "mm[Hg]"}}
        for code, v in (("8480-6", 120), ("8462-4", 80))
    ]
    received = read(observation("85354-9", None, None, valueQuantity=None, component=parts))
    assert {e.quantity: e.value for e in received.entries} == {"systolic": 120, "diastolic": 80}
    assert len({e.origin.key for e in received.entries}) == 2


def test_bounds_are_kept_as_bounds() -> None:
    quantity = {"value": 3, "comparator": "<", "system": UCUM, "code": "ng/mL"}
    entry = only(observation("1834-1", None, None, valueQuantity=quantity))
    assert (entry.comparator, entry.stated) == ("<", "<3 ng/mL")


def test_a_device_is_named_by_its_maker_never_by_its_owner() -> None:
    device = {"resourceType": "Device", "id": "d", "manufacturer": "Maker", "modelNumber": "W9"}
    device["deviceName"] = [{"name": "Knows's watch", "type": "user-friendly-name"}]
    heart = observation("8867-4", 61, "/min", device={"reference": "Device/d"})
    assert only(patient(), device, heart).origin.device == "Maker W9"
    named = observation("8867-4", 61, "/min", device={"display": "Nobody's watch"})
    assert only(patient(), named).origin.device == "a device"


def test_the_patient_is_read_with_number_and_issuer() -> None:
    (who,) = read(patient(), observation("29463-7", 70, "kg")).identities
    assert (who.patient_id, who.issuer, who.name) == ("SECRET-4711", "HOSPITAL", "Nobody^Knows")
    assert (who.birth_date, who.sex) == ("19610203", "F")
    assert "Nobody" not in repr(who)


def test_several_patients_are_refused() -> None:
    other = observation("29463-7", 70, "kg", subject={"reference": "Patient/other"})
    with pytest.raises(PatientMismatchError):
        read(patient(), patient(id="p2"))
    with pytest.raises(PatientMismatchError):
        read(patient(), other)
    with pytest.raises(PatientMismatchError):
        read(other, observation("8302-2", 170, "cm"))


def test_drugs_allergies_and_conditions_are_read() -> None:
    received = read(
        medication("Eliquis 5 mg"),
        medication("Xarelto", "stopped", effectivePeriod={"start": "2026-01-01", "end": "2026-03-01"}),
        medication("Plavix", kind="MedicationRequest", intent="proposal"),
        medication("Plavix", kind="MedicationRequest", doNotPerform=True),
        {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "Latex"}, "criticality": "high"},
        {"resourceType": "Condition", "id": "c", "code": concept("http://snomed.info/sct", "19943007", "Cirrhosis"),
         "verificationStatus": concept("x", "refuted")},
    )  # fmt: skip
    kinds = [type(e) for e in received.entries]
    assert kinds == [Medication, Medication, Allergy, Condition]
    assert [e.is_active for e in received.entries[:2]] == [True, False]
    assert received.entries[1].end is not None and received.entries[3].is_present is False
    assert len(received.ignored) == 1 and "not taken" in received.ignored[0]


def test_a_drug_is_found_through_its_reference() -> None:
    drug = {"resourceType": "Medication", "id": "m", "code": concept("http://www.whocc.no/atc", "B01AF02", "tablets")}
    request = medication("-", kind="MedicationRequest", medicationCodeableConcept=None)
    request["medicationReference"] = {"reference": "Medication/m"}
    (entry,) = read(drug, request).entries
    assert entry.codes == (("http://www.whocc.no/atc", "B01AF02"),)


def test_a_laboratorys_own_code_means_what_a_person_says() -> None:
    local = LocalCodes({("99LAB", "ICG"): "icg-r15"})
    own = observation("ICG", 12.5, "%", code={"coding": [{"system": "99LAB", "code": "ICG"}]})
    assert read_fhir(bundle(own), local).entries[0].quantity == "icg-r15"
    assert read_fhir(bundle(own)).ignored
    with pytest.raises(SourceError, match="there is no quantity 'liver'"):
        LocalCodes({("99LAB", "ICG"): "liver"})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", "XML"),
        (b'{"resourceType": "Patient"', "not valid JSON"),
        (b'{"resourceType": "Patient", "id": NaN}', "NaN"),
        (b'{"resourceType": "Patient", "id": 1e999}', "too large"),
        (b'{"resourceType": "Patient", "id": ' + b"9" * 5000 + b"}", "a number that is none"),
        (b'{"resourceType": "Patient", "id": "a", "id": "b"}', "twice"),
        (b'{"a": 1}', "no FHIR resource"),
        (b"[]", "no FHIR resource"),
        (b'{"resourceType": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"resourceType": "B", "a": ' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper"),
        (json.dumps({"resourceType": "Bundle", "type": "subscription-notification"}).encode(), "holds no results"),
    ],
)
def test_what_is_no_fhir_is_refused_with_the_reason(data, told) -> None:
    with pytest.raises(SourceError, match=told):
        read_fhir(data)


def test_fields_of_any_wrong_type_harm_nothing() -> None:
    for wrong in ("text", 5, [], {}, [[]], [5], {"coding": "x"}, {"coding": [5]}, True):
        for key in ("code", "status", "subject", "effectiveDateTime", "valueQuantity", "component", "device",
                    "identifier", "meta", "id", "issued"):  # fmt: skip
            resource = observation("29463-7", 70, "kg") | {key: wrong}
            try:
                received = read(resource)
            except SourceError:
                continue
            assert all(isinstance(e, (Measured, Withdrawn)) for e in received.entries)
