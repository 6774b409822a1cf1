"""What lies on the desk of tool paths: the one being laid, and the hand on an instrument, perhaps recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.errors import PlanError
from surgtwin.planning.edits import with_entry
from surgtwin.simulation.timeline import Moment

from .path_build import recorded, with_pose_at
from .path_edits import PathEdits
from .path_extras import PathExtras
from .path_figures import known_instrument, moment_of, warm
from .path_hold import Part, PathHold, Placing
from .path_instruments import INSTRUMENTS, InstrumentRow
from .path_laying import laid
from .path_shown import ShownPath
from .worker import LatestWorker

if TYPE_CHECKING:
    from .desk import PlanDesk

MOMENT, PLACE, WARM = "moment", "place", "warm"


@dataclass(frozen=True, eq=False)
class PathChoice:
    """The instrument of the next path, and whether it goes through a trocar."""

    row: InstrumentRow = INSTRUMENTS[0]
    through_port: bool = True


class PathDesk(ShownPath):
    """Beside the desk of the plan, whose judge it shares."""

    choice_changed = Signal()
    placing_changed = Signal()
    recording_changed = Signal()
    look_asked = Signal(bool)
    """The 3D view is to look along the instrument (True) or across it."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__(desk)
        self.worker = LatestWorker(self)
        self.edits = PathEdits(desk, self)
        self.extras = PathExtras(desk, self)
        self.choice = PathChoice()
        self._placing: Placing | None = None
        self._entry: Point3 | None = None
        self._is_recording = False
        self._track: list[tuple[float, FloatArray]] = []

    @property
    def placing(self) -> Placing | None:
        """What the next click on a view places."""
        return self._placing

    @property
    def is_placing(self) -> bool:
        return self._placing is not None

    @property
    def entry_mm(self) -> Point3 | None:
        """Where the path being laid comes in, once that was clicked."""
        return self._entry

    @property
    def is_recording(self) -> bool:
        """Whether the next drag of the instrument is recorded with its times."""
        return self._is_recording

    def on_twin(self) -> None:
        """Another twin or revision."""
        for kind in (MOMENT, PLACE, WARM):
            self.worker.drop(kind)
        self.live, self._held, self._hand_moment, self._entry, self._placing = None, None, None, None, None
        self._track = []
        self.set_recording(False)
        self.clock.pause()
        self.extras.on_twin()
        self.placing_changed.emit()

    # --- laying a path

    def set_choice(self, choice: PathChoice) -> None:
        self.choice = choice
        self.choice_changed.emit()

    def start_placing(self, what: Placing) -> None:
        self._placing, self._entry = what, None
        self._desk.stop_placing(but=self)
        geometry = self._desk.geometry
        if geometry is not None:
            self.worker.ask(WARM, lambda progress, _: warm(geometry, progress), lambda _: None, self.edits.tell)
        self.placing_changed.emit()

    def stop_placing(self) -> None:
        if self._placing is not None:
            self._placing, self._entry = None, None
            self.placing_changed.emit()

    def put(self, place_mm: Point3) -> None:
        """A click on a view while something is placed."""
        placing, geometry = self._placing, self._desk.geometry
        if placing is Placing.ENTRY:
            self._placing, self._entry = Placing.TIP, place_mm
            self.placing_changed.emit()
            return
        entry, choice, name = self._entry, self.choice, self.edits.free_name()
        self.stop_placing()
        if placing is Placing.PORT:
            self.edits.put_port(place_mm)
        elif entry is not None and geometry is not None:
            self.worker.drop(WARM)  # the path itself asks for what is still cold
            self.worker.ask(
                PLACE,
                lambda *_: laid(geometry, choice.row, choice.through_port, name, entry, place_mm),
                lambda path: self.edits.add(path, f"Add {path.name}"),
                self.edits.tell,
            )

    # --- the hand

    def pull(self, hold: PathHold, to_mm: Point3, after_s: float) -> None:
        """The hand pulls: figures follow, the plan does not change yet. `after_s` since it took hold."""
        geometry = self._desk.geometry
        if geometry is None:
            return
        try:
            if hold.part is Part.PORT:
                self.live = hold.at(to_mm, geometry)
            else:
                self._held = hold.pose_at(to_mm)
                self.live = with_pose_at(hold.path, hold.time_s, self._held)
        except PlanError:
            return  # tip and port on one place: the hand is not followed there
        if self._held is not None:
            if self._is_recording:
                self._track.append((after_s, self._held))
            self._ask_moment(self._held)
        self._desk.follow_hand()
        self._look_at_tip()
        self.moment_changed.emit()

    def let_go(self, hold: PathHold) -> None:
        """What the hand did becomes an edit of the plan."""
        live, track = self.live, self._track
        self.live, self._held, self._hand_moment, self._track = None, None, None, []
        self.worker.drop(MOMENT)
        if live is None:
            return
        words = f"{hold.words} {live.name}"
        if self._is_recording and len(track) > 1:
            reach = known_instrument(live.tool).length_mm
            start = (0.0, hold.pose)
            live = recorded(hold.path, hold.time_s, (start, *(t for t in track if t[0] > 0.0)), reach)
            words = f"Record {live.name}"
        self.set_recording(False)
        self._desk.book.apply(with_entry(self._desk.book.plan, live), words)
        if words.startswith("Record"):
            self.clock.set_time(hold.time_s)
        self.moment_changed.emit()

    def set_recording(self, on: bool) -> None:
        """The next drag of the instrument replaces what comes after the moment that is shown."""
        if on != self._is_recording:
            self._is_recording = on
            self.recording_changed.emit()

    def _ask_moment(self, pose: FloatArray) -> None:
        geometry, path = self._desk.geometry, self.path
        if geometry is None or path is None:
            return

        def take(moment: Moment) -> None:
            self._hand_moment = moment
            self.moment_changed.emit()

        self.worker.ask(MOMENT, lambda progress, _: moment_of(geometry, path, pose, progress), take, self.edits.tell)
