"""What the Plan menu offers for tool paths; each has its key."""

from __future__ import annotations

from surgtwin.domain.plan import ToolPath

from ..actions import Row, has_twin
from ..state import AppState
from .book import MODE
from .desk import PlanDesk
from .path_hold import Placing


def path_rows(menu: str, desk: PlanDesk) -> tuple[Row, ...]:
    """The rows; those that act on a path wait until one is worked on."""
    paths = desk.paths

    def add() -> None:
        desk.state.set_mode(MODE)
        paths.start_placing(Placing.ENTRY)

    def has_path(_: AppState) -> bool:
        return desk.is_open and isinstance(desk.book.chosen, ToolPath)

    def record() -> None:
        paths.set_recording(not paths.is_recording)

    return (
        Row("plan_path", menu, "Add a tool path", add, ("I",), has_twin),
        Row("path_key", menu, "Key pose here", paths.edits.add_key, ("K",), has_path),
        Row("path_record", menu, "Record a drag of the instrument", record, ("R",), has_path),
        Row("path_play", menu, "Play or pause the tool path", paths.clock.toggle, enabled=has_path),
    )
