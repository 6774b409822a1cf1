"""The banner that is always there: who this is, what is shown, which side, and that it is for research."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from surgtwin.domain.twin import Side

from ..icons import icon, pixmap
from ..state import AppState
from ..wording import SIDE_WORDS, clock_time, patient_details, patient_name, revision_title, series_details
from .labels import ElidedLabel, discard, set_role, text_label, vertical_line

SIDE_CHOICES = (
    (Side.RIGHT, "RIGHT - the patient's right"),
    (Side.LEFT, "LEFT - the patient's left"),
    (Side.BOTH, "BOTH sides"),
    (Side.MIDLINE, "MIDLINE"),
    (Side.NOT_STATED, "Not stated"),
)
LOCK_PX = 16
IDENTITY_PX = 400
"""Identity is the last to be shortened: it has this much room however narrow the window is."""


class Banner(QFrame):
    """Identity, series, revision, operated side."""

    side_chosen = Signal(object)
    """A Side that a person picked, before it is confirmed."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._state = state
        self._revisions = 1
        self.name = ElidedLabel(role="title", least_width=IDENTITY_PX)
        self.details = ElidedLabel(role="quiet", least_width=IDENTITY_PX)
        self.series = ElidedLabel(least_width=80)
        self.series_details = ElidedLabel(role="quiet", least_width=80)
        self.revision = ElidedLabel(least_width=88)
        self.saved = ElidedLabel(role="quiet", least_width=88)
        self._lock = QLabel()
        self.side = QPushButton()
        self.side.setProperty("role", "side")
        self.side.setMenu(self._side_menu())
        self.side.setToolTip("The operated side. A person states it; it is checked against what was found.")
        self._lay_out()
        for signal in (state.twin_changed, state.details_changed):
            signal.connect(self.refresh)
        self.refresh()

    def set_revisions(self, count: int) -> None:
        """How many revisions the open twin has."""
        self._revisions = count
        self.refresh()

    def refresh(self) -> None:
        volume, twin = self._state.volume, self._state.twin
        for widget in self._of_image:
            widget.setVisible(volume is not None)
        for widget in self._of_twin:
            widget.setVisible(twin is not None)
        if volume is None:
            self.name.set_text("No patient open")
            self.details.set_text("Drop a DICOM folder to begin")
            return
        self.name.set_text(patient_name(volume.patient))
        self.details.set_text(patient_details(volume.patient))
        set_role(self.name, "title" if volume.patient.is_known else "unproven")
        self.series.set_text(volume.source.description or "Series without a description")
        self.series_details.set_text(series_details(volume))
        if twin is not None:
            self.revision.set_text(revision_title(twin.revision, self._revisions))
            self._show_saved(twin.revision.created_utc)
            self._show_side(twin.operated_side)

    def _show_saved(self, created_utc: str) -> None:
        state = self._state
        made = clock_time(created_utc)
        self._lock.setVisible(state.read_only)
        if state.read_only:
            self.saved.set_text(f"READ-ONLY  ·  built {made}")
            set_role(self.saved, "unproven")
        elif state.is_saved:
            self.saved.set_text(f"saved  ·  built {made}")
            set_role(self.saved, "quiet")
        else:
            self.saved.set_text(f"NOT SAVED  ·  built {made}")
            set_role(self.saved, "unproven")

    def _show_side(self, side: Side) -> None:
        self.side.setText(f"Side: {SIDE_WORDS[side]}")
        self.side.setEnabled(self._state.can_edit)
        set_role(self.side, "false" if side is Side.NOT_STATED else "true", "stated")

    def _side_menu(self) -> QMenu:
        menu = QMenu(self.side)
        for side, words in SIDE_CHOICES:
            menu.addAction(words, partial(self.side_chosen.emit, side))
        return menu

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(12)
        row.addLayout(_two_lines(self.name, self.details), 5)
        lines = [vertical_line(), vertical_line(), vertical_line()]
        row.addWidget(lines[0])
        row.addLayout(_two_lines(self.series, self.series_details), 4)
        row.addWidget(lines[1])
        self._lock.setPixmap(pixmap("lock", LOCK_PX, ratio=self.devicePixelRatioF()))
        self._lock.setToolTip("Read-only: it can be looked at, not changed.")
        row.addWidget(self._lock)
        row.addLayout(_two_lines(self.revision, self.saved), 4)
        row.addWidget(lines[2])
        row.addWidget(self.side, 0, Qt.AlignmentFlag.AlignVCenter)
        self.research = text_label("Research use only", "research")
        self.research.setToolTip("Not a medical device. Do not decide on a patient's treatment by it.")
        row.addWidget(self.research, 0, Qt.AlignmentFlag.AlignVCenter)
        self._of_image: tuple[QWidget, ...] = (lines[0], self.series, self.series_details)
        self._of_twin: tuple[QWidget, ...] = (lines[1], lines[2], self.revision, self.saved, self.side)
        self._lock.hide()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._lock.setPixmap(pixmap("lock", LOCK_PX, ratio=self.devicePixelRatioF()))


def _two_lines(first: QWidget, second: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(first)
    column.addWidget(second)
    return column


class NoticeBar(QFrame):
    """A sentence that stays until it is dealt with, and what can be done about it. It stops nothing."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        self._icon = QLabel()
        self.text = text_label(wrap=True)
        row.addWidget(self._icon)
        row.addWidget(self.text, 1)
        self._buttons = QHBoxLayout()
        row.addLayout(self._buttons)
        close = QPushButton()
        close.setIcon(icon("close"))
        close.setIconSize(QSize(12, 12))
        close.setProperty("role", "compact")
        close.setToolTip("Put this notice away")
        close.clicked.connect(self._close)
        row.addWidget(close)
        self.hide()

    def tell(self, text: str, *buttons: QPushButton, is_warning: bool = True) -> None:
        """Show `text` in place of what stood here."""
        while (item := self._buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                discard(old)
        set_role(self, "warning" if is_warning else "info", "tone")
        name = "finding_warning" if is_warning else "finding_info"
        self._icon.setPixmap(pixmap(name, LOCK_PX, ratio=self.devicePixelRatioF()))
        self.text.setText(text)
        for button in buttons:
            self._buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.show()

    def _close(self) -> None:
        self.hide()
        self.closed.emit()
