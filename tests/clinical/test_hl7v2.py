"""HL7 v2 results are read strictly, and answered as the standard wants."""

from __future__ import annotations

import re
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgtwin.clinical.hl7v2 import Answer, MessageError, answer_to, parse_message, split_messages
from surgtwin.clinical.oru import OruReader
from surgtwin.clinical.received import Received
from surgtwin.clinical.times import hl7_time, zone_named
from surgtwin.domain.patient_record import EntryStatus, Measured, Withdrawn
from surgtwin.errors import PatientMismatchError, SourceError
from tests.clinical.messages import NOW, obx, oru

WEIGHT = obx("29463-7", "70.5", "kg")


def read(data: bytes, reader: OruReader | None = None) -> Received:
    return (reader or OruReader()).read(parse_message(data), data)


def only(*results: str, **changes: str) -> Measured:
    (entry,) = read(oru(*results, **changes)).entries
    assert isinstance(entry, Measured)
    return entry


def reason(*results: str, **changes: str) -> str:
    received = read(oru(*results, **changes))
    assert not received.entries
    return received.quarantined[0].reason


def test_a_result_is_read_with_unit_time_device_and_sender() -> None:
    entry = only(obx("1975-2", "1.0", "mg/dL", f18="ANALYSER 7^MAKER"))
    assert entry.value == pytest.approx(17.104, rel=1e-4)
    assert entry.at.utc.isoformat() == "2026-03-08T08:00:00+00:00"
    assert (entry.origin.device, entry.origin.source) == ("ANALYSER 7", "HL7 v2 LAB at CITY")
    (who,) = read(oru(WEIGHT)).identities
    assert (who.patient_id, who.issuer, who.birth_date, who.sex) == ("SECRET-4711", "HOSPITAL", "19610203", "F")


@pytest.mark.parametrize(
    ("letter", "status"),
    [("F", EntryStatus.FINAL), ("P", EntryStatus.PRELIMINARY), ("C", EntryStatus.CORRECTED), ("U", EntryStatus.FINAL)],
)
def test_statuses_are_those_of_the_table(letter, status) -> None:
    assert only(obx("29463-7", "70", "kg", f11=letter)).origin.status is status


def test_what_is_deleted_or_wrong_is_withdrawn() -> None:
    for letter in ("D", "W"):
        (entry,) = read(oru(obx("29463-7", '""', "kg", f11=letter))).entries
        assert isinstance(entry, Withdrawn)
        assert entry.origin.key == only(WEIGHT).origin.key


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (obx("29463-7", "70", ""), "no unit"),
        (obx("29463-7", "70", "", f6="kg^^ISO+"), "not of UCUM"),
        (obx("29463-7", "70,5", "kg"), "no number"),
        (obx("29463-7", "1e3", "kg"), "no number"),
        (obx("29463-7", "NaN", "kg"), "no number"),
        (obx("29463-7", "70~71", "kg"), "several values"),
        (obx("29463-7", "70", "kg", f2="ST"), "no number"),
        (obx("29463-7", "70", "kg", f11="Z"), "none that can be relied on"),
        (obx("29463-7", "70", "kg", f14="2026"), "not one of HL7"),
        (obx("29463-7", "70", "kg", f14="20260230"), "no date"),
        (obx("1834-1", "1^-^5", "ng/mL", f2="SN"), "no number|range"),
    ],
)
def test_what_can_not_be_relied_on_is_quarantined_with_its_reason(result, told) -> None:
    assert re.search(told, reason(result))


def test_a_structured_number_keeps_its_comparator() -> None:
    entry = only(obx("1834-1", ">^1000", "ng/mL", f2="SN"))
    assert (entry.value, entry.comparator) == (1000.0, ">")


def test_an_inr_needs_no_unit_it_is_a_ratio() -> None:
    assert only(obx("6301-6", "1.3", "")).value == 1.3


def test_a_time_without_a_zone_takes_the_messages_else_the_given_one_else_none() -> None:
    local = obx("29463-7", "70", "kg", f14="20260308090000")
    assert only(local).at.utc.hour == 8
    bare = {"m7": "20260308101500", "obr": "OBR|1||ORD77^LAB"}
    assert "no zone" in reason(local, **bare)
    (entry,) = read(oru(local, **bare), OruReader(zone_named("-05:00"))).entries
    assert entry.at.utc.hour == 14


