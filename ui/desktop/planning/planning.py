"""Plan mode as a whole: made once with the window, and attached to its views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from surgtwin.errors import PlanError
from surgtwin.progress import Progress

from ..kept_settings import KeptSettings
from ..state import AppState
from .book import MODE, PlanBook
from .compare_pane import ComparePlans
from .desk import PlanDesk
from .draft import Draft
from .judging import Judged
from .needle_scene import NeedleScene
from .needle_slice import NeedleSlice
from .path_scene import PathScene
from .path_slice import PathSlice
from .path_strip import PathStrip, over_strip
from .recovery import Found, find_again, keep_aside
from .scene_layer import SceneLayer
from .slice_layer import SliceLayer
from .worker import LatestWorker
from .zone_scene import ZoneScene
from .zone_slice import ZoneSlice

if TYPE_CHECKING:
    from ..views.view_grid import ViewGrid

KEEP_AFTER_MS = 500
"""After the last edit, until what is not saved is kept aside."""
COMPARE = "compare"


class Planning(QObject):
    """Owns the book, the desk and their worker."""

    pane_changed = Signal()
    """A comparison begins or has ended."""
    found = Signal(object)
    """Plans (tuple of Found) of the twin that was just opened, which were not saved when the program last ended."""

    def __init__(self, state: AppState, kept: KeptSettings, parent: QWidget) -> None:
        super().__init__(parent)
        self.state = state
        self.worker, self.slow_worker = LatestWorker(self), LatestWorker(self)
        self.book = PlanBook(state, kept.reader, self)
        self.desk = PlanDesk(state, self.book, self.worker, self.slow_worker, self)
        self.strip = PathStrip(self.desk)
        self._views: ViewGrid | None = None
        self._pane: ComparePlans | None = None
        self._compared: tuple[Draft, ...] = ()
        self._opened = ""
        self._keep = QTimer(self, singleShot=True, interval=KEEP_AFTER_MS)
        self._keep.timeout.connect(self.keep_aside)
        self.book.drafts_changed.connect(self._keep.start)
        state.mode_changed.connect(self._on_mode)
        state.twin_changed.connect(self._on_twin)

    def framed(self, views: QWidget) -> QWidget:
        """The views with the timeline of the chosen tool path under them."""
        return over_strip(views, self.strip)

    def attach(self, views: QWidget) -> None:
        """Become a guest of the four views; a window without them (in a test) has no guests."""
        from ..views.view_grid import ViewGrid

        if isinstance(views, ViewGrid):
            self._views = views
            SceneLayer(views.scene, self.desk)
            NeedleScene(views.scene, self.desk)
            paths = PathScene(views.scene, self.desk)
            self.strip.listen_on(views.scene, *views.slices.values())
            ZoneScene(views.scene, self.desk)
            for view in views.slices.values():
                SliceLayer(view, self.desk)
                NeedleSlice(view, self.desk)
                PathSlice(view, self.desk, paths)
                ZoneSlice(view, self.desk)

    # --- what is not saved

    def keep_aside(self) -> None:
        """Write what is not saved where it is found again if the program ends."""
        twin = self.state.twin
        if twin is not None:
            keep_aside(twin.case_id, self.book.changed)

    def restore(self, found: tuple[Found, ...]) -> None:
        for plan in found:
            self.book.restore(plan.name, plan.kept_name, plan.plan)

    def forget(self) -> None:
        """A person does not want what was found, or what is not saved."""
        twin = self.state.twin
        if twin is not None:
            self._keep.stop()
            keep_aside(twin.case_id, ())

    def _on_twin(self) -> None:
        self.slow_worker.drop(COMPARE)
        self.end_compare()
        twin = self.state.twin
        case_id = twin.case_id if twin is not None else ""
        if case_id and case_id != self._opened:
            self._keep.stop()
            found = find_again(case_id)
            if found:
                QTimer.singleShot(0, self, lambda: self.found.emit(found))
        self._opened = case_id

    # --- comparing

    def compare(self, keys: tuple[int, int]) -> None:
        """Judge two plans and put them side by side where the views are."""
        judge = self.desk.slow_judge
        drafts = [d for key in keys for d in self.book.drafts if d.key == key]
        if judge is None or len(drafts) != 2:
            return

        def work(progress: Progress, _: object) -> tuple[Judged, ...]:
            return tuple(judge.exact(d.plan, progress) for d in drafts)

        both = (drafts[0], drafts[1])
        self.slow_worker.ask(COMPARE, work, lambda judged: self._show_compare(both, judged), self.desk.tell_fault)

    @property
    def pane(self) -> ComparePlans | None:
        """The comparison on the screen."""
        return self._pane

    @property
    def compared(self) -> tuple[Draft, ...]:
        """The plans of that comparison, as they were when it began."""
        return self._compared if self._pane is not None else ()

    def end_compare(self) -> None:
        pane, self._pane = self._pane, None
        if pane is not None:
            if self._views is not None:
                self._views.show_instead(None)
            pane.dispose()
            pane.deleteLater()
            self.pane_changed.emit()

    def _show_compare(self, drafts: tuple[Draft, Draft], both: tuple[Judged, Judged]) -> None:
        problem = next((j.problem for j in both if j.evaluation is None), "")
        if problem:
            self.desk.tell_fault(PlanError(problem))
            return
        self.end_compare()
        if self._views is not None:
            self._compared = drafts
            self._pane = ComparePlans(self.desk, (drafts[0].name, drafts[1].name), both, self._views.scene)
            self._pane.ended.connect(self.end_compare)
            self._views.show_instead(self._pane)
            self.pane_changed.emit()

    # --- the window

    def _on_mode(self) -> None:
        self.desk.set_open(self.state.mode == MODE)
        if self.state.mode != MODE:
            self.end_compare()

    def close(self) -> None:
        """The program ends: what is not saved is kept aside, and nothing runs any longer."""
        if self._keep.isActive():
            self._keep.stop()
            self.keep_aside()
        self.end_compare()
        for worker in (self.worker, self.slow_worker, *(hand.worker for hand in self.desk.hands)):
            worker.close()
