"""Small reports with pictures that cost nothing, and readers for what was written."""

from __future__ import annotations

import io

from lxml import etree, html
from PIL import Image
from pypdf import PdfReader

from surgtwin.report.document import Report
from ui.report.pictures import as_jpeg


def blank_pictures(report: Report) -> dict:
    """One small picture for each that the report wants."""
    return {p: as_jpeg(Image.new("RGB", (110, 88), (10 * n, 60, 90))) for n, p in enumerate(report.pictures())}


def pdf_pages(content: bytes) -> list[str]:
    """The text of each page, blanks and line breaks made one blank."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def pdf_text(content: bytes) -> str:
    return " ".join(pdf_pages(content))


def parsed(text: str) -> etree._Element:
    """The document as a browser would take it."""
    return html.document_fromstring(text)


def html_text(text: str) -> str:
    body = parsed(text).find("body")
    return " ".join(" ".join(body.itertext()).split())
