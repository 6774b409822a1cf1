"""The four views: axial and 3D above, coronal and sagittal below; or one of them alone; or two images compared."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QSplitter, QStackedLayout, QWidget

from ui.render.annotations import slice_text
from ui.render.slices import View

from ..state import AppState
from .compare_pane import ComparePane
from .scene_view import SceneView
from .slice_subject import open_subject
from .slice_view import SliceView
from .view_frame import ViewFrame

SCENE = "3d"
HANDLE_PIXELS = 3
_CAMERAS = {
    "anterior": ("A", "From the front (anterior)  (Shift+A)"),
    "posterior": ("P", "From the back (posterior)  (Shift+P)"),
    "left": ("L", "From the patient's left  (Shift+L)"),
    "right": ("R", "From the patient's right  (Shift+R)"),
    "superior": ("S", "From the head (superior)  (Shift+H)"),
    "inferior": ("I", "From the feet (inferior)  (Shift+F)"),
}


class ViewGrid(QWidget):
    """Listens to the state. Call `dispose` before the program ends: it gives back the OpenGL context."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.slices = {view: SliceView(state, view) for view in View}
        self.scene = SceneView(state)
        self.compare = ComparePane(state)
        self.frames = {view.value: self._slice_frame(view) for view in View}
        self.frames[SCENE] = self._scene_frame()
        self._rows, self._grid = self._build_grid()
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._grid)
        self._stack.addWidget(self.compare)
        state.twin_changed.connect(self._on_twin)
        state.compare_changed.connect(self._on_compare)
        state.layout_changed.connect(self._on_layout)
        self._on_twin()

    # --- building

    def _build_grid(self) -> tuple[tuple[QSplitter, QSplitter], QSplitter]:
        rows = (QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Horizontal))
        for row, names in zip(rows, ((View.AXIAL, SCENE), (View.CORONAL, View.SAGITTAL)), strict=True):
            for name in names:
                row.addWidget(self.frames[name])
        both = QSplitter(Qt.Orientation.Vertical)
        for row in rows:
            both.addWidget(row)
        for splitter in (*rows, both):
            splitter.setHandleWidth(HANDLE_PIXELS)
            splitter.setChildrenCollapsible(False)
            splitter.setSizes([1000, 1000])
        upper, lower = rows
        upper.splitterMoved.connect(lambda *_: lower.setSizes(upper.sizes()))
        lower.splitterMoved.connect(lambda *_: upper.setSizes(lower.sizes()))
        return rows, both

    def _slice_frame(self, view: View) -> ViewFrame:
        shown = self.slices[view]
        frame = ViewFrame(view.value, view.value.capitalize(), shown)
        frame.maximise_asked.connect(self._toggle)

        def tell() -> None:
            frame.set_detail(slice_text(shown.stack, shown.index) if shown.stack is not None else "")

        shown.slice_changed.connect(tell)
        return frame

    def _scene_frame(self) -> ViewFrame:
        frame = ViewFrame(SCENE, "3D", self.scene)
        frame.maximise_asked.connect(self._toggle)
        for name, (letter, tip) in _CAMERAS.items():
            frame.add_button(letter, tip, partial(self.state.request_camera, name))
        frame.add_button("\u21ba", "Fit all organs that are shown  (Home)", partial(self.state.request_camera, "reset"))
        return frame

    # --- following the state

    def _on_twin(self) -> None:
        subject = open_subject(self.state)
        for view in self.slices.values():
            view.show_subject(subject)
        self._on_compare()
        self._on_layout()

    def _on_compare(self) -> None:
        self.compare.rebuild()
        self._stack.setCurrentWidget(self._grid if self.state.comparison is None else self.compare)

    def show_instead(self, widget: QWidget | None) -> None:
        """Another widget stands where the views stand (two plans side by side); None brings them back."""
        if widget is not None and self._stack.indexOf(widget) < 0:
            self._stack.addWidget(widget)
        views = self._grid if self.state.comparison is None else self.compare
        self._stack.setCurrentWidget(widget if widget is not None else views)

    def _on_layout(self) -> None:
        """One view alone, or all four."""
        chosen = self.state.maximised
        for name, frame in self.frames.items():
            frame.setVisible(chosen in ("", name))
        upper, lower = self._rows
        upper.setVisible(chosen in ("", View.AXIAL, SCENE))
        lower.setVisible(chosen in ("", View.CORONAL, View.SAGITTAL))

    def _toggle(self, name: str) -> None:
        self.state.set_maximised("" if self.state.maximised == name else name)

    # --- for others

    def screenshot(self) -> QImage:
        """What the views show now, with their texts; the patient's name is on none of them."""
        return self.grab().toImage()

    def dispose(self) -> None:
        """Stop threads and give back what VTK holds."""
        self.compare.clear()
        for view in self.slices.values():
            view.show_subject(None)
        self.scene.dispose()
