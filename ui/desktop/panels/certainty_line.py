"""Under a structure's volume: between which volumes the true one lies, and how sure the network was."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from ..certainty import UNSURE, certainty_lines
from ..state import AppState
from .labels import set_role

TIP = (
    f"Interval: from patients the model never trained on. Unsure: voxels whose label is right with less than "
    f"{100 * UNSURE:.0f} % probability. Neither covers what a network has never seen. "
    f"View > Where the network is unsure shows them on the slices."
)


class CertaintyLine(QLabel):
    """Follows the selection; hidden where the twin stores nothing."""

    def __init__(self, state: AppState) -> None:
        super().__init__()
        self._state = state
        self.setWordWrap(True)
        self.setToolTip(TIP)
        set_role(self, "quiet")
        for signal in (state.selection_changed, state.twin_changed, state.details_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        twin, name = self._state.twin, self._state.selected
        lines = certainty_lines(twin, twin.labels.structure(name)) if twin is not None and name else ()
        self.setText("\n".join(lines))
        self.setVisible(bool(lines))
