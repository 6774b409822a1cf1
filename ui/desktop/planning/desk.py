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
from surgtwin.progress import Progress

from ..state import AppState
from .bending import bent
from .book import PlanBook
from .choices import CutChoice, first_choice
from .hand import Hold
from .judged_desk import EntryHand, JudgedDesk
from .laying import Laying, StaysAt, Way, away_from, surface_of_clicks, surface_of_line
from .needle_desk import NeedleDesk
from .path_desk import PathDesk
from .worker import LatestWorker
from .zone_desk import ZoneDesk

START, WARM, BEND = "start", "warm", "bend"
SOFT = 0.8
"""How far a handle drags its neighbours along, in control points (standard deviation)."""
_ANY = PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))


class PlanDesk(JudgedDesk):
    """Adds the hands to what is known of the plan. Lives on the main thread."""

    laying_changed = Signal()
    placing_changed = Signal()
    """The next click on a view means something else than before, of whatever kind."""
    choice_changed = Signal()

    def __init__(
        self,
        state: AppState,
        book: PlanBook,
        worker: LatestWorker,
        slow_worker: LatestWorker,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(state, book, worker, slow_worker, parent)
        self.falloff = SOFT
        self._live: CutSurface | None = None
        self._laying: Laying | None = None
        self._choice = CutChoice()
        self.needles, self.paths, self.zones = NeedleDesk(self), PathDesk(self), ZoneDesk(self)
        self.hands = (self.needles, self.paths, self.zones)
        for signal in (self.laying_changed, self.paths.placing_changed, self.needles.placing_changed):
            signal.connect(self.placing_changed)
        state.twin_changed.connect(self._on_twin)
        book.plan_changed.connect(self._on_plan)

    def set_open(self, is_open: bool) -> None:
        """Plan mode is entered or left: nothing is computed for a panel that nobody sees."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        if not is_open:
            self.stop_placing()
        elif self._judge is None:
            self._on_twin()
        else:
            self._on_plan()
        self.judged_changed.emit()

    # --- what is known

    @property
    def plan(self) -> Plan:
        """The plan, with what is in the hand as the hand holds it."""
        live = next((hand.live for hand in self.hands if hand.live is not None), None)
        if live is not None:
            return with_entry(self.book.plan, live)
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

    # --- the hand on a cut

    def pull(self, hold: Hold, to_mm: Point3, is_alone: bool = False) -> None:
        """The hand pulls the chosen cut to a place: figures follow, the plan does not change yet."""
        try:
            self._live = hold.at(to_mm, 0.0 if is_alone else self.falloff)
        except PlanError:
            return  # a pull that leaves no surface is not followed
        self.follow_hand()

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
        self.stop_placing()
        self._laying = Laying(way)
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
        name = free_name(plan, Resection, "Cut 1")
        resection = choice.resection(name, surface)
        self.book.apply(with_entry(plan, resection), f"Lay {name}", choose=resection)
        self.book.choose(resection)

    def _on_start_error(self, error: BaseException) -> None:
        if isinstance(error, PlanError):
            self.problem_found.emit(error.reason[:1].upper() + error.reason[1:])
        else:
            self._fault(error)

    # --- following

    @property
    def is_placing(self) -> bool:
        """Whether the next click on a view lays or places something."""
        return self._laying is not None or any(hand.is_placing for hand in self.hands)

    def stop_placing(self, but: EntryHand | None = None) -> None:
        """Nothing is laid or placed by the next click any longer, but by the hand that is named."""
        self.stop_laying()
        for hand in self.hands:
            if hand is not but:
                hand.stop_placing()

    def _on_twin(self) -> None:
        """Another twin or revision: everything known was of the old one."""
        twin, known = self.state.twin, self.geometry
        if twin is not None and known is not None and twin.labels is known.twin.labels:
            return  # the same twin; another of its images is on the slices
        for kind in (START, WARM, BEND):
            self._worker.drop(kind)
        self._live, self._laying = None, None
        self._forget_figures()
        self._choice = first_choice(twin) if twin is not None and not self.obstacle else CutChoice()
        self.choice_changed.emit()
        self.laying_changed.emit()
        for hand in self.hands:
            hand.on_twin()
        self._warm()
        self._on_plan()

    def _on_plan(self) -> None:
        if self._live is None and all(hand.live is None for hand in self.hands):
            self._ask(quick_only=False)
        self.judged_changed.emit()

    def _warm(self) -> None:
        judge, choice = self._judge, self._choice
        if judge is not None and choice.organ:
            resection = choice.resection("-", _ANY)
            self._worker.ask(WARM, lambda *_: judge.warm(resection), lambda _: None, lambda _: None)
