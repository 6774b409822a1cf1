"""Errors as a person meets them: what was found and what to do; for a fault of ours, where its report lies."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from surgtwin.errors import (
    DeviceError,
    DiskError,
    FormatError,
    GeometryError,
    ImageError,
    LabelError,
    MemoryLimitError,
    ModelError,
    NoSeriesError,
    PatientMismatchError,
    PixelError,
    PlanError,
    SurgTwinError,
    TwinCorruptError,
    TwinError,
    TwinExistsError,
    TwinLockedError,
    TwinSchemaError,
)

from .bug_report import report_text, secrets_of, write_report
from .state import AppState

_log = logging.getLogger(__name__)

HEADINGS: tuple[tuple[type[BaseException], str, str], ...] = (
    (NoSeriesError, "No images found here", "Choose the folder that the images were exported to."),
    (GeometryError, "These slices do not make a volume", "Export the series again, or choose another series."),
    (PixelError, "The images cannot be read", "Export the series again, or choose another series."),
    (FormatError, "This file cannot be read", "Choose a DICOM folder, or a NIfTI, NRRD or MetaImage file."),
    (PatientMismatchError, "This belongs to another patient", "Check that both are of the same person."),
    (ImageError, "The images cannot be read", "Choose another series or folder."),
    (LabelError, "The structures do not fit the image", "Choose the label map that was made on this series."),
    (ModelError, "The segmentation model cannot be used", "Choose another model in the settings."),
    (PlanError, "The plan does not fit", "Change what the message names, then try again."),
    (TwinLockedError, "Another program has this twin open", "Close it there, or look at it read-only here."),
    (TwinExistsError, "There is a twin of that name already", "Choose another name."),
    (TwinSchemaError, "This twin is from a newer version", "Update surgtwin to open it."),
    (TwinCorruptError, "This twin is damaged", "Restore it from a backup; do not use what it still shows."),
    (TwinError, "This twin cannot be used", "Choose another twin."),
    (DiskError, "It could not be written", "Free some space, or choose another folder."),
    (MemoryLimitError, "There is not enough memory", "Close other programs, or choose a smaller series."),
    (DeviceError, "The graphics device cannot be used", "Choose the processor (CPU) in the settings."),
)
"""Error, what the dialog is called, what to do when the message does not say. The first that fits is taken."""


@dataclass(frozen=True)
class Explanation:
    """What a dialog says."""

    title: str
    found: str
    advice: str
    report: Path | None = None


def explain(error: BaseException) -> Explanation | None:
    """The words for an error that the program can explain; None for a fault of its own."""
    if isinstance(error, MemoryError):
        error = MemoryLimitError("The images need more memory than this computer has free.")
    if not isinstance(error, SurgTwinError):
        return None
    for kind, title, advice in HEADINGS:
        if isinstance(error, kind):
            return Explanation(title, str(error), advice)
    return Explanation("That did not work", str(error), "Change what the message names, then try again.")


def explain_fault(error: BaseException, state: AppState | None) -> Explanation:
    """Words for a fault of the program's own, after its report has been written."""
    twin = state.twin if state is not None else None
    text = report_text(
        type(error), error, error.__traceback__, twin=twin, secrets=secrets_of(state.volume if state else None)
    )
    try:
        report: Path | None = write_report(text)
    except OSError:
        report = None
        _log.error("A fault report could not be written.")
    found = f"Something in surgtwin failed ({type(error).__name__}). What was saved is safe."
    if report is None:
        return Explanation("surgtwin made a mistake", found, "A report could not be written: the disk refuses.")
    return Explanation(
        "surgtwin made a mistake", found, "A report without patient data was written. Please send it to us.", report
    )


class ErrorPresenter(QObject):
    """Shows errors, one at a time, without stopping what runs behind them."""

    shown = Signal(object)
    """The Explanation that is on the screen now."""
    _fault = Signal(object)

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._window = parent
        self.dialog: QMessageBox | None = None
        self._fault.connect(self.show_error, Qt.ConnectionType.QueuedConnection)

    def show_error(self, error: BaseException) -> None:
        """Explain `error` in a dialog."""
        told = explain(error) or explain_fault(error, self._state)
        if self.dialog is not None:
            self.dialog.close()
        self.dialog = make_dialog(told, self._window)
        self.dialog.open()
        self.shown.emit(told)

    def install_hooks(self) -> None:
        """Faults in slots and threads come here instead of ending the program or passing unseen."""
        sys.excepthook = self._on_exception
        threading.excepthook = lambda args: self._on_exception(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        self._fault.emit(error.with_traceback(trace))


def make_dialog(told: Explanation, parent: QWidget | None) -> QMessageBox:
    """A dialog with what was found, what to do and, for a fault, the way to its report."""
    icon = QMessageBox.Icon.Critical if told.report is not None else QMessageBox.Icon.Warning
    box = QMessageBox(icon, told.title, f"<b>{told.title}</b>", QMessageBox.StandardButton.Close, parent)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setInformativeText(_as_text(told))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    if told.report is not None:
        folder = told.report.parent
        show = box.addButton("Show the report", QMessageBox.ButtonRole.ActionRole)
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        box.setDetailedText(f"{told.report}\n\n{told.report.read_text(encoding='utf-8')}")
    return box


def _as_text(told: Explanation) -> str:
    words = f"{told.found}\n\n{told.advice}" if told.advice not in told.found else told.found
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\n", "<br>")
