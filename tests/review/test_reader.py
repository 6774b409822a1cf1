"""A reader's key signs; nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from surgtwin.domain.review import ReviewState, SignOff
from surgtwin.errors import ReviewError
from surgtwin.review.reader import UnlockedReader, add_reader, is_genuine, readers, unlock
from tests.review.conftest import PASSPHRASE


def statement(by: UnlockedReader, **changes: object) -> SignOff:
    r = by.reader
    plain = SignOff("liver", ReviewState.ACCEPTED, "ab" * 32, 1, r.name, r.key, "2026-01-02T03:04:05Z", 12.5)
    return replace(plain, **changes)


def test_a_signed_statement_is_genuine_for_its_case_alone(reader):
    said = reader.signed(statement(reader), "case-1")
    assert is_genuine(said, "case-1")
    assert not is_genuine(said, "case-2")


@pytest.mark.parametrize(
    "change",
    [
        {"structure": "spleen"},
        {"state": ReviewState.CORRECTED},
        {"content_sha256": "cd" * 32},
        {"twin_revision": 2},
        {"reader": "Dr. A"},
        {"utc": "2026-01-02T03:04:06Z"},
        {"seconds": 12.6},
        {"reason": "none"},
        {"comment": "fine"},
        {"is_full_read": True},
        {"reader_key": "00" * 32},
        {"signature": ""},
        {"signature": "zz"},
        {"signature": "ab" * 64},
    ],
)
def test_nothing_of_it_can_be_changed_afterwards(reader, change):
    assert not is_genuine(replace(reader.signed(statement(reader), "case-1"), **change), "case-1")


def test_a_reader_signs_in_no_other_name(reader):
    with pytest.raises(ReviewError, match=r"can't be signed by Dr\. B"):
        reader.signed(statement(reader, reader="Dr. A"), "case-1")


def test_the_passphrase_opens_the_key_and_another_does_not(readers_folder):
    assert unlock("dr. b", lambda: PASSPHRASE, readers_folder).reader.name == "Dr. B"
    with pytest.raises(ReviewError, match="not the passphrase"):
        unlock("Dr. B", lambda: "wrong horse", readers_folder)


def test_nobody_is_asked_for_the_passphrase_of_a_reader_who_is_not_there(readers_folder):
    def never() -> str:
        raise AssertionError

    with pytest.raises(ReviewError, match=r"no reader 'Dr\. X'.*'Dr\. B'"):
        unlock("Dr. X", never, readers_folder)


def test_the_key_file_holds_no_key_in_the_clear(readers_folder):
    (path,) = (readers_folder / "readers").iterdir()
    assert "ENCRYPTED PRIVATE KEY" in path.read_text(encoding="utf-8")
    assert PASSPHRASE not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", " Dr. A", "Dr.\nA", "A" * 81])
def test_a_name_is_one_plain_line(name, tmp_path):
    with pytest.raises(ReviewError, match="one line"):
        add_reader(name, "", "long enough", tmp_path)


def test_a_short_passphrase_and_a_taken_name_are_refused(tmp_path):
    with pytest.raises(ReviewError, match="at least 8"):
        add_reader("Dr. A", "", "short", tmp_path)
    add_reader("Dr. A", "", "long enough", tmp_path)
    with pytest.raises(ReviewError, match="already"):
        add_reader("DR. A", "", "long enough", tmp_path)


def test_a_damaged_key_file_hides_no_other_reader(tmp_path: Path):
    add_reader("Dr. A", "", "long enough", tmp_path)
    (tmp_path / "readers" / "x.reader.json").write_text("{", encoding="utf-8")
    (tmp_path / "readers" / "y.reader.json").write_text('{"name": 3}', encoding="utf-8")
    assert [r.name for r in readers(tmp_path)] == ["Dr. A"]


def test_a_key_file_with_anothers_public_key_is_refused(tmp_path: Path):
    one = add_reader("Dr. A", "", "long enough", tmp_path)
    other = add_reader("Dr. C", "", "long enough", tmp_path)
    path = tmp_path / "readers" / f"{one.key[:16]}.reader.json"
    path.write_text(path.read_text(encoding="utf-8").replace(one.key, other.key), encoding="utf-8")
    with pytest.raises(ReviewError, match="damaged"):
        unlock("Dr. A", lambda: "long enough", tmp_path)
