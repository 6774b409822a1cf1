"""What is known of the plan on the screen: asked for whenever it changes, first nearly, then exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from PySide6.QtCore import QObject, Signal

from surgtwin.domain.geometry import transform_points
from surgtwin.domain.plan import Plan
from surgtwin.domain.twin import Twin
from surgtwin.planning.edits import Entry
from surgtwin.planning.twin_geometry import TwinGeometry

from ..state import AppState
from .book import PlanBook
from .judging import Judge, Judged
from .worker import LatestWorker

QUICK, EXACT = "quick", "exact"
NO_TWIN = "A plan is made on a twin: the organs have to be found first."
OTHER_FRAME = (
    "The organs were found on {series}, which lies {turned} and {moved} from the primary image. Plan mode draws where "
    "the primary image lies, and a plan is kept where its organs lie: they would not meet. To plan on these organs, "
    "open {series} by itself and find them there: then it is the primary image."
)


class EntryHand(Protocol):
    """What lies on the desk for one kind of entry beside cuts: a hand on it, and work of its own."""

    @property
    def live(self) -> Entry | None:
        """The entry as the hand holds it, while it does."""
        ...

    @property
    def worker(self) -> LatestWorker: ...

    @property
    def is_placing(self) -> bool:
        """Whether the next click on a view places something."""
        ...

    def on_twin(self) -> None:
        """Another twin or revision."""

    def stop_placing(self) -> None:
        """Nothing is placed by the next click any longer."""


class JudgedDesk(QObject):
    """Asks the workers for figures and pictures, and holds the newest. Lives on the main thread."""

    judged_changed = Signal()
    """Figures or pictures are there that were not, or no longer hold."""
    hand_moved = Signal()
    """The hand holds an entry otherwise; its figures follow."""
    problem_found = Signal(str)
    """Why something could not be done, for a person."""

    def __init__(
        self,
        state: AppState,
        book: PlanBook,
        worker: LatestWorker,
        slow_worker: LatestWorker,
        parent: QObject | None = None,
    ) -> None:
        """`worker` follows the hand; `slow_worker` has the last word and never makes the hand wait."""
        super().__init__(parent)
        self.state, self.book, self._worker, self._slow_worker = state, book, worker, slow_worker
        self.is_open = False
        self.hands: tuple[EntryHand, ...] = ()
        self._judge: Judge | None = None
        self._slow_judge: Judge | None = None
        self._judged: Judged | None = None
        self._fault: Callable[[BaseException], None] = lambda error: None
        state.details_changed.connect(self._on_details)

    def on_fault(self, show: Callable[[BaseException], None]) -> None:
        """Who shows errors that are no plan's."""
        self._fault = show

    def tell_fault(self, error: BaseException) -> None:
        """Show an error that a person should read."""
        self._fault(error)

    @property
    def plan(self) -> Plan:
        """The plan, with what is in the hand as the hand holds it."""
        return self.book.plan

    @property
    def obstacle(self) -> str:
        """Why nothing can be planned on what is open, for a person; empty where it can."""
        twin = self.state.twin
        if twin is None:
            return NO_TWIN
        return other_frame_words(twin)

    @property
    def judged(self) -> Judged | None:
        """The newest figures, perhaps of the plan as it was a moment ago."""
        return self._judged

    @property
    def is_exact(self) -> bool:
        """Whether the figures are exact and of the plan that is on the screen."""
        return self._judged is not None and self._judged.is_exact and self._judged.plan == self.plan

    @property
    def is_waiting(self) -> bool:
        """Whether figures are being computed."""
        return self._judge is not None and not self.plan.is_empty and not self.is_exact and not self._is_problem

    @property
    def _is_problem(self) -> bool:
        return self._judged is not None and bool(self._judged.problem) and self._judged.plan == self.plan

    @property
    def geometry(self) -> TwinGeometry | None:
        return self._judge.geometry if self._judge is not None else None

    @property
    def slow_judge(self) -> Judge | None:
        """What judges plans on the open twin exactly; only the slow worker may ask it."""
        return self._slow_judge

    def follow_hand(self) -> None:
        """The hand holds something otherwise: figures follow."""
        self._ask(quick_only=True)
        self.hand_moved.emit()

    # --- within

    def _forget_figures(self) -> None:
        """Another twin: everything known was of the old one."""
        self._worker.drop(QUICK)
        self._slow_worker.drop(EXACT)
        self._judged = None
        twin = self.state.twin
        geometry = TwinGeometry(twin) if twin is not None and self.is_open and not self.obstacle else None
        self._judge = Judge(geometry) if geometry is not None else None
        self._slow_judge = Judge(geometry) if geometry is not None else None

    def _on_details(self) -> None:
        """Somebody accepted a structure, perhaps: the figures stay, the findings may not."""
        twin, judge = self.state.twin, self._judge
        if judge is None or twin is None or judge.geometry.twin.accepted == twin.accepted:
            return
        judge.geometry.twin = twin
        self._ask(quick_only=False, is_anew=True)

    def _ask(self, quick_only: bool, is_anew: bool = False) -> None:
        judge, slow, plan = self._judge, self._slow_judge, self.plan
        if judge is None or slow is None or not self.is_open:
            return
        if plan.is_empty:
            self._slow_worker.drop(EXACT)
            self._worker.drop(QUICK)
            self._judged = None
            return
        known = self._judged
        if not (quick_only or is_anew) and known is not None and known.is_exact and known.plan is plan:
            return
        self._slow_worker.drop(EXACT)
        self._worker.ask(QUICK, lambda progress, _: judge.quick(plan, progress), self._take, self.tell_fault)
        if not quick_only:
            self._slow_worker.ask(EXACT, lambda progress, _: slow.exact(plan, progress), self._take, self.tell_fault)

    def _take(self, judged: Judged) -> None:
        known = self._judged
        if known is not None and known.is_exact and not judged.is_exact and known.plan == judged.plan:
            return
        self._judged = judged
        self.judged_changed.emit()


def other_frame_words(twin: Twin) -> str:
    """Why nothing can be planned on organs that another image than the primary one holds; empty where it is no matter.

    It is none where both images lie alike, as series of one examination do that the scanner put into one frame.
    """
    image = twin.image(twin.labels_on)
    matrix = np.asarray(image.twin_from_image)
    if np.allclose(matrix, np.eye(4)):
        return ""
    cosine = float(np.clip((np.trace(matrix[:3, :3]) - 1.0) / 2.0, -1.0, 1.0))
    middle = twin.labels.grid.center()
    away = float(np.linalg.norm(transform_points(matrix, middle[None])[0] - middle))
    series = f"'{image.volume.source.description or image.role}'"
    return OTHER_FRAME.format(
        series=series, turned=f"turned by {np.degrees(np.arccos(cosine)):.1f}\u00b0", moved=f"{away:.1f} mm off"
    )
