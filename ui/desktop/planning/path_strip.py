"""The timeline of the tool path that is worked on, under the views: play, scrub, record, clearance over time."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ..panels.labels import paint_background, set_role, text_label
from .desk import PlanDesk
from .path_build import key_at
from .path_clock import SPEEDS
from .path_curve import PathCurve

STEP_S, LONG_STEP_S = 0.1, 1.0
BUTTONS_PX = 216
PLAY, PAUSE = "\u25b6 Play", "\u275a\u275a Pause"


class PathStrip(QWidget):
    """There only while a tool path is worked on. Its keys work on the views too."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk, self._paths = desk, desk.paths
        paint_background(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Timeline of the tool path")
        self.play = self._button(PLAY, "Play or pause  (Space)", self._paths.clock.toggle)
        self.record = self._button("\u25cf Record", "", self._toggle_recording)
        self.record.setCheckable(True)
        self.record.setToolTip("Then drag the instrument: what you do is recorded from this moment on  (R)")
        self.key = self._button("\u25c6 Key pose", "", self._paths.edits.add_key)
        self.key.setToolTip("Keep this pose; at the end of the path, go on from here  (K)")
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed")
        self.speed.addItems([f"{s:g}\u00d7" for s in SPEEDS])
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.setToolTip("Speed")
        self.speed.activated.connect(lambda n: self._paths.clock.set_speed(SPEEDS[n]))
        self.time, self.state = text_label(role="section"), text_label(role="quiet")
        self.curve = PathCurve()
        self.curve.time_asked.connect(self._go_to)
        self.curve.key_moved.connect(self._paths.edits.retime)
        self._lay_out()
        for signal in (desk.judged_changed, desk.book.plan_changed, desk.book.chosen_changed, desk.hand_moved):
            signal.connect(self.refresh)
        desk.state.mode_changed.connect(self.refresh)
        self._paths.clock.changed.connect(self._show_time)
        self._paths.clock.playing_changed.connect(self._show_playing)
        self._paths.recording_changed.connect(self._show_playing)
        self.refresh()

    def listen_on(self, *views: QWidget) -> None:
        """Its keys work while one of these has the focus, too."""
        for view in views:
            view.installEventFilter(self)

    def refresh(self) -> None:
        path, figures = self._paths.path, self._paths.figures
        self.setVisible(self._desk.is_open and path is not None)
        if path is None:
            return
        colours = {name: self._desk.state.colour(name) for name in self._desk.state.structure_names()}
        self.curve.show_path(path, figures, colours)
        is_now = figures is not None and figures.path == path
        self.state.setText("computing\u2026" if not is_now else "exact" if self._desk.is_exact else "preview\u2026")
        self._show_time()
        self._show_playing()

    def _show_time(self) -> None:
        clock = self._paths.clock
        self.time.setText(f"{clock.time_s - clock.start_s:.1f} s of {clock.end_s - clock.start_s:.1f} s")
        self.curve.show_moment(clock.time_s)

    def _show_playing(self) -> None:
        self.play.setText(PAUSE if self._paths.clock.is_playing else PLAY)
        self.play.setEnabled(self._paths.clock.end_s > self._paths.clock.start_s)
        self.record.setChecked(self._paths.is_recording)
        set_role(self.record, "primary" if self._paths.is_recording else "compact")

    def _go_to(self, time_s: float) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._paths.go_to(time_s)

    def _toggle_recording(self) -> None:
        self._paths.set_recording(not self._paths.is_recording)

    # --- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if not self._key(event):
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        is_key = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        return self.isVisible() and is_key and isinstance(event, QKeyEvent) and self._key(event)

    def _key(self, event: QKeyEvent) -> bool:
        """True if the key means something here."""
        paths, clock = self._paths, self._paths.clock
        is_far = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        step = LONG_STEP_S if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP_S
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if way is not None and is_far:
            paths.step_key(way)
        elif way is not None:
            paths.go_to(clock.time_s + way * step)
        elif event.key() == Qt.Key.Key_Space:
            clock.toggle()
        elif event.key() == Qt.Key.Key_Delete:
            self._delete_key()
        else:
            return False
        return True

    def _delete_key(self) -> None:
        path = self._paths.path
        key = key_at(path, self._paths.clock.time_s) if path is not None else None
        if key is not None:
            self._paths.edits.delete_key(key)

    # --- building

    def _button(self, text: str, tip: str, act: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setProperty("role", "compact")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(act)
        return button

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        for n, widget in enumerate((self.play, self.record, self.key, self.speed)):
            grid.addWidget(widget, n // 2, n % 2)
        left = QWidget()
        left.setFixedWidth(BUTTONS_PX)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        row = QHBoxLayout()
        row.addWidget(self.time)
        row.addStretch(1)
        row.addWidget(self.state)
        column.addLayout(row)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 12, 4)
        line.setSpacing(12)
        line.addWidget(left)
        line.addWidget(self.curve, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)


def over_strip(views: QWidget, strip: PathStrip) -> QWidget:
    """The views with the timeline under them."""
    both = QWidget()
    column = QVBoxLayout(both)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(views, 1)
    column.addWidget(strip)
    return both
