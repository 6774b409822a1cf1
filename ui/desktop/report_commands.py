"""Reports of what is on the screen: asked for, written beside the window, and opened."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from .command_base import make_button
from .export_commands import ExportCommands
from .planning.draft import Draft
from .report_process import OrderedPlan, ReportOrder, write_in_process

REPORT_KINDS = {
    "PDF (*.pdf)": (".pdf", False),
    "Web page (*.html)": (".html", False),
    "PDF with the patient's name (*.pdf)": (".pdf", True),
    "Web page with the patient's name (*.html)": (".html", True),
}
"""What is offered -> the file's ending, and whether the patient's name, number and birth date stand in it."""
UNKEPT = "as on the screen, not kept with the twin"


class ReportCommands(ExportCommands):
    """Reports never stop the window; the one that is written can be cancelled."""

    def ask_report(self) -> QFileDialog | None:
        """Of the plan on the screen, of the plans that are compared, or of the twin where nothing is planned."""
        twin = self.state.twin
        if twin is None:
            return None
        drafts = self._reported()
        title = "Write a report of the twin" if not drafts else f"Write a report of {', '.join(d.name for d in drafts)}"
        dialog = QFileDialog(self._window, title, self.start_folder(), ";;".join(REPORT_KINDS))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile("-".join(_plain(part) for part in (twin.case_id, *(d.name for d in drafts), "report")))

        def write(path: Path) -> None:
            ending, with_identity = REPORT_KINDS[dialog.selectedNameFilter()]
            has_ending = path.suffix.lower() in (".pdf", ".html", ".htm")
            self.write_report(path if has_ending else path.with_name(path.name + ending), with_identity)

        self._ask_file(dialog, write)
        return dialog

    def write_report(self, path: Path, with_identity: bool = False) -> None:
        """Write the report to a file, and open it."""
        twin, state = self.state.twin, self.state
        if twin is None:
            return
        plans = tuple(OrderedPlan(d.name, d.plan, self._status(d)) for d in self._reported())
        now = datetime.now(UTC).isoformat(timespec="seconds")
        order = ReportOrder(twin, plans, path, now, state.path if state.is_saved else None, with_identity)
        self._when_free(
            f"write {path.name}",
            lambda: self._jobs.run("Writing the report", lambda p: write_in_process(order, p), self._show_report),
        )

    def _reported(self) -> tuple[Draft, ...]:
        planning = self._window.planning
        if planning.pane is not None:
            return planning.compared
        current = planning.book.current
        return (current,) if current is not None and not current.plan.is_empty else ()

    def _status(self, draft: Draft) -> str:
        """Version and approval of a plan that the twin keeps just so, or that it does not."""
        twin, status = self.state.twin, self._window.planning.book.status(draft)
        if twin is None or status is None or draft.is_changed:
            return UNKEPT
        return f"version {twin.shelf.plan(draft.kept_name).latest.number}, {status.text}"

    def _show_report(self, path: Path) -> None:
        self._window.timeline.say(f"Report written: {path.name}")
        self._window.notice.tell(
            f"The report is in {path.parent}.",
            make_button(f"Open {path.name}", self._window.put_away(lambda: open_file(path)), primary=True),
            is_warning=False,
        )
        open_file(path)


def open_file(path: Path) -> None:
    """With the program that this system opens such files with."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def _plain(name: str) -> str:
    """A name as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
