"""Live mode as a whole: made once with the window, and attached to its views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from ..command_base import IMAGE_FILTER, make_button
from ..planning.worker import LatestWorker
from .desk import MODE, LiveDesk
from .history import History
from .history_page import HistoryPage
from .panel import LivePanel
from .revision_mark import RevisionMark
from .tool_scene import ToolScene
from .tool_slice import ToolSlice
from .updates import Updates

if TYPE_CHECKING:
    from ..main_window import MainWindow
    from ..views.scene_view import SceneView
    from ..views.view_grid import ViewGrid


class Live(QObject):
    """Owns the desk of the tool, the twin's history and what arrives, and their worker."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.worker = LatestWorker(self)
        self.desk = LiveDesk(window.state, window.planning.book, window.kept, self)
        self.history = History(window)
        self.updates = Updates(window, self.history, self.worker)
        self.panel: LivePanel | None = None
        self.history_page: HistoryPage | None = None
        self._views: ViewGrid | None = None
        self.desk.guiding.failed.connect(window.errors.show_error)
        window.state.twin_changed.connect(self._on_twin)
        self.updates.page_changed.connect(self.close_history)

    def attach(self, views: QWidget) -> None:
        """Become a guest of the four views; a window without them (in a test) has no guests."""
        from ..views.view_grid import ViewGrid

        window = self._window
        self.history.changed.connect(lambda: window.timeline.set_rows(self.history.rows))
        self.history.failed.connect(window.errors.show_error)
        self.updates.page_changed.connect(window.actions_table.refresh)
        self.history.changed.connect(window.actions_table.refresh)
        window.timeline.history_asked.connect(self.show_history)
        window.opener.twin_opened.connect(self._tell_of_proposals)
        if isinstance(views, ViewGrid):
            self._views = views
            ToolScene(views.scene, self.desk)
            RevisionMark(views.scene, self.history)
            for view in views.slices.values():
                ToolSlice(view, self.desk)
                RevisionMark(view, self.history)

    def make_panel(self) -> LivePanel:
        self.panel = LivePanel(self.desk, self._window.kept, self.worker, self)
        for section in self.panel.asking:
            section.problem_found.connect(self._window.notice.tell)
        return self.panel

    # --- what stands where the views stand

    @property
    def scene(self) -> SceneView | None:
        """The 3D view; None in a window without views."""
        return self._views.scene if self._views is not None else None

    def show_instead(self, page: QWidget | None) -> None:
        """A page in place of the views; None brings them back."""
        if self._views is not None:
            self._views.show_instead(page)

    @property
    def has_page(self) -> bool:
        """Whether a proposal or the history stands where the views stand."""
        return self.updates.page is not None or self.history_page is not None

    def leave_page(self) -> None:
        """Back to the views; a proposal waits."""
        self.updates.put_off()
        self.close_history()

    def show_history(self) -> None:
        """The revisions with what happened to each."""
        if self.history_page is not None:
            self.close_history()
            return
        if self.history.rows:
            self.updates.put_off()
            page = HistoryPage(self.history, self.worker, self.scene)
            page.ended.connect(self.close_history)
            page.judge_asked.connect(self.updates.reopen)
            self.history_page = page
            self.show_instead(page)
            self._window.actions_table.refresh()

    def close_history(self) -> None:
        page, self.history_page = self.history_page, None
        if page is not None:
            if self.updates.page is None:
                self.show_instead(None)
            page.dispose()
            page.deleteLater()
            self._window.actions_table.refresh()

    def _on_twin(self) -> None:
        """Another revision of the same twin leaves the history open."""
        if self.history_page is not None:
            if self.history.path is None:
                self.close_history()
            else:
                self.show_instead(self.history_page)

    def _tell_of_proposals(self) -> None:
        """What waits for a person's answer is not left to be found."""
        waiting, notice = self.history.proposed, self._window.notice
        if waiting and self.history.writer is not None and not notice.isVisible():
            numbers = ", ".join(str(row.revision.number) for row in waiting)
            words = f"Revision {numbers} waits for an answer." if len(waiting) == 1 else f"Revisions {numbers} wait."
            judge = make_button("Judge it", self._window.put_away(self.judge_next), primary=True)
            notice.tell(words, judge, is_warning=False)

    # --- what the menus do

    def ask_connect(self) -> None:
        """Live mode, ready for an address."""
        self._window.state.set_mode(MODE)
        if self.panel is not None:
            self.panel.sources.address.setFocus()

    def ask_image(self) -> None:
        self._ask(QFileDialog.FileMode.ExistingFile, "Take in an image file")

    def ask_image_folder(self) -> None:
        self._ask(QFileDialog.FileMode.Directory, "Take in a DICOM folder")

    def take_in(self, path: Path) -> None:
        """An image that was chosen, unless nothing can be taken in now: that is told."""
        if self.updates.obstacle:
            self._window.notice.tell(self.updates.obstacle)
        else:
            self.updates.take(path)

    def judge_next(self) -> None:
        """The oldest proposal that waits."""
        if self.history.proposed:
            self.updates.reopen(self.history.proposed[0].revision.number)

    def _ask(self, mode: QFileDialog.FileMode, title: str) -> None:
        if self.updates.obstacle:
            self._window.notice.tell(self.updates.obstacle)
            return
        dialog = QFileDialog(self._window, title, self._window.commands.start_folder(), IMAGE_FILTER)
        dialog.setFileMode(mode)
        dialog.fileSelected.connect(lambda path: self.take_in(Path(path)))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()

    def close(self) -> None:
        """The program ends."""
        self.updates.put_off()
        self.close_history()
        self.desk.close()
        self.worker.close()
