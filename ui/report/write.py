"""A report, drawn and written under its name: whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.twin import Twin
from surgtwin.errors import InputError
from surgtwin.progress import SILENT, Progress
from surgtwin.report.document import Report
from surgtwin.report.subject import ReportedPlan

from .pictures import Pictures, draw_pictures

_DRAWING_SHARE = 0.9


def _html(report: Report, pictures: Pictures) -> bytes:
    from .html import report_as_html

    return report_as_html(report, pictures).encode("utf-8")


def _pdf(report: Report, pictures: Pictures) -> bytes:
    from .pdf import report_as_pdf

    return report_as_pdf(report, pictures)


WRITERS: dict[str, Callable[[Report, Pictures], bytes]] = {".pdf": _pdf, ".html": _html, ".htm": _html}
"""Ending of a file -> what makes it."""


def check_report_path(path: Path) -> None:
    """Raises InputError if a report can't have that ending, before any work is done."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"Reports are written as {', '.join(WRITERS)}; '{path.suffix or path.name}' is none of them.")


def write_report(
    report: Report, twin: Twin, path: Path, plans: tuple[ReportedPlan, ...] = (), progress: Progress = SILENT
) -> None:
    """Draw the report's pictures and write it to `path`; a file that is there is replaced.

    Raises
    ------
    InputError
        If the ending is not one of those reports are written in.
    DeviceError
        If this machine cannot draw in 3D.
    DiskError
        If the file cannot be written. Nothing is left behind then.
    Cancelled
        When asked to stop through ``progress``; nothing is left behind either.
    """
    check_report_path(path)
    pictures = draw_pictures(report, twin, plans, progress.part(0.0, _DRAWING_SHARE, "drawing"))
    content = WRITERS[path.suffix.lower()](report, pictures)
    progress.update(0.99, "writing")
    write_bytes_atomically(path, content)
    progress.update(1.0)
