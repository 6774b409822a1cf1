"""The window: banner, mode row, structures on the left, views in the middle, the mode's panel on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.twin import Revision
from ui.phantom import has_phantom

from .actions import ActionTable
from .commands import Commands
from .compare_menu import Comparer
from .dropping import DropTarget
from .errors import ErrorPresenter
from .jobs import JobRunner
from .kept_settings import KeptSettings
from .live.live import Live
from .menu_rows import VIEW, rows
from .modes import MODES
from .opened_twin import OpenedTwin
from .opener import Opener
from .panels.banner import Banner, NoticeBar
from .panels.empty_state import EmptyState
from .panels.measurements_panel import MeasurementsPanel
from .panels.series_panel import SeriesPanel
from .panels.structures_panel import StructuresPanel
from .panels.timeline import Timeline
from .panels.tool_row import ToolRow
from .planning.planning import Planning
from .recent import RecentTwins
from .saver import Saver
from .search_box import SearchBox
from .segmenting import Segment
from .state import AppState

if TYPE_CHECKING:
    from .views.view_grid import ViewGrid

LEFT_PX, RIGHT_PX = 336, 296
LEAST_LEFT_PX, LEAST_RIGHT_PX = 296, 288
NARROW_WINDOW_PX = 1200
"""In Qt's pixels: a full-HD screen at 175 % and more."""
START_SIZE = QSize(1400, 900)
LEAST_SIZE = QSize(900, 500)
"""So that it fits a full-HD screen at 200 %."""
PICTURE_AFTER_MS = 1500
"""After opening, until the 3D view has certainly been drawn and can be kept as a picture."""
T = TypeVar("T")
MakeViews = Callable[[AppState, QWidget], "ViewGrid"]


def make_view_grid(state: AppState, parent: QWidget) -> ViewGrid:
    """The four views; imported here, so that a test can have a window without VTK's rendering."""
    from .views.view_grid import ViewGrid

    return ViewGrid(state, parent)


