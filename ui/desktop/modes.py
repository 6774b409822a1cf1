"""The modes of the one window, as a table: another mode is another row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from .commands import Commands
from .panels.explore_panel import ExplorePanel
from .state import AppState


@dataclass(frozen=True)
class Mode:
    """A mode: its button, its key, and the panel on the right. The views in the middle stay where they are."""

    key: str
    title: str
    shortcut: str
    tip: str
    make_panel: Callable[[AppState, Commands], QWidget]


def _explore(state: AppState, commands: Commands) -> QWidget:
    panel = ExplorePanel(state)
    panel.findings.go_to.connect(commands.go_to_finding)
    return panel


MODES: tuple[Mode, ...] = (Mode("explore", "Explore", "Ctrl+1", "Look at the images and the organs", _explore),)
