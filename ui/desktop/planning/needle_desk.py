"""What lies on the desk of needles: the search for ways to a target, the hand on a needle, and one being placed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.geometry import Point3
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Trajectory
from surgtwin.errors import PlanError
from surgtwin.planning.access_request import AccessRequest, needed_clearances, surroundings
from surgtwin.planning.access_target import deepest_point
from surgtwin.planning.edits import edited, free_name, with_entry
from surgtwin.planning.trajectory import TrajectoryResult
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress

from .needle_hold import End, NeedleHold
from .needle_search import NeedleChoice, Search, on_skin, search_ways, targets_for_needles
from .worker import LatestWorker, telling

if TYPE_CHECKING:
    from .desk import PlanDesk

SEARCH, PLACE = "access", "place"


class NeedleDesk(QObject):
    """Beside the desk of the plan, whose judge it shares. Lives on the main thread."""

    choice_changed = Signal()
    """Another target or needle for the next search."""
    search_changed = Signal()
    """A search began, got further, was given up, or has found something."""
    placing_changed = Signal()
    look_asked = Signal(bool)
    """The 3D view is to look along the chosen needle (True) or across it."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.worker = LatestWorker(self)
        self.live: Trajectory | None = None
        """The needle as the hand holds it, while it does."""
        self._choice = NeedleChoice()
        self._search: Search | None = None
        self._done: tuple[float, str] | None = None
        self._placing: End | None = None
        self._taken = ""
        self._geometry: TwinGeometry | None = None
        self.problem = ""

    # --- what is known

    @property
    def needle(self) -> Trajectory | None:
        """The needle that is worked on, as the hand holds it."""
        chosen = self._desk.book.chosen
        return (self.live or chosen) if isinstance(chosen, Trajectory) else None

    @property
    def result(self) -> TrajectoryResult | None:
        """Its newest figures, perhaps of the needle as it was a moment ago."""
        needle, judged = self.needle, self._desk.judged
        return judged.needles.get(needle.name) if needle is not None and judged is not None else None

    @property
    def choice(self) -> NeedleChoice:
        return self._choice

    @property
    def search(self) -> Search | None:
        """What the last search found, as long as its twin is open and its map is wanted."""
        return self._search

    @property
    def done(self) -> tuple[float, str] | None:
        """How far the running search is (0..1) and its stage; None while none runs."""
        return self._done

    @property
    def placing(self) -> End | None:
        """What the next click on a view places."""
        return self._placing

    @property
    def is_placing(self) -> bool:
        return self._placing is not None

    def on_twin(self) -> None:
        """Another twin or revision: what was found was found on the old one."""
        self.worker.drop(SEARCH)
        self.worker.drop(PLACE)
        twin = self._desk.state.twin
        offered = targets_for_needles(twin) if twin is not None else ()
        self._choice = NeedleChoice(offered[0] if offered else "")
        self.live, self._search, self._done, self._placing, self.problem = None, None, None, None, ""
        self.choice_changed.emit()
        self.search_changed.emit()
        self.placing_changed.emit()

    # --- the search

    def set_choice(self, choice: NeedleChoice) -> None:
        if choice != self._choice:
            self._choice = choice
            self.forget_search()
            self.choice_changed.emit()

    def start_search(self) -> None:
        """Look for the safest ways to the target of the choice."""
        geometry, choice = self._desk.geometry, self._choice
        if geometry is None or not choice.words:
            return
        self.stop_placing()
        self._search, self._done, self.problem, self._taken = None, (0.0, ""), "", ""

        def work(progress: Progress, tell: Callable[[Any], None]) -> Search:
            return search_ways(geometry, choice, telling(progress, tell))

        self.worker.ask(SEARCH, work, self._take_word, self._on_error)
        self.search_changed.emit()

    def forget_search(self) -> None:
        """Give the running search up, or take the map off the skin."""
        self.worker.drop(SEARCH)
        self._search, self._done, self.problem = None, None, ""
        self.search_changed.emit()

    def _take_word(self, said: Search | tuple[float, str]) -> None:
        if isinstance(said, Search):
            self._search, self._done, self.problem = said, None, said.problem
        else:
            self._done = said
        self.search_changed.emit()

    def take(self, rank: int) -> None:
        """Plan the needle of a candidate (0 is the best); another one of the same search takes its place."""
        search = self._search
        if search is None or not 0 <= rank < len(search.candidates):
            return
        way, plan = search.candidates[rank].result.trajectory, self._desk.book.plan
        known = next((t for t in plan.trajectories if t.name == self._taken), None)
        if known is not None and known.target_mm == way.target_mm:
            needle, words = replace(way, name=known.name), f"Path {rank + 1} for {known.name}"
        else:
            needle = replace(way, name=self._free_name())
            words = f"Add {needle.name}"
        self._taken = needle.name
        self._add(needle, words)

    # --- by hand

    def start_placing(self, end: End) -> None:
        self._placing = end
        self._desk.stop_placing(but=self)
        self.placing_changed.emit()

    def stop_placing(self) -> None:
        if self._placing is not None:
            self._placing = None
            self.placing_changed.emit()

    def put(self, place_mm: Point3) -> None:
        """A click on a view while something is placed."""
        end, geometry, choice = self._placing, self._desk.geometry, self._choice
        self.stop_placing()
        if end is End.TARGET:
            self.set_choice(NeedleChoice("", place_mm, choice.tool))
        elif end is End.ENTRY and geometry is not None:
            name = self._free_name()
            self.worker.ask(
                PLACE,
                lambda *_: placed(geometry, choice, name, place_mm),
                lambda needle: self._add(needle, f"Place {needle.name}"),
                self._on_error,
            )

    def pull(self, hold: NeedleHold, to_mm: Point3) -> None:
        """The hand pulls an end of the chosen needle: figures follow, the plan does not change yet."""
        geometry = self._desk.geometry
        if geometry is None:
            return
        try:
            self.live = hold.at(to_mm, geometry)
        except PlanError:
            return  # entry and target on one place: the hand is not followed there
        self._desk.follow_hand()

    def let_go(self, hold: NeedleHold) -> None:
        """What the hand did becomes an edit of the plan."""
        live, self.live = self.live, None
        if live is not None:
            self._desk.book.apply(with_entry(self._desk.book.plan, live), f"{hold.words} {live.name}")

    def edit(self, change: Callable[[Trajectory], Trajectory], words: str, merge: bool = False) -> None:
        """Change the chosen needle; one that can't be is told, and nothing has changed."""
        needle, book = self._desk.book.chosen, self._desk.book
        if not isinstance(needle, Trajectory):
            return
        try:
            plan = edited(book.plan, Trajectory, needle.name, change)
        except PlanError as error:
            self._desk.problem_found.emit(error.reason[:1].upper() + error.reason[1:])
            return
        book.apply(plan, f"{words} {needle.name}", merge=merge)

    def look(self, along: bool) -> None:
        """Look along the needle or across it; the slices go to its target."""
        needle = self.needle
        if needle is not None:
            self._desk.state.set_cursor(needle.target_mm)
            self.look_asked.emit(along)

    def _free_name(self) -> str:
        return free_name(self._desk.book.plan, Trajectory, "Needle 1")

    def _add(self, needle: Trajectory, words: str) -> None:
        book = self._desk.book
        book.apply(with_entry(book.plan, needle), words, choose=needle)
        book.choose(needle)
        self._desk.state.set_cursor(needle.target_mm)

    def _on_error(self, error: BaseException) -> None:
        self._done = None
        if isinstance(error, PlanError):
            self.problem = error.reason[:1].upper() + error.reason[1:]
        else:
            self._desk.tell_fault(error)
        self.search_changed.emit()


def placed(geometry: TwinGeometry, choice: NeedleChoice, name: str, towards_mm: Point3) -> Trajectory:
    """A needle through the skin where a person pointed, that has to keep what a search would ask for.

    Raises
    ------
    PlanError
        If the target lies outside the image, or the way would have no length.
    """
    target = choice.point_mm if choice.point_mm is not None else deepest_point(geometry, choice.target)
    request = AccessRequest(target, choice.tool, choice.target)
    needed = needed_clearances(geometry, request, surroundings(geometry, request))
    return request.trajectory(name, on_skin(geometry, target, towards_mm), needed)


def with_length(needle: Trajectory, length_mm: float) -> Trajectory:
    return replace(needle, tool=NeedleTool(needle.tool.radius_mm, length_mm))


def with_diameter(needle: Trajectory, diameter_mm: float) -> Trajectory:
    return replace(needle, tool=NeedleTool(diameter_mm / 2.0, needle.tool.length_mm))
