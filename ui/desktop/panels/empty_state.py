"""The opening screen: drop a folder, take up a twin again, or try the phantom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QIcon, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from surgtwin.settings import RecentTwin

from ..icons import icon, pixmap
from .labels import ElidedLabel, discard, set_role, text_label

CARD_SIZE = QSize(208, 168)
PICTURE_SIZE = QSize(192, 120)
CARD_GAP_PX = 12
CONTENT_WIDTH_PX = 900
DROP_ICON_PX = 48


class EmptyState(QScrollArea):
    """What stands in the middle while nothing is open."""

    folder_asked = Signal()
    file_asked = Signal()
    phantom_asked = Signal()
    recent_asked = Signal(str)
    """Path of a recent twin."""

    def __init__(self, offers_phantom: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        body = QWidget()
        body.setObjectName("emptyState")
        outer = QHBoxLayout(body)
        outer.setContentsMargins(24, 24, 24, 24)
        outer.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(16)
        column.addStretch(1)
        self.drop_area = self._make_drop_area(offers_phantom)
        column.addWidget(self.drop_area)
        self.heading = text_label("Recent twins", "title")
        column.addWidget(self.heading)
        self._cards = QGridLayout()
        self._cards.setSpacing(CARD_GAP_PX)
        self._cards.setAlignment(Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self._cards)
        column.addStretch(2)
        outer.addLayout(column, 8)
        outer.addStretch(1)
        self.setWidget(body)
        self.cards: list[QPushButton] = []
        self._columns = 0
        self.set_recent(())

    def set_recent(self, recent: Sequence[tuple[RecentTwin, Path | None]]) -> None:
        """Cards of the twins that were open before, each with the path of its picture."""
        for card in self.cards:
            self._cards.removeWidget(card)
            discard(card)
        self.cards = [self._card(entry, picture) for entry, picture in recent]
        self.heading.setVisible(bool(self.cards))
        self._columns = 0
        self._place_cards()

    def set_drag_over(self, over: bool) -> None:
        """Show that what is dragged can be dropped here."""
        set_role(self.drop_area, "true" if over else "false", "over")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._place_cards()

    def _place_cards(self) -> None:
        room = min(self.viewport().width() * 8 // 10 - 48, CONTENT_WIDTH_PX)
        columns = max(1, room // (CARD_SIZE.width() + CARD_GAP_PX))
        if columns != self._columns:
            self._columns = columns
            for n, card in enumerate(self.cards):
                self._cards.addWidget(card, n // columns, n % columns)

    def _make_drop_area(self, offers_phantom: bool) -> QFrame:
        area = QFrame()
        area.setObjectName("dropArea")
        area.setMinimumHeight(300)
        column = QVBoxLayout(area)
        column.setContentsMargins(32, 32, 32, 32)
        column.setSpacing(12)
        column.addStretch(1)
        mark = QLabel()
        mark.setPixmap(pixmap("drop", DROP_ICON_PX, "#4aa3ff", self.devicePixelRatioF()))
        column.addWidget(mark, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(text_label("Drop a DICOM folder here", "hero"), 0, Qt.AlignmentFlag.AlignHCenter)
        words = text_label("Or a zip, a NIfTI, NRRD or MetaImage file, or a saved twin.", "quiet", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.open_folder = _button("Open folder…", "open_folder", self.folder_asked, primary=True)
        self.open_file = _button("Open file…", "open_file", self.file_asked)
        self.phantom = _button("Try the phantom", "phantom", self.phantom_asked)
        self.phantom.setToolTip("A made-up abdomen, to look around without a patient's images")
        self.phantom.setVisible(offers_phantom)
        for button in (self.open_folder, self.open_file, self.phantom):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)
        return area

    def _card(self, entry: RecentTwin, picture: Path | None) -> QPushButton:
        card = QPushButton()
        card.setProperty("role", "card")
        card.setToolTip(entry.path)
        card.setAccessibleName(f"Open {entry.title}")
        box = QVBoxLayout(card)
        box.setContentsMargins(8, 8, 8, 8)
        box.setSpacing(4)
        image = QLabel()
        image.setAlignment(Qt.AlignmentFlag.AlignCenter)
        image.setPixmap(_fitting(picture) if picture is not None else pixmap("phantom", DROP_ICON_PX, "#9aa0a8"))
        box.addWidget(image, 1)
        box.addWidget(ElidedLabel(entry.title or Path(entry.path).stem))
        image.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        card.clicked.connect(lambda: self.recent_asked.emit(entry.path))
        return card


def _button(text: str, icon_name: str, signal: SignalInstance, *, primary: bool = False) -> QPushButton:
    button = QPushButton(f" {text}")
    button.setIcon(icon(icon_name, "#0b1017") if primary else QIcon(icon(icon_name)))
    button.setProperty("role", "primary" if primary else "")
    button.setMinimumHeight(32)
    button.clicked.connect(lambda _checked=False: signal.emit())
    return button


def _fitting(picture: Path) -> QPixmap:
    return QPixmap(str(picture)).scaled(
        PICTURE_SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
