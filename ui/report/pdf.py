"""A report as PDF, by reportlab (BSD): A4, fonts embedded, the same bytes for the same report."""

from __future__ import annotations

import io
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate
from reportlab.platypus import Paragraph as Words

from surgtwin.domain.verdict import Verdict
from surgtwin.report.document import Report
from surgtwin.version import VERSION

from .paper import QUIET, RESEARCH_USE, RULE, VERDICT_INK
from .pdf_blocks import PAGE_WIDTH, TITLE, block_flowables, section_flowables
from .pdf_text import BOLD, REGULAR, fitted, markup, pdf_text, register_fonts
from .pictures import Pictures

SIDE = (A4[0] - PAGE_WIDTH) / 2
ABOVE, BELOW = 54.0, 48.0
HEAD_SIZE = 8.0
TITLE_CHARACTERS = 200


def report_as_pdf(report: Report, pictures: Pictures) -> bytes:
    """The whole document."""
    register_fonts()
    buffer = io.BytesIO()
    frame = Frame(
        SIDE, BELOW, PAGE_WIDTH, A4[1] - ABOVE - BELOW, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=pdf_text(report.title, TITLE_CHARACTERS),
        author=f"surgtwin {VERSION}",
        subject=RESEARCH_USE,
        lang="en",
        invariant=1,
    )
    document.addPageTemplates(PageTemplate("page", frames=[frame]))
    document.build(_story(report, pictures), canvasmaker=_numbered(report.running_title))
    return buffer.getvalue()


def _story(report: Report, pictures: Pictures) -> list[Flowable]:
    story: list[Flowable] = [Words(markup(report.title, TITLE_CHARACTERS), TITLE), *block_flowables(report.facts)]
    for section in report.sections:
        story += section_flowables(section, pictures)
    return story


def _numbered(running_title: str) -> type[Canvas]:
    """A canvas that writes head and foot when it is saved: only then the number of pages is known."""

    class NumberedCanvas(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self._finished: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._finished.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, state in enumerate(self._finished, 1):
                self.__dict__.update(state)
                _head_and_foot(self, running_title, number, len(self._finished))
                Canvas.showPage(self)
            super().save()

    return NumberedCanvas


def _head_and_foot(canvas: Canvas, running_title: str, number: int, count: int) -> None:
    top, right = A4[1] - 34, A4[0] - SIDE
    canvas.setFont(BOLD, HEAD_SIZE)
    canvas.setFillColor(HexColor(VERDICT_INK[Verdict.UNPROVEN]))
    canvas.drawRightString(right, top, RESEARCH_USE)
    canvas.setFont(REGULAR, HEAD_SIZE)
    canvas.setFillColor(HexColor(QUIET))
    room = PAGE_WIDTH - canvas.stringWidth(RESEARCH_USE, BOLD, HEAD_SIZE) - 20
    canvas.drawString(SIDE, top, fitted(running_title, REGULAR, HEAD_SIZE, room))
    canvas.setStrokeColor(HexColor(RULE))
    canvas.line(SIDE, top - 5, right, top - 5)
    canvas.drawString(SIDE, 28, f"surgtwin {VERSION}")
    canvas.drawRightString(right, 28, f"page {number} of {count}")
