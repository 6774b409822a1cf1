"""What comes twice changes nothing; corrections replace, older versions and contradictions do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from surgtwin.clinical.fhir import read_fhir
from surgtwin.clinical.hl7v2 import parse_message
from surgtwin.clinical.merge import Merged, merge
from surgtwin.clinical.oru import OruReader
from surgtwin.clinical.received import Received
from surgtwin.domain.patient_record import Measured, PatientRecord
from tests.clinical.messages import NOW, bundle, observation, obx, oru


def fhir(value: float, status: str = "final", updated: str = "2026-03-08T10:00:00Z") -> Received:
    return read_fhir(bundle(observation("29463-7", value, "kg", status=status, meta={"lastUpdated": updated})))


def hl7(value: str, status: str = "F", **changes: str) -> Received:
    time = changes.pop("time", "20260308090000+0100")
    data = oru(obx("29463-7", value, "kg", f11=status, f14=time), **changes)
    return OruReader().read(parse_message(data), data)


def added(record: PatientRecord, received: Received) -> tuple[PatientRecord, Merged]:
    merged = merge(record, received, NOW, is_identified=True)
    entries = {**record.by_key, **{e.origin.key: e for e in merged.entries}}
    new = PatientRecord(
        tuple(entries.values()), (*record.quarantined, *merged.quarantined), record.messages | {received.fingerprint}
    )
    return new, merged


def told(*arrivals: Received) -> tuple[list[float], list[dict[str, int]]]:
    record, counts = PatientRecord(), []
    for received in arrivals:
        record, merged = added(record, received)
        counts.append(merged.counts)
    return [m.value for m in record.series("weight")], counts


def test_the_same_again_changes_nothing() -> None:
    assert told(fhir(70), fhir(70)) == ([70.0], [{"new": 1}, {"duplicate": 1}])
    again = hl7("70", m10="MSG0002")
    assert told(hl7("70"), again) == ([70.0], [{"new": 1}, {"duplicate": 1}])


def test_final_replaces_preliminary_and_never_the_other_way() -> None:
    assert told(fhir(70, "preliminary"), fhir(71, "final"))[0] == [71.0]
    values, counts = told(fhir(71, "final"), fhir(70, "preliminary"))
    assert (values, counts[1]) == ([71.0], {"quarantined": 1})


def test_a_correction_replaces_and_a_silent_change_does_not() -> None:
    assert told(fhir(70), fhir(80, "corrected"))[0] == [80.0]
    values, counts = told(fhir(70), fhir(80))
    assert (values, counts[1]) == ([70.0], {"quarantined": 1})


def test_a_correction_that_restates_the_time_means_the_same_result() -> None:
    assert told(hl7("70"), hl7("71", "C", time="20260308093000+0100", m10="M2"))[0] == [71.0]


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    newer = fhir(80, "corrected", "2026-03-09T10:00:00Z")
    assert told(newer, fhir(75, "corrected", "2026-03-08T10:00:00Z")) == ([80.0], [{"new": 1}, {"late": 1}])


def test_what_is_taken_back_is_gone_and_does_not_come_back_with_an_old_message() -> None:
    gone = fhir(70, "entered-in-error", "2026-03-09T00:00:00Z")
    values, counts = told(fhir(70), gone, fhir(70, "final", "2026-03-08T10:00:01Z"))
    assert (values, counts[1], counts[2]) == ([], {"withdrawn": 1}, {"late": 1})


def test_a_value_from_the_future_is_quarantined() -> None:
    received = fhir(70)
    (entry,) = received.entries
    assert isinstance(entry, Measured)
    ahead = replace(entry, at=replace(entry.at, utc=NOW + timedelta(hours=1)))
    merged = merge(PatientRecord(), replace(received, entries=(ahead,)), NOW, is_identified=True)
    assert not merged.entries and "lies ahead" in merged.quarantined[0].reason
