"""Errors: a dialog that says what to do; a fault leaves a report that names nobody."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox

from surgtwin import errors as all_errors
from surgtwin.domain.twin import Twin
from surgtwin.errors import GeometryError, SurgTwinError, TwinLockedError
from ui.desktop.bug_report import report_text, scrub, secrets_of
from ui.desktop.errors import explain, make_dialog
from ui.desktop.main_window import MainWindow

pytestmark = pytest.mark.desktop


def test_every_error_the_program_raises_on_purpose_is_explained() -> None:
    kinds = [k for k in vars(all_errors).values() if isinstance(k, type) and issubclass(k, SurgTwinError)]
    for kind in kinds:
        told = explain(kind("There is a gap."))
        assert told is not None
        assert told.found == "There is a gap."
        assert told.title and told.advice
        assert told.report is None


def test_running_out_of_memory_is_the_machines_fault_not_ours() -> None:
    told = explain(MemoryError())
    assert told is not None
    assert "memory" in told.title


def test_dialog_says_what_was_found_and_what_to_do(window: MainWindow) -> None:
    window.errors.show_error(GeometryError("There is a 10.0 mm gap between slices 41 & 42 <here>."))
    box = window.errors.dialog
    assert isinstance(box, QMessageBox)
    assert box.isVisible()
    assert "10.0 mm gap between slices 41 &amp; 42 &lt;here&gt;" in box.informativeText()
    assert "Export the series again" in box.informativeText()
    assert not box.isModal() or box.windowModality().name == "WindowModal"


def test_second_error_replaces_the_first_dialog(window: MainWindow) -> None:
    window.errors.show_error(GeometryError("One."))
    first = window.errors.dialog
    window.errors.show_error(TwinLockedError("Two."))
    assert first is not None and not first.isVisible()
    assert window.errors.dialog is not None
    assert "Two." in window.errors.dialog.informativeText()


def test_fault_report_holds_no_patient_data(window: MainWindow, twin: Twin, own_settings: Path) -> None:
    patient = twin.patient
    try:
        folder = f"/data/{patient.name}/CT"
        raise RuntimeError(f"cannot read {folder}/{patient.patient_id}.dcm of Ottoline ZYXWHOLM born 19610412")
    except RuntimeError as error:
        window.errors.show_error(error)
    reports = list((own_settings / "reports").iterdir())
    assert len(reports) == 1
    text = reports[0].read_text(encoding="utf-8")
    assert "RuntimeError" in text
    assert "test_error_dialogs.py" in text
    for secret in ("zyxwholm", "ottoline", "qx-774411", "774411", "19610412", "portal venous", "/data"):
        assert secret not in text.lower(), secret
    box = window.errors.dialog
    assert box is not None
    assert "without patient data" in box.informativeText()
    assert str(reports[0]) in box.detailedText()


def test_report_of_nothing_open_is_written_too() -> None:
    text = report_text(ValueError, ValueError("C:\\Users\\Zyx wholm\\scan.nii is bad"), None)
    assert "ValueError" in text
    assert "scan.nii" not in text


def test_short_words_and_figures_survive_scrubbing(twin: Twin) -> None:
    text = scrub("slice 12 of 40 at 2.5 mm, shape (40, 56, 64)", secrets_of(twin.primary))
    assert text == "slice 12 of 40 at 2.5 mm, shape (40, 56, 64)"


def test_exception_in_a_slot_reaches_the_dialog(window: MainWindow, qtbot: object) -> None:
    kept = sys.excepthook
    try:
        window.errors.install_hooks()
        with qtbot.waitSignal(window.errors.shown) as heard:  # type: ignore[attr-defined]
            try:
                raise KeyError("organ")
            except KeyError as error:
                sys.excepthook(KeyError, error, error.__traceback__)
    finally:
        sys.excepthook = kept
    assert heard.args[0].report is not None


def test_dialog_of_a_known_error_offers_no_report() -> None:
    told = explain(GeometryError("A gap."))
    assert told is not None
    box = make_dialog(told, None)
    assert box.detailedText() == ""
    assert [b.text() for b in box.buttons()] == ["Close"]
