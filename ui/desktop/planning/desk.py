"""What lies on the desk besides the plans themselves: the hand on a cut, a cut being laid, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from surgtwin.domain.cut import CutSurface, PlaneCut, ShellCut
from surgtwin.domain.geometry import Point3
from surgtwin.domain.plan import Plan, Resection
from surgtwin.errors import PlanError
from surgtwin.planning.edits import free_name, with_entry, with_surface
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress

from ..state import AppState
from .bending import bent
from .book import PlanBook
from .choices import CutChoice, first_choice
from .hand import Hold
from .judging import Judge, Judged
from .laying import Laying, StaysAt, Way, away_from, surface_of_clicks, surface_of_line
from .needle_desk import NeedleDesk
from .worker import LatestWorker

QUICK, EXACT, START, WARM, BEND = "quick", "exact", "start", "warm", "bend"
SOFT = 0.8
"""How far a handle drags its neighbours along, in control points (standard deviation)."""
NO_TWIN = "A plan is made on a twin: the organs have to be found first."
OTHER_FRAME = "The organs were found on an image that lies otherwise than the primary one: no plan can be made on them."
_ANY = PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))


class PlanDesk(QObject):
    """Asks the worker for figures and pictures, and holds the newest. Lives on the main thread."""

    judged_changed = Signal()
    """Figures or pictures are there that were not, or no longer hold."""
    hand_moved = Signal()
    """The hand holds the cut otherwise; its figures follow."""
    laying_changed = Signal()
    choice_changed = Signal()
    problem_found = Signal(str)
    """Why a cut could not be laid, for a person."""

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
        self.falloff = SOFT
        self._judge: Judge | None = None
        self._slow_judge: Judge | None = None
        self._judged: Judged | None = None
        self._live: CutSurface | None = None
        self._laying: Laying | None = None
        self._choice = CutChoice()
        self._fault: Callable[[BaseException], None] = lambda error: None
        self.needles = NeedleDesk(self)
        state.twin_changed.connect(self._on_twin)
        state.details_changed.connect(self._on_details)
        book.plan_changed.connect(self._on_plan)

    def on_fault(self, show: Callable[[BaseException], None]) -> None:
        """Who shows errors that are no plan's."""
        self._fault = show

    def set_open(self, is_open: bool) -> None:
        """Plan mode is entered or left: nothing is computed for a panel that nobody sees."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        if not is_open:
            self.stop_laying()
            self.needles.stop_placing()
        elif self._judge is None:
            self._on_twin()
        else:
            self._on_plan()
        self.judged_changed.emit()

    @property
    def obstacle(self) -> str:
        """Why nothing can be planned on what is open, for a person; empty where it can."""
        twin = self.state.twin
        if twin is None:
            return NO_TWIN
        is_primary = np.allclose(twin.image(twin.labels_on).twin_from_image, np.eye(4))
        return "" if is_primary else OTHER_FRAME

    # --- what is known

    @property
    def plan(self) -> Plan:
        """The plan, with the cut or the needle as the hand holds it."""
        if self.needles.live is not None:
            return with_entry(self.book.plan, self.needles.live)
        chosen = self.book.chosen
        if self._live is None or not isinstance(chosen, Resection):
            return self.book.plan
        return with_surface(self.book.plan, chosen.name, self._live)

    @property
    def cut(self) -> Resection | None:
        """The cut that is worked on, as the hand holds it."""
        chosen = self.book.chosen
        if not isinstance(chosen, Resection):
            return None
        return replace(chosen, surface=self._live) if self._live is not None else chosen

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

    # --- the hand on a cut

    def pull(self, hold: Hold, to_mm: Point3, is_alone: bool = False) -> None:
        """The hand pulls the chosen cut to a place: figures follow, the plan does not change yet."""
        try:
            self._live = hold.at(to_mm, 0.0 if is_alone else self.falloff)
        except PlanError:
            return  # a pull that leaves no surface is not followed
        self.follow_hand()

    def follow_hand(self) -> None:
        """The hand holds something otherwise: figures follow."""
        self._ask(quick_only=True)
        self.hand_moved.emit()

    def let_go(self, words: str) -> None:
        """What the hand did becomes an edit of the plan."""
        live, self._live = self._live, None
        chosen = self.book.chosen
        if live is not None and isinstance(chosen, Resection):
            self.book.apply(with_surface(self.book.plan, chosen.name, live), f"{words} {chosen.name}")

    def bend(self, distance_mm: float) -> None:
        """Shape the chosen cut so that its least margin is that; a plane becomes a patch."""
        judge, cut = self._judge, self.book.chosen
        if judge is None or not isinstance(cut, Resection) or not cut.targets:
            return
        words = f"Bend {cut.name} to {distance_mm:g} mm"

        def work(_: Progress, __: Callable[[Any], None]) -> CutSurface:
            return bent(judge.geometry, judge.warm(cut), cut, distance_mm)

        def take(surface: CutSurface) -> None:
            if self.book.chosen is cut:
                self.book.apply(with_surface(self.book.plan, cut.name, surface), words)

        self._worker.ask(BEND, work, take, self._on_start_error)

    # --- laying a cut

    @property
    def choice(self) -> CutChoice:
        """Organ, targets and margin of the next cut."""
        return self._choice

    def set_choice(self, choice: CutChoice) -> None:
        if choice != self._choice:
            self._choice = choice
            self._warm()
            self.choice_changed.emit()

    @property
    def laying(self) -> Laying | None:
        return self._laying

    def start_laying(self, way: Way) -> None:
        self._laying = Laying(way)
        self.needles.stop_placing()
        self._warm()
        self.laying_changed.emit()

    def stop_laying(self) -> None:
        if self._laying is not None:
            self._laying = None
            self.laying_changed.emit()

    def lay(self, point_mm: Point3, sight: Point3) -> None:
        """A click of two."""
        laying = self._laying
        if laying is None or laying.way is Way.LINE:
            return
        if not laying.points_mm:
            self._laying = replace(laying, points_mm=(point_mm,), sight=sight)
            self.laying_changed.emit()
            return
        first = laying.points_mm[0]
        self.stop_laying()
        self._start(lambda tissue, stays: surface_of_clicks(laying.way, first, point_mm, sight, stays, tissue))

    def lay_line(self, points_mm: tuple[Point3, ...], sight: Point3) -> None:
        """A line that was drawn."""
        self.stop_laying()
        points = np.asarray(points_mm)
        self._start(lambda tissue, stays: surface_of_line(points, sight, stays, tissue))

    def lay_shell(self) -> None:
        """A shell around the targets at their margin."""
        choice = self._choice
        self.stop_laying()
        if not choice.targets:
            self.problem_found.emit("Choose the targets first: a shell goes around them.")
            return
        self._add(ShellCut(choice.targets, max(choice.margin_mm, 1.0)), choice)

    def _start(self, make: Callable[[Tissue, StaysAt], CutSurface]) -> None:
        """Make the first surface on the worker, which knows the organ, and add the cut."""
        judge, choice = self._judge, self._choice
        if judge is None:
            return

        def work(_: Progress, __: Callable[[Any], None]) -> CutSurface:
            resection = choice.resection("-", _ANY)
            tissue = judge.warm(resection)
            return make(tissue, lambda middle: away_from(judge.geometry, tissue, choice.targets, middle))

        self._worker.ask(START, work, lambda surface: self._add(surface, choice), self._on_start_error)

    def _add(self, surface: CutSurface, choice: CutChoice) -> None:
        plan = self.book.plan
        name = free_name(plan, Resection, "Cut 1").replace("Cut 1 ", "Cut ")
        resection = choice.resection(name, surface)
        self.book.apply(with_entry(plan, resection), f"Lay {name}", choose=resection)
        self.book.choose(resection)

    def _on_start_error(self, error: BaseException) -> None:
        if isinstance(error, PlanError):
            self.problem_found.emit(error.reason[:1].upper() + error.reason[1:])
        else:
            self._fault(error)

    # --- following

    def _on_twin(self) -> None:
        """Another twin or revision: everything known was of the old one."""
        twin, known = self.state.twin, self.geometry
        if twin is not None and known is not None and twin.labels is known.twin.labels:
            return  # the same twin; another of its images is on the slices
        for kind in (QUICK, START, WARM, BEND):
            self._worker.drop(kind)
        self._slow_worker.drop(EXACT)
        self._live, self._judged, self._laying = None, None, None
        geometry = TwinGeometry(twin) if twin is not None and self.is_open and not self.obstacle else None
        self._judge = Judge(geometry) if geometry is not None else None
        self._slow_judge = Judge(geometry) if geometry is not None else None
        self._choice = first_choice(twin) if twin is not None and not self.obstacle else CutChoice()
        self.choice_changed.emit()
        self.laying_changed.emit()
        self.needles.on_twin()
        self._warm()
        self._on_plan()

    def _on_details(self) -> None:
        """Somebody accepted a structure, perhaps: the figures stay, the findings may not."""
        twin, judge = self.state.twin, self._judge
        if judge is None or twin is None or judge.geometry.twin.accepted == twin.accepted:
            return
        judge.geometry.twin = twin
        self._ask(quick_only=False, is_anew=True)

    def _on_plan(self) -> None:
        if self._live is None and self.needles.live is None:
            self._ask(quick_only=False)
        self.judged_changed.emit()

    def _warm(self) -> None:
        judge, choice = self._judge, self._choice
        if judge is not None and choice.organ:
            resection = choice.resection("-", _ANY)
            self._worker.ask(WARM, lambda *_: judge.warm(resection), lambda _: None, lambda _: None)

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

    def tell_fault(self, error: BaseException) -> None:
        """Show an error that a person should read."""
        self._fault(error)