class MainWindow(DropTarget):
    """Lays out and wires; what is done is in `Commands`, what is known is in `AppState`."""

    def __init__(
        self, state: AppState, kept: KeptSettings, segment: Segment, make_views: MakeViews = make_view_grid
    ) -> None:
        super().__init__()
        self.setWindowTitle("surgtwin")
        self.setMinimumSize(LEAST_SIZE)
        self.state, self.kept = state, kept
        self.revisions: tuple[Revision, ...] = ()
        self.jobs = JobRunner(self)
        self.errors = ErrorPresenter(state, self)
        self.opener = Opener(state, self.jobs, kept, segment, self)
        self.saver = Saver(state, self.jobs, kept, self)
        self.notice = NoticeBar()
        self.views = make_views(state, self)
        self.leaves_unsaved = False
        self.planning = Planning(state, kept, self)
        self.live = Live(self)
        self.commands = Commands(state, self.jobs, kept, self.opener, self.saver, self)
        self.actions_table = ActionTable(rows(self.commands), state, self)
        self._make_parts()
        self._lay_out()
        self._wire()
        self._restore()
        state.set_mode(MODES[0].key)

    # --- what commands ask of the window

    def put_away(self, act: Callable[[], object]) -> Callable[[], None]:
        """`act`, after the notice that offered it is gone."""

        def acting() -> None:
            self.notice.hide()
            if self.jobs.is_running:
                self.jobs.cancel()
            act()

        return acting

    def put_away_with(self, act: Callable[[T], object]) -> Callable[[T], None]:
        """`act`, which takes an answer, after the notice is gone."""

        def acting(answer: T) -> None:
            self.notice.hide()
            act(answer)

        return acting

    def save_picture(self, path: Path) -> None:
        """The views as they are on the screen."""
        saved = self.views.screenshot().save(str(path))
        self.timeline.say(f"Picture saved: {path.name}" if saved else f"The picture could not be written: {path.name}")

    def set_revisions(self, revisions: Sequence[Revision]) -> None:
        self.revisions = tuple(revisions)
        self.banner.set_revisions(len(self.revisions))
        self.timeline.set_revisions(self.revisions)

    # --- parts

    def _make_parts(self) -> None:
        state = self.state
        self.banner = Banner(state)
        self.structures = StructuresPanel(state)
        self.series = SeriesPanel(state)
        self.measurements = MeasurementsPanel(state)
        self.timeline = Timeline(state, self.jobs)
        self.search_box = SearchBox(state, self.actions_table, self.commands.go_to_structure)
        self.recent = RecentTwins(self.kept)
        self.empty = EmptyState(offers_phantom=has_phantom())
        self.comparer = Comparer(state, self.jobs, lambda: self.revisions)
        menus = self.actions_table.fill(self.menuBar())
        self.tool_row = ToolRow(self.actions_table, self.search_box)
        self.compare_menu = menus[VIEW].addMenu("Compare with")
        self.compare_menu.aboutToShow.connect(lambda: self.comparer.fill(self.compare_menu))

    def _lay_out(self) -> None:
        self.left = QTabWidget()
        self.left.setDocumentMode(True)
        self.left.addTab(self.structures, "Structures")
        self.left.addTab(self.series, "Series")
        self.left.addTab(self.measurements, "Measurements")
        self.middle = QStackedWidget()
        self.middle.addWidget(self.empty)
        self.middle.addWidget(self.planning.framed(self.views))
        self.right = QStackedWidget()
        for mode in MODES:
            self.right.addWidget(mode.make_panel(self.state, self.commands, self.actions_table))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        for widget in (self.left, self.middle, self.right):
            self.splitter.addWidget(widget)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setStretchFactor(1, 1)
        self._give_room_to_views(START_SIZE.width())
        self.left.setMinimumWidth(LEAST_LEFT_PX)
        self.right.setMinimumWidth(LEAST_RIGHT_PX)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part, stretch in (
            (self.banner, 0), (self.tool_row, 0), (self.notice, 0), (self.splitter, 1), (self.timeline, 0),
        ):  # fmt: skip
            column.addWidget(part, stretch)
        self.setCentralWidget(body)
        self.resize(START_SIZE)

    # --- wiring

    def _wire(self) -> None:
        state, commands = self.state, self.commands
        state.twin_changed.connect(self._show_what_is_open)
        state.mode_changed.connect(self._show_mode)
        self.tool_row.mode_chosen.connect(state.set_mode)
        self.planning.attach(self.views)
        self.live.attach(self.views)
        commands.listen_to_plans()
        planning, book = self.planning, self.planning.book
        for signal in (book.drafts_changed, book.chosen_changed, planning.desk.placing_changed, planning.pane_changed):
            signal.connect(self.actions_table.refresh)
        state.colour_chosen.connect(self._keep_colour)
        self.kept.changed.connect(self._apply_settings)
        self.jobs.started.connect(lambda _title: state.set_busy(True))
        self.jobs.idle.connect(lambda: state.set_busy(False))
        self.jobs.failed.connect(self.errors.show_error)
        self.jobs.cancelled.connect(lambda: self.timeline.say("Stopped."))
        self.opener.failed.connect(self.errors.show_error)
        self.opener.twin_opened.connect(self._on_opened)
        self.opener.twin_built.connect(self._on_built)
        self.saver.saved.connect(self._on_saved)
        self.banner.side_chosen.connect(commands.choose_side)
        self.structures.accept_asked.connect(commands.accept)
        self.series.compare_asked.connect(self.comparer.with_image)
        self.timeline.revision_asked.connect(commands.open_revision)
        self.dragged_over.connect(self.empty.set_drag_over)
        self.dropped.connect(commands.open_path)
        self.empty.folder_asked.connect(commands.ask_folder)
        self.empty.file_asked.connect(commands.ask_file)
        self.empty.phantom_asked.connect(commands.open_phantom)
        self.empty.recent_asked.connect(lambda path: commands.open_path(Path(path)))

    def _on_opened(self, opened: OpenedTwin) -> None:
        self.set_revisions(opened.revisions)
        if opened.why:
            self.notice.tell(f"Read-only. {opened.why}", is_warning=True)
        self._remember(opened)
        self.timeline.say(f"Opened {opened.path.stem}.")

    def _on_built(self) -> None:
        twin = self.state.twin
        if twin is not None:
            self.set_revisions((twin.revision,))
            self.saver.save_new()

    def _on_saved(self, opened: OpenedTwin) -> None:
        self.set_revisions(opened.revisions)
        self.notice.hide()
        self._remember(opened)
        self.timeline.say(f"Saved as {opened.path.name} in {opened.path.parent}")

    def _remember(self, opened: OpenedTwin) -> None:
        """Put it on the recent list now, and its picture when the organs have been drawn."""
        self.recent.remember(opened.path, opened.twin)

        def take() -> None:
            if self.state.path == opened.path and self.isVisible():
                self.recent.keep_picture(opened.path, self.views.scene)

        QTimer.singleShot(PICTURE_AFTER_MS, self, take)

    def _show_what_is_open(self) -> None:
        is_open = self.state.volume is not None
        self.middle.setCurrentIndex(1 if is_open else 0)
        for side in (self.left, self.right):
            side.setVisible(is_open)
        self.tool_row.show_tools(is_open)
        self.notice.hide()
        if self.state.twin is None:
            self.set_revisions(())
        if not is_open:
            self.empty.set_recent(self.recent.entries())

    def _show_mode(self) -> None:
        keys = [mode.key for mode in MODES]
        self.right.setCurrentIndex(keys.index(self.state.mode))
        self.tool_row.light_mode(self.state.mode)

    def _keep_colour(self, name: str) -> None:
        if self.state.twin is not None:
            self.kept.keep_colour(self.state.twin.case_id, name, self.state.colour(name))

    def _apply_settings(self) -> None:
        self.state.set_mouse_profile(self.kept.now.mouse_profile)
        self.state.set_label_opacity(self.kept.now.label_opacity)

    def _restore(self) -> None:
        self._apply_settings()
        geometry = self.kept.now.window_geometry
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))
        self._show_what_is_open()

    # --- room, and the end

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """The panels give way when the window becomes narrow, and come back; between that a person drags them."""
        super().resizeEvent(event)
        was, is_now = event.oldSize().width() < NARROW_WINDOW_PX, event.size().width() < NARROW_WINDOW_PX
        if was != is_now or event.oldSize().width() < 0:
            self._give_room_to_views(event.size().width())

    def _give_room_to_views(self, width: int) -> None:
        left, right = (LEFT_PX, RIGHT_PX) if width >= NARROW_WINDOW_PX else (LEAST_LEFT_PX, LEAST_RIGHT_PX)
        self.splitter.setSizes([left, width - left - right, right])

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        if self.commands.unsaved_words() and not self.leaves_unsaved:
            event.ignore()
            self.commands.ask_before_leaving()
            return
        self.kept.change(window_geometry=bytes(self.saveGeometry().toBase64().data()).decode("ascii"))
        self.jobs.close()
        self.live.close()
        self.planning.close()
        self.state.close()
        self.opener.close()
        self.views.dispose()
        super().closeEvent(event)
