"""The validation report says who said what of which structure, and hides nothing that speaks against it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from surgtwin.domain.confidence import ConfidenceMap
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.review import ReviewBook, ReviewState
from surgtwin.report.document import Callout, FigureRow, Paragraph, Report, Table
from surgtwin.report.review_report import review_report
from surgtwin.review.reader import add_reader, unlock
from surgtwin.review.sign_off import Opinion, signed
from surgtwin.review.work_list import work_item
from surgtwin.store.reviews import KeptReview
from tests.planning.shapes import OBLIQUE
from tests.report.subjects import liver_twin, subject


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configuration")
    add_reader("Dr. B", "radiologist", "long enough", folder)
    return unlock("Dr. B", lambda: "long enough", folder)


@pytest.fixture(scope="module")
def twin():
    return liver_twin(OBLIQUE)


def reported(twin) -> Report:
    kept = KeptReview(
        twin.case_id, twin.revision, twin.labels, None, twin.confidence, twin.findings, twin.provenance, twin.reviews
    )
    return review_report(subject(twin), work_item(Path("case.twin"), kept))


def said(twin, reader, names, opinion):
    return signed(twin.case_id, twin.revision.number, twin.labels, names, opinion, reader)


def section(report: Report, title: str):
    return next(s for s in report.sections if s.title == title).blocks


def callouts(report: Report) -> list[str]:
    return [b.text for b in section(report, "Review") if isinstance(b, Callout) and b.word]


def test_a_case_that_nobody_looked_at_says_so(twin):
    report = reported(twin)
    assert callouts(report) == []
    assert section(report, "Every statement") == (Paragraph("Nobody has said anything yet."),)
    (table,) = section(report, "What was said of each structure")
    assert {row[3].text for row in table.rows} == {"not started"}


def test_a_signed_case_is_called_signed_with_the_readers_key(twin, reader):
    names = [s.name for s in twin.structures]
    book = ReviewBook(tuple(said(twin, reader, names, Opinion(ReviewState.ACCEPTED, 60.0))))
    report = reported(replace(twin, reviews=book))
    assert callouts(report) == ["Every structure is signed off as it is."]
    (table,) = section(report, "What was said of each structure")
    assert {row[4].text for row in table.rows} == {reader.reader.fingerprint}


def test_rejections_and_broken_signatures_stand_at_the_top(twin, reader):
    (no,) = said(twin, reader, ["tumour"], Opinion(ReviewState.REJECTED, reason="a cyst"))
    (yes,) = said(twin, reader, ["liver"], Opinion(ReviewState.ACCEPTED))
    report = reported(replace(twin, reviews=ReviewBook((no, replace(yes, comment="added")))))
    assert callouts(report) == [
        "tumour.",
        "What is said of these does not bear the reader's signature, and counts for nothing: liver.",
    ]
    (table,) = section(report, "Every statement")
    assert isinstance(table, Table)
    assert [(row[1].text, row[5].text, row[6].text) for row in table.rows] == [
        ("tumour", "a cyst", "holds"),
        ("liver", "added", "DOES NOT HOLD"),
    ]


def test_doubts_are_listed_and_shown_at_the_least_sure_place(twin):
    codes = np.full(twin.labels.grid.shape, 255, np.uint8)
    least = tuple(np.argwhere(twin.labels.mask("tumour"))[7])
    codes[twin.labels.mask("tumour")] = 150
    codes[least] = 20
    sure = ConfidenceMap(twin.labels.grid, codes, True, "test")
    odd = Finding("odd", Severity.ERROR, "Something is odd.", structure="liver")
    report = reported(replace(twin, confidence=sure, findings=(odd,)))
    told = [b.text for b in section(report, "What speaks against it") if isinstance(b, Paragraph)]
    assert told[0] == "Something is odd."
    assert "sure of the tumour" in told[1]
    rows = [b for b in section(report, "Where to look") if isinstance(b, FigureRow)]
    assert [row.figures[0].caption for row in rows[:2]] == ["liver, axial", "tumour, axial"]
    shown = rows[1].figures[0].picture.at_mm
    assert shown == pytest.approx(twin.labels.grid.to_lps(least[::-1]))
