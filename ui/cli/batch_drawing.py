"""The picture and the reports of a batch's case."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from surgtwin.domain.twin import Twin
from surgtwin.pipeline.batch_case import PICTURE
from surgtwin.pipeline.batch_protocol import Protocol
from surgtwin.progress import Progress
from surgtwin.report.plan_report import twin_report
from surgtwin.report.subject import ReportedTwin
from ui.render.screenshot import write_screenshot
from ui.report.write import write_report

PICTURE_SIZE = (960, 600)


def draw_case(twin: Twin, folder: Path, protocol: Protocol, progress: Progress) -> None:
    """Write `picture.jpg` and the reports that the protocol asks for. Raises DeviceError, DiskError, Cancelled."""
    wanted = protocol.export.reports
    if protocol.export.picture:
        write_screenshot(twin, folder / PICTURE, size=PICTURE_SIZE)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for n, ending in enumerate(wanted):
        part = progress.part((n + 1) / (len(wanted) + 1), (n + 2) / (len(wanted) + 1))
        subject = ReportedTwin(twin, now, with_identity=not protocol.is_pseudonymous)
        write_report(twin_report(subject), twin, folder / f"report.{ending}", progress=part)
