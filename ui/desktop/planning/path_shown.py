"""The tool path that is worked on, at one of its moments: where the instrument is, and what it is near to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.finding import Finding
from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.plan import ToolPath
from surgtwin.errors import PlanError
from surgtwin.simulation.instrument import Instrument
from surgtwin.simulation.motion import Motion
from surgtwin.simulation.timeline import Moment

from .path_build import motion_of
from .path_clock import PathClock
from .path_figures import PathFigures, known_instrument
from .path_hold import Part, PathHold

if TYPE_CHECKING:
    from .desk import PlanDesk


class ShownPath(QObject):
    """Follows the chosen entry of the plan and its figures. Lives on the main thread."""

    moment_changed = Signal()
    """Another moment, or the hand holds the instrument otherwise, or what it is near to is known."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.clock = PathClock(self)
        self.live: ToolPath | None = None
        """The path as the hand holds it, while it does."""
        self.follows_tip = True
        """The slices go where the tip is."""
        self._held: FloatArray | None = None
        self._hand_moment: Moment | None = None
        self._motion: tuple[ToolPath, Motion] | None = None
        self._shown = ""
        self.clock.changed.connect(self._on_clock)
        desk.book.plan_changed.connect(self._on_path)
        desk.book.chosen_changed.connect(self._on_path)
        desk.judged_changed.connect(self.moment_changed)

    # --- what is known

    @property
    def path(self) -> ToolPath | None:
        """The path that is worked on, as the hand holds it."""
        chosen = self._desk.book.chosen
        return (self.live or chosen) if isinstance(chosen, ToolPath) else None

    @property
    def figures(self) -> PathFigures | None:
        """Its newest figures, perhaps of the path as it was a moment ago."""
        path, judged = self.path, self._desk.judged
        return judged.paths.get(path.name) if path is not None and judged is not None else None

    @property
    def instrument(self) -> Instrument | None:
        path = self.path
        try:
            return known_instrument(path.tool) if path is not None else None
        except PlanError:
            return None  # a mesh that encloses nothing: the findings say so

    @property
    def motion(self) -> Motion | None:
        """The path filled in, for what is drawn."""
        path, instrument = self.path, self.instrument
        if path is None or instrument is None:
            return None
        if self._motion is None or self._motion[0] is not path:
            self._motion = (path, motion_of(path, instrument))
        return self._motion[1]

    @property
    def pose(self) -> FloatArray | None:
        """(4, 4) of the instrument now: in the hand, or at the moment that is shown."""
        if self._held is not None:
            return self._held
        motion = self.motion
        return motion.at(self.clock.time_s) if motion is not None else None

    @property
    def moment(self) -> Moment | None:
        """What the instrument is near to now; None while that is not known."""
        path, figures = self.path, self.figures
        if self._held is not None:
            return self._hand_moment
        if path is None or figures is None or figures.path != path:
            return None
        return figures.timeline.at(self.clock.time_s)

    def hold(self, part: Part) -> PathHold | None:
        """The hand takes a part of the instrument, as it is at the moment that is shown."""
        path, pose = self.path, self.pose
        self.clock.pause()
        return PathHold(path, part, self.clock.time_s, pose) if path is not None and pose is not None else None

    def set_follows_tip(self, on: bool) -> None:
        """The slices go with the tip from now on, or stay."""
        self.follows_tip = on
        self._look_at_tip()

    # --- places

    def step_key(self, by: int) -> None:
        """The moment of the next key pose, or of the one before."""
        path, now = self.path, self.clock.time_s
        if path is None:
            return
        times = [p.time_s for p in path.poses]
        there = [t for t in times if (t > now + 1e-6 if by > 0 else t < now - 1e-6)]
        if there:
            self.clock.set_time(there[0] if by > 0 else there[-1])

    def go_to(self, time_s: float, place_mm: Point3 | None = None) -> None:
        """Show a moment, and a place if it is named."""
        self.clock.pause()
        self.clock.set_time(time_s)
        if place_mm is not None:
            self._desk.state.go_to(place_mm)

    def go_to_finding(self, finding: Finding) -> None:
        """Work on the path that a finding names, at its moment."""
        time = finding.numbers.get("time_s") if finding.numbers else None
        named = [p for p in self._desk.book.plan.tool_paths if f"'{p.name}'" in finding.message]
        if time is not None and named:
            self._desk.book.choose(max(named, key=lambda p: len(p.name)))
            self.clock.pause()
            self.clock.set_time(float(time))

    # --- within

    def _on_path(self) -> None:
        path = self.path
        if path is None:
            self._shown = ""
            self.clock.pause()
        else:
            self.clock.set_span(path.poses[0].time_s, path.poses[-1].time_s)
            if path.name != self._shown:
                self._shown = path.name
                self.clock.pause()
        self.moment_changed.emit()

    def _on_clock(self) -> None:
        self._look_at_tip()
        self.moment_changed.emit()

    def _look_at_tip(self) -> None:
        pose = self.pose
        if self.follows_tip and pose is not None and self._desk.is_open:
            self._desk.state.set_cursor(pose[:3, 3])