def test_the_hour_that_clocks_skip_or_repeat_is_not_guessed() -> None:
    try:
        vienna = zone_named("Europe/Vienna")
    except SourceError:
        pytest.skip("this computer has no time zones")
    assert hl7_time("202603081200", vienna).utc.hour == 11
    for text in ("202603290230", "202610250230"):
        with pytest.raises(SourceError, match="clocks changed"):
            hl7_time(text, vienna)
    assert hl7_time("202610250230+0100", vienna).utc.astimezone(UTC).hour == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"m9": "ADT^A01"}, 200),
        ({"m9": "ORU^R30"}, 201),
        ({"m11": "T"}, 202),
        ({"m12": "3.0"}, 203),
        ({"m10": ""}, 101),
    ],
)
def test_what_is_no_result_for_the_record_is_rejected_with_the_tables_code(changes, code) -> None:
    data = oru(WEIGHT, **changes)
    with pytest.raises(MessageError) as caught:
        read(data)
    assert (caught.value.code, caught.value.answer) == (code, Answer.REJECT)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "does not begin"),
        (b"PID|1\r", "does not begin"),
        (b"MSH|^~\\&", "does not begin"),
        (b"MSH||||||P|\r", "separators"),
        (b"MSH|^~\\&|A\x00B\r", "does not begin"),
        (oru(WEIGHT, m18="UTF-32"), "character set"),
        (oru(WEIGHT, m18="").replace(b"Nobody", "Nöbody".encode()), "not of its character set"),
        (oru(WEIGHT).replace(b"Nobody", b"N\xf6body"), "not of its character set"),
        (oru("hello there"), "no segment"),
        (b"MSH|^~\\&|" + b"x" * 1_100_000, "at most"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(data, told) -> None:
    with pytest.raises(SourceError, match=told):
        read(data)


def test_letters_are_read_in_their_character_set_and_unescaped() -> None:
    latin = oru(WEIGHT, m18="8859/1").replace(b"Nobody", b"N\xf6body")
    assert read(latin).identities[0].name == "Nöbody^Knows"
    entry = read(oru(obx("X", "1", "kg", f3="L1^a \\T\\ b \\S\\ c^L"))).ignored
    assert entry == ("a & b ^ c",)


def test_several_patients_are_refused() -> None:
    with pytest.raises(PatientMismatchError):
        read(oru(WEIGHT, "PID|2||X^^^HOSPITAL^MR", WEIGHT))


def test_a_batch_file_holds_several_messages() -> None:
    batch = b"FHS|^~\\&\nBHS|^~\\&\n" + oru(WEIGHT).replace(b"\r", b"\n") + oru(WEIGHT) + b"BTS|2\nFTS|1\n"
    assert [len(read(m).entries) for m in split_messages(batch)] == [1, 1]


def test_answers_swap_sender_and_receiver_and_name_the_message() -> None:
    message = parse_message(oru(WEIGHT))
    answer = parse_message(answer_to(message, Answer.ERROR, "no | such ^ patient", 204, now=NOW))
    header, (msa,), (err,) = answer.header, answer.all("MSA"), answer.all("ERR")
    assert [header.field(n) for n in (3, 4, 5, 6)] == ["TWIN", "OR", "LAB", "CITY"]
    assert (header.field(9), msa.fields) == ("ACK^R01^ACK", ("AE", "MSG0001"))
    assert (answer.component(err.field(3)), answer.component(err.field(8))) == ("204", "no | such ^ patient")


def test_the_enhanced_mode_is_answered_as_asked() -> None:
    def answer(wanted: str, said: Answer) -> bytes:
        return answer_to(parse_message(oru(WEIGHT, m15=wanted)), said)

    assert b"MSA|CA|" in answer("AL", Answer.ACCEPT) and b"MSA|CR|" in answer("ER", Answer.REJECT)
    assert answer("NE", Answer.ACCEPT) == answer("ER", Answer.ACCEPT) == answer("SU", Answer.ERROR) == b""


def test_what_can_not_be_read_is_answered_too() -> None:
    assert b"MSA|AR|" in answer_to(None, Answer.REJECT, "no message", 100)


@given(st.binary(max_size=300))
def test_no_bytes_bring_the_reader_down(junk: bytes) -> None:
    for data in (junk, b"MSH|^~\\&|" + junk, oru(WEIGHT) + junk):
        try:
            split_messages(data)
            received = read(data)
        except SourceError:
            continue
        assert isinstance(received, Received)
