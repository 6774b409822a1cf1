"""Two images of the same patient side by side: scrolled, zoomed and panned together."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from ui.render.annotations import slice_text
from ui.render.slices import View

from ..state import AppState
from .slice_subject import compared_subject, open_subject
from .slice_view import SliceView
from .view_frame import ViewFrame


class ComparePane(QWidget):
    """The open image on the left, what it is compared with on the right. Buttons choose the direction."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.direction = View.AXIAL
        self.left: SliceView | None = None
        self.right: SliceView | None = None
        self.frames: tuple[ViewFrame, ...] = ()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setHandleWidth(3)
        self._split.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._split)

    def set_direction(self, view: View) -> None:
        self.direction = view
        self.rebuild()

    def rebuild(self) -> None:
        """Show what the state compares, or nothing."""
        self.clear()
        comparison, opened = self.state.comparison, open_subject(self.state)
        if comparison is None or opened is None:
            return
        other = compared_subject(comparison)
        shares_window = other.volume.modality is opened.volume.modality
        self.left = SliceView(self.state, self.direction)
        self.right = SliceView(self.state, self.direction, follows_state_window=shares_window)
        self.frames = (self._frame(self.left, opened.title), self._frame(self.right, other.title))
        for frame, view, subject in zip(self.frames, (self.left, self.right), (opened, other), strict=True):
            self._split.addWidget(frame)
            view.show_subject(subject)
        self._split.setSizes([1000, 1000])
        left, right = self.left, self.right
        left.frame_changed.connect(lambda: right.align_with(left))
        right.frame_changed.connect(lambda: left.align_with(right))

    def clear(self) -> None:
        """Let go of both images."""
        for frame in self.frames:
            frame.setParent(None)
            frame.deleteLater()
        for view in (self.left, self.right):
            if view is not None:
                view.show_subject(None)
        self.left, self.right, self.frames = None, None, ()

    def _frame(self, view: SliceView, title: str) -> ViewFrame:
        frame = ViewFrame(self.direction.value, f"{self.direction.value.capitalize()}   {title}", view)
        for direction in View:
            tip = f"Compare {direction.value} slices"
            frame.add_button(direction.value[0].upper(), tip, partial(self.set_direction, direction))
        frame.add_button("\u2715", "End the comparison", lambda: self.state.set_comparison(None))
        frame.maximise_asked.connect(lambda _name: self.state.set_comparison(None))

        def tell() -> None:
            frame.set_detail(slice_text(view.stack, view.index) if view.stack is not None else "")

        view.slice_changed.connect(tell)
        return frame
