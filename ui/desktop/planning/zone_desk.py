"""What lies on the desk of treated zones: the zone that is worked on, the hand on it, and zones being proposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.geometry import Point3
from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.errors import PlanError
from surgtwin.planning.ablation import AblationResult
from surgtwin.planning.ablation_cover import cover_target
from surgtwin.planning.edits import edited, free_name, with_entry
from surgtwin.planning.settings import DEFAULT_PLANNING
from surgtwin.progress import Progress

from .worker import LatestWorker, telling
from .zone_choice import NO_SURFACE, ZoneChoice, first_zone, points_of, start_of
from .zone_hold import ZoneHand

if TYPE_CHECKING:
    from .desk import PlanDesk

PROPOSE = "zones"


class ZoneDesk(QObject):
    """Beside the desk of the plan, whose judge it shares. Lives on the main thread."""

    choice_changed = Signal()
    """Another target or size for the next zone."""
    search_changed = Signal()
    """A search for zones began, got further, ended, or was given up."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.worker = LatestWorker(self)
        self.live: Ablation | None = None
        """The zone as the hand holds it, while it does."""
        self._choice = ZoneChoice()
        self._done: float | None = None
        self.problem = ""

    # --- what is known

    @property
    def zone(self) -> Ablation | None:
        """The zone that is worked on, as the hand holds it."""
        chosen = self._desk.book.chosen
        return (self.live or chosen) if isinstance(chosen, Ablation) else None

    @property
    def alone(self) -> AblationResult | None:
        """Its own newest figures, perhaps of the zone as it was a moment ago."""
        zone, judged = self.zone, self._desk.judged
        return judged.zones.alone.get(zone.name) if zone is not None and judged is not None else None

    @property
    def together(self) -> AblationResult | None:
        """The newest figures of all zones on its target: those that have a verdict."""
        zone, judged = self.zone, self._desk.judged
        return judged.zones.together.get(zone.target) if zone is not None and judged is not None else None

    @property
    def choice(self) -> ZoneChoice:
        return self._choice

    @property
    def done(self) -> float | None:
        """How far the search for zones is (0..1); None while none runs."""
        return self._done

    @property
    def is_placing(self) -> bool:
        """A zone appears where its target is: nothing is clicked for it."""
        return False

    def stop_placing(self) -> None:
        """Nothing is ever placed by the next click."""

    def on_twin(self) -> None:
        """Another twin or revision: what was found was found on the old one."""
        self.worker.drop(PROPOSE)
        self.live, self._done, self.problem = None, None, ""
        twin = self._desk.state.twin if not self._desk.obstacle else None
        self._choice = first_zone(twin, DEFAULT_PLANNING.ablation_margin_mm)
        self.choice_changed.emit()
        self.search_changed.emit()

    def set_choice(self, choice: ZoneChoice) -> None:
        if choice != self._choice:
            self._choice, self.problem = choice, ""
            self.choice_changed.emit()
            self.search_changed.emit()

    # --- new zones

    def add(self) -> None:
        """A zone on the target: on the needle that goes there, or where the zones so far cover it least."""
        twin, plan, choice = self._desk.state.twin, self._desk.book.plan, self._choice
        if twin is None or not len(points_of(twin, choice.target)):
            self._desk.problem_found.emit(NO_SURFACE)
            return
        judged = self._desk.judged
        so_far = judged.zones.together.get(choice.target) if judged is not None else None
        place, axis = start_of(plan, twin, choice.target, so_far.at_mm if so_far is not None else None)
        zone = Ablation(_free_name(plan), choice.target, place, axis, choice.size.radii_mm)
        self._desk.book.apply(with_entry(plan, zone), f"Add {zone.name}", choose=zone)
        self._work_on(zone)

    def propose(self) -> None:
        """Look for zones of the chosen size that together cover the target with its margin."""
        geometry, choice, plan = self._desk.geometry, self._choice, self._desk.book.plan
        twin = self._desk.state.twin
        if geometry is None or twin is None or not choice.target:
            return
        _, axis = start_of(plan, twin, choice.target, None)
        self._done, self.problem = 0.0, ""

        def work(progress: Progress, tell: Callable[[Any], None]) -> list[Ablation]:
            return list(
                cover_target(geometry, choice.target, choice.size.radii_mm, axis, progress=telling(progress, tell))
            )

        self.worker.ask(PROPOSE, work, self._take_word, self._on_error)
        self.search_changed.emit()

    def give_up(self) -> None:
        """Stop looking for zones."""
        self.worker.drop(PROPOSE)
        self._done = None
        self.search_changed.emit()

    def _take_word(self, said: tuple[float, str] | list[Ablation]) -> None:
        if isinstance(said, list):
            self._done = None
            self._take_zones(said)
        else:
            self._done = said[0]
        self.search_changed.emit()

    def _take_zones(self, zones: list[Ablation]) -> None:
        """In place of those that the plan has on that target; one edit, undone as one."""
        before, target = self._desk.book.plan, zones[0].target
        plan = replace(before, ablations=tuple(a for a in before.ablations if a.target != target))
        named = []
        for zone in zones:
            named.append(replace(zone, name=_free_name(plan)))
            plan = with_entry(plan, named[-1])
        words = f"Propose {len(named)} zones for" if len(named) > 1 else "Propose a zone for"
        self._desk.book.apply(plan, f"{words} {target}", choose=named[0])
        self._work_on(named[0])

    # --- the hand, and what is typed

    def pull(self, hold: ZoneHand, to_mm: Point3, is_alone: bool = False) -> None:
        """The hand pulls the chosen zone: figures follow, the plan does not change yet."""
        try:
            self.live = hold.at(to_mm, is_alone)
        except PlanError:
            return  # a pull that leaves no zone is not followed
        self._desk.follow_hand()

    def let_go(self, hold: ZoneHand) -> None:
        """What the hand did becomes an edit of the plan."""
        live, self.live = self.live, None
        if live is not None:
            self._desk.book.apply(with_entry(self._desk.book.plan, live), f"{hold.words} {live.name}")

    def edit(self, change: Callable[[Ablation], Ablation], words: str, merge: bool = False) -> None:
        """Change the chosen zone; one that can't be is told, and nothing has changed."""
        zone, book = self._desk.book.chosen, self._desk.book
        if not isinstance(zone, Ablation):
            return
        try:
            plan = edited(book.plan, Ablation, zone.name, change)
        except PlanError as error:
            self._desk.problem_found.emit(error.reason[:1].upper() + error.reason[1:])
            return
        book.apply(plan, f"{words} {zone.name}", merge=merge)

    def _work_on(self, zone: Ablation) -> None:
        self._desk.book.choose(zone)
        self._desk.state.set_cursor(zone.centre_mm)

    def _on_error(self, error: BaseException) -> None:
        self._done = None
        if isinstance(error, PlanError):
            self.problem = error.reason[:1].upper() + error.reason[1:]
        else:
            self._desk.tell_fault(error)
        self.search_changed.emit()


def _free_name(plan: Plan) -> str:
    return free_name(plan, Ablation, "Zone 1")
