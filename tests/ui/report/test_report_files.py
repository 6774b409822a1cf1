"""Reports as HTML and PDF: everything in them, nothing active, hostile names harmless, the same bytes again."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from dataclasses import replace

import pytest
from PIL import Image
from pypdf import PdfReader

from surgtwin.domain.plan import Plan
from surgtwin.domain.verdict import Verdict
from surgtwin.report.comparison import comparison_report
from surgtwin.report.document import Cell, Chart, ChartPoint, Column, Facts, Report, Section, Table
from surgtwin.report.plan_report import plan_report
from tests.planning.shapes import STRAIGHT
from tests.report.subjects import MADE, full_plan, liver_twin, reported, right_cut, subject, wedge
from tests.ui.report.files import blank_pictures, html_text, parsed, pdf_pages, pdf_text
from ui.report.html import report_as_html
from ui.report.pdf import report_as_pdf
from ui.report.pdf_text import pdf_text as as_drawn

HOSTILE = "<script>alert('x')</script>&\"<b>"
OVERRIDE = "left\N{RIGHT-TO-LEFT OVERRIDE}thgir"
ENDLESS = "a" * 3000
SHALOM = "\u05e9\u05dc\u05d5\u05dd"
CHINESE = "\u809d\u810f"


@pytest.fixture(scope="module")
def report() -> Report:
    twin = liver_twin()
    return plan_report(subject(twin), reported(twin, full_plan(STRAIGHT)))


@pytest.fixture(scope="module")
def page(report) -> str:
    return report_as_html(report, blank_pictures(report))


@pytest.fixture(scope="module")
def pdf(report) -> bytes:
    return report_as_pdf(report, blank_pictures(report))


def with_name(name: str) -> Report:
    """A report in which a name stands wherever one can."""
    table = Table((Column(name), Column("n", True)), ((Cell(name), Cell("1 mm")), (Cell(verdict=Verdict.SAFE), Cell())))
    points = tuple(ChartPoint(f"{name}{n}", n, n, Verdict.UNPROVEN, True, 0.5) for n in range(2))
    chart = Chart("x", name, points, name)
    return Report(name, name, Facts((("Plan", name),)), (Section(name, (table, chart)),))


def figures_of(report: Report) -> set[str]:
    """Every cell with a number in it."""
    tables = [b for s in report.sections for b in s.blocks if isinstance(b, Table)]
    cells = {" ".join(c.text.split()) for t in tables for row in t.rows for c in row}
    return {c for c in cells if re.search(r"\d \w", c) and len(c) < 30}


def test_every_figure_stands_in_both_files(report, page, pdf) -> None:
    wanted = figures_of(report)
    assert len(wanted) > 20
    in_html, in_pdf = html_text(page), pdf_text(pdf)
    assert {w for w in wanted if w not in in_html} == set()
    # Narrow columns break a figure between number and unit, never within one.
    assert {w for w in wanted if w not in in_pdf} == set()


def test_every_page_of_the_pdf_says_research_use_number_and_case(report, pdf) -> None:
    pages = pdf_pages(pdf)
    assert len(pages) > 2
    for number, text in enumerate(pages, 1):
        assert "Research use only. Not a medical device." in text
        assert f"page {number} of {len(pages)}" in text
        assert report.running_title in text


def test_the_html_says_research_use_in_a_head_that_print_repeats(page) -> None:
    header = parsed(page).find("body/header")
    assert "Research use only" in "".join(header.itertext())
    assert re.search(r"@media print.*header \{ display: table-header-group", page, re.DOTALL)


def test_the_html_is_one_file_that_asks_the_network_for_nothing_and_runs_nothing(page) -> None:
    tree = parsed(page)
    assert tree.xpath("//script | //link | //iframe | //object | //embed | //form") == []
    assert all(source.startswith("data:image/jpeg;base64,") for source in tree.xpath("//@src"))
    assert tree.xpath("//@href") == []
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "default-src 'none'" in tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]


def test_the_html_holds_every_picture_whole_and_says_what_it_shows(report, page) -> None:
    images = parsed(page).xpath("//img")
    assert len(images) == len(report.pictures()) > 8
    for image in images:
        data = base64.b64decode(image.get("src").split(",", 1)[1])
        with Image.open(io.BytesIO(data)) as decoded:
            assert decoded.size == (110, 88)
        assert image.get("alt")


def test_the_pdf_embeds_its_fonts_and_pictures(report, pdf) -> None:
    reader = PdfReader(io.BytesIO(pdf))
    fonts = [f for p in reader.pages for f in p["/Resources"]["/Font"].values()]
    named = {str(f.get_object()["/BaseFont"]) for f in fonts}
    assert any("DejaVuSans-Bold" in n for n in named)
    used = [f.get_object() for f in fonts if "DejaVu" in str(f.get_object()["/BaseFont"])]
    assert all("/FontFile2" in f["/FontDescriptor"] for f in used)
    assert sum(len(p.images) for p in reader.pages) >= len(report.pictures())


def test_only_the_date_differs_between_two_reports() -> None:
    twin = liver_twin()
    plan = reported(twin, Plan(resections=(right_cut(STRAIGHT),)))
    later = replace(subject(twin), made_utc="2027-08-09T10:11:12+00:00")
    once, again, other = (plan_report(s, plan) for s in (subject(twin), subject(twin), later))
    for write in (report_as_html, report_as_pdf):
        assert write(once, blank_pictures(once)) == write(again, blank_pictures(again))
    page = report_as_html(once, blank_pictures(once))
    changed = report_as_html(other, blank_pictures(other))
    assert MADE[:10] in page
    assert changed.replace("2027-08-09 10:11 UTC", "2026-02-03 04:05 UTC") == page


@pytest.mark.parametrize("name", [HOSTILE, OVERRIDE, ENDLESS, SHALOM, CHINESE, "a\x00b\x1b[31m", "\ud800", "&lt;"])
def test_no_name_breaks_a_file_or_becomes_a_part_of_its_markup(name) -> None:
    report = with_name(name)
    page = report_as_html(report, {})
    tree = parsed(page)
    assert tree.xpath("//script | //b") == []
    assert len(tree.xpath("//table")) == 1
    page.encode("utf-8")
    assert pdf_pages(report_as_pdf(report, {}))


def test_hostile_names_are_shown_as_they_are() -> None:
    report = with_name(HOSTILE)
    assert html_text(report_as_html(report, {})).count(HOSTILE) >= 5
    assert HOSTILE in pdf_text(report_as_pdf(report, {}))


def test_characters_that_would_reverse_a_name_are_shown_instead_of_obeyed() -> None:
    report = with_name(OVERRIDE)
    for text in (html_text(report_as_html(report, {})), pdf_text(report_as_pdf(report, {}))):
        assert "left[U+202E]thgir" in text
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text


def test_hebrew_and_arabic_are_drawn_from_right_to_left_and_joined() -> None:
    assert as_drawn(SHALOM) == SHALOM[::-1]
    assert as_drawn(f"cut {SHALOM} right") == f"cut {SHALOM[::-1]} right"
    joined = as_drawn("\u0643\u0628\u062f")
    assert [unicodedata.name(c).split()[-2] for c in joined] == ["FINAL", "MEDIAL", "INITIAL"]


def test_hebrew_is_found_in_both_files() -> None:
    report = with_name(SHALOM)
    page = report_as_html(report, {})
    assert SHALOM in html_text(page) and "<bdi>" in page
    # The reader turns what runs from right to left back.
    assert SHALOM in pdf_text(report_as_pdf(report, {}))


def test_a_letter_that_the_font_lacks_stands_as_its_code_in_the_pdf_and_as_itself_in_html() -> None:
    report = with_name(CHINESE)
    assert CHINESE in html_text(report_as_html(report, {}))
    assert "[U+809D][U+810F]" in pdf_text(report_as_pdf(report, {})).replace(" ", "")


def test_an_endless_name_is_cut_and_says_by_how_much() -> None:
    report = with_name(ENDLESS)
    assert "[2600 more characters]" in html_text(report_as_html(report, {}))
    assert len(pdf_pages(report_as_pdf(report, {}))) < 6


def test_a_comparison_draws_the_same_chart_in_both_files() -> None:
    twin = liver_twin()
    cuts = {"wide": right_cut(STRAIGHT, 4), "narrow": right_cut(STRAIGHT, -5), "wedge": wedge()}
    plans = tuple(reported(twin, Plan(resections=(cut,)), name) for name, cut in cuts.items())
    report = comparison_report(subject(twin), plans)
    drawing = parsed(report_as_html(report, blank_pictures(report))).xpath("//*[local-name()='svg']")[0]
    words = " ".join(drawing.itertext())
    assert all(name in words for name in cuts)
    pages = pdf_pages(report_as_pdf(report, blank_pictures(report)))
    chart = next(text for text in pages if "least margin, mm" in text)
    assert all(name in chart for name in cuts)
