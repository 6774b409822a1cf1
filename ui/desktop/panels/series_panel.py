"""The images of the open twin: which is shown, and what stands beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from surgtwin.domain.twin import TwinImage

from ..state import AppState
from ..wording import series_details
from .labels import paint_background, text_label

ONE_IMAGE = "This twin holds one series. When it holds more (phases, an MR beside the CT), each stands here."
ROLE_WORDS = {"primary": "Primary", "mr": "MR", "post-op": "After the operation", "intra-op": "During the operation"}


class SeriesPanel(QWidget):
    """One row per image: click to show it, the button compares it with what is shown."""

    compare_asked = Signal(str)
    """Image id that is to stand beside the one shown."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        paint_background(self)
        self._state = state
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setAccessibleName("Series")
        self.list.itemActivated.connect(self._show)
        self.show_it = QPushButton("Show on the slices")
        self.show_it.clicked.connect(lambda: self._state.set_image(self._chosen()))
        self.compare = QPushButton("Compare side by side")
        self.compare.clicked.connect(self._compare)
        self.hint = text_label(wrap=True, role="quiet")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.list, 1)
        column.addWidget(self.show_it)
        column.addWidget(self.compare)
        column.addWidget(self.hint)
        state.twin_changed.connect(self.refresh)
        self.list.currentItemChanged.connect(lambda *_: self._refresh_button())
        self.refresh()

    def refresh(self) -> None:
        twin, shown = self._state.twin, self._state.image
        self.list.clear()
        for image in twin.images if twin is not None else ():
            item = QListWidgetItem(_words(image))
            item.setData(Qt.ItemDataRole.UserRole, image.image_id)
            self.list.addItem(item)
            if shown is not None and image.image_id == shown.image_id:
                self.list.setCurrentItem(item)
        single = twin is None or len(twin.images) < 2
        self.hint.setText(ONE_IMAGE if single else "Choose a series; a double-click shows it.")
        self.compare.setVisible(not single)
        self.show_it.setVisible(not single)
        self._refresh_button()

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def _refresh_button(self) -> None:
        shown = self._state.image
        is_other = shown is not None and self._chosen() not in ("", shown.image_id)
        self.compare.setEnabled(is_other)
        self.show_it.setEnabled(is_other)

    def _show(self, item: QListWidgetItem) -> None:
        self._state.set_image(str(item.data(Qt.ItemDataRole.UserRole)))

    def _compare(self) -> None:
        self.compare_asked.emit(self._chosen())


def _words(image: TwinImage) -> str:
    role = ROLE_WORDS.get(image.role, image.role.capitalize())
    description = image.volume.source.description or "Series without a description"
    return f"{description}\n{role}  ·  {series_details(image.volume)}"
