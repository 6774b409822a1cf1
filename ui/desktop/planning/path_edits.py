"""What a person does to the tool path that is worked on: each is one edit of the plan, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.plan import ToolPath
from surgtwin.domain.trajectory import Avoid
from surgtwin.errors import PlanError
from surgtwin.planning.edits import edited, free_name, with_entry

from .path_build import STEP_S, key_at, swapped, through_port, with_pose_at, with_time, without_key
from .path_hold import Part, PathHold
from .path_instruments import InstrumentRow
from .path_shown import ShownPath

if TYPE_CHECKING:
    from .desk import PlanDesk


class PathEdits:
    """Acts on the chosen path of the book, at the moment that is shown."""

    def __init__(self, desk: PlanDesk, shown: ShownPath) -> None:
        self._desk, self._shown = desk, shown

    def edit(self, change: Callable[[ToolPath], ToolPath], words: str, merge: bool = False) -> None:
        """Change the chosen path; one that can't be is told, and nothing has changed."""
        path = self._desk.book.chosen
        if isinstance(path, ToolPath):
            book = self._desk.book
            try:
                plan = edited(book.plan, ToolPath, path.name, change)
            except PlanError as error:
                self.tell(error)
                return
            book.apply(plan, f"{words} {path.name}", merge=merge)

    def tell(self, error: BaseException) -> None:
        """What could not be done, in the panel; a fault of the program where that is shown."""
        if isinstance(error, PlanError):
            self._desk.problem_found.emit(error.reason[:1].upper() + error.reason[1:])
        else:
            self._desk.tell_fault(error)

    def add(self, path: ToolPath, words: str) -> None:
        """Another path, which is worked on from now, at its end."""
        book = self._desk.book
        book.apply(with_entry(book.plan, path), words, choose=path)
        book.choose(path)
        self._shown.clock.set_time(path.poses[-1].time_s)

    def free_name(self, stem: str = "Path 1") -> str:
        return free_name(self._desk.book.plan, ToolPath, stem)

    def put_port(self, place_mm: Point3) -> None:
        """A trocar where a person pointed on the skin; the tips stay where they are."""
        hold, geometry = self._shown.hold(Part.PORT), self._desk.geometry
        if hold is not None and geometry is not None:
            self.edit(lambda p: PathHold(p, Part.PORT, hold.time_s, hold.pose).at(place_mm, geometry), "Trocar of")

    def edit_pose(self, change: Callable[[ToolPath, FloatArray], FloatArray], words: str) -> None:
        """Change the pose at the moment that is shown; it becomes a key pose."""
        pose, time = self._shown.pose, self._shown.clock.time_s
        if pose is not None:
            self._shown.clock.pause()
            self.edit(lambda p: with_pose_at(p, time, change(p, pose)), words, merge=True)

    def add_key(self) -> None:
        """A key pose at the moment that is shown; at the end the path goes on from there."""
        path, pose, time = self._shown.path, self._shown.pose, self._shown.clock.time_s
        if path is None or pose is None:
            return
        known = key_at(path, time)
        if known is not None and known < len(path.poses) - 1:
            self._desk.problem_found.emit("There is a key pose at this moment: drag the instrument to change it.")
            return
        at = time if known is None else path.poses[-1].time_s + STEP_S
        self.edit(lambda p: with_pose_at(p, at, pose), "Key pose of")
        self._shown.clock.set_time(at)

    def delete_key(self, key: int) -> None:
        self.edit(lambda p: without_key(p, key), "Delete a key pose of")

    def retime(self, key: int, time_s: float) -> None:
        """A key pose at another time; the moment goes with it."""
        self.edit(lambda p: with_time(p, key, time_s), "Time of", merge=True)
        path = self._shown.path
        if path is not None and key < len(path.poses):
            self._shown.clock.set_time(path.poses[key].time_s)

    def swap(self, key: int, other: int) -> None:
        path = self._shown.path
        if path is not None and min(key, other) >= 0 and max(key, other) < len(path.poses):
            self.edit(lambda p: swapped(p, key, other), "Reorder")

    def set_instrument(self, row: InstrumentRow) -> None:
        self.edit(lambda p: replace(p, tool=row.tool, cuts=row.cuts), "Instrument of")

    def go_free(self) -> None:
        """No trocar any longer; the poses stay."""
        self.edit(lambda p: through_port(p, None), "Free hand for")

    def set_cutting(self, cuts: bool) -> None:
        self.edit(lambda p: replace(p, cuts=cuts), "Cutting of" if cuts else "No cutting of")

    def let_touch(self, structure: str, kept: Sequence[str]) -> None:
        """A structure may be touched from now on; `kept` are those that may not be now."""
        path = self._shown.path
        if path is None:
            return
        listed = path.avoid or tuple(Avoid(name, 0.0) for name in kept)
        rest = tuple(a for a in listed if a.structure != structure)
        if not rest:
            self._desk.problem_found.emit("One structure at least has to be kept clear.")
            return
        self.edit(lambda p: replace(p, avoid=rest), f"{structure} may be touched by")

    def duplicate(self) -> None:
        path = self._desk.book.chosen
        if isinstance(path, ToolPath):
            self.add(replace(path, name=self.free_name(f"{path.name} copy")), f"Duplicate {path.name}")
