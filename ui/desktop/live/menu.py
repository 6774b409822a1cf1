"""The rows of the menu Live."""

from __future__ import annotations

from functools import partial

from ..actions import Row, has_twin
from ..state import AppState
from .live import Live

LIVE = "&Live"


def live_rows(live: Live) -> tuple[Row, ...]:
    """Sources, what arrives, and the twin's history."""
    history, updates = live.history, live.updates

    def can_take(state: AppState) -> bool:
        return state.twin is not None and not state.busy

    def can_judge(state: AppState) -> bool:
        return bool(history.proposed) and updates.page is None and not state.busy

    def has_history(state: AppState) -> bool:
        return has_twin(state) and bool(history.rows)

    def can_step(by: int, state: AppState) -> bool:
        return not state.busy and history.can_step(by)

    before, after = partial(can_step, -1), partial(can_step, 1)
    return (
        Row("live_connect", LIVE, "Connect to a tracker\u2026", live.ask_connect, ("Ctrl+L",), has_twin),
        Row("live_take", LIVE, "Take in an image file\u2026", live.ask_image, ("Ctrl+I",), can_take, starts_group=True),
        Row("live_take_folder", LIVE, "Take in a DICOM folder\u2026", live.ask_image_folder, (), can_take),
        Row("live_judge", LIVE, "Judge the proposed revision", live.judge_next, ("Ctrl+J",), can_judge),
        Row("history", LIVE, "History of the twin", live.show_history, ("Ctrl+H",), has_history, starts_group=True),
        Row("revision_before", LIVE, "Revision before", partial(history.step, -1), ("Alt+Left",), before),
        Row("revision_after", LIVE, "Revision after", partial(history.step, 1), ("Alt+Right",), after),
    )
