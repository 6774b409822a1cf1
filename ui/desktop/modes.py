"""The modes of the one window, as a table: another mode is another row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from .actions import ActionTable
from .commands import Commands
from .panels.explore_panel import ExplorePanel
from .planning.panel import PlanPanel
from .state import AppState


@dataclass(frozen=True)
class Mode:
    """A mode: its button, its key, and the panel on the right. The views in the middle stay where they are."""

    key: str
    title: str
    shortcut: str
    tip: str
    make_panel: Callable[[AppState, Commands, ActionTable], QWidget]


def _explore(state: AppState, commands: Commands, _: ActionTable) -> QWidget:
    panel = ExplorePanel(state)
    panel.findings.go_to.connect(commands.go_to_finding)
    return panel


def _plan(_: AppState, commands: Commands, actions: ActionTable) -> QWidget:
    panel = PlanPanel(commands.plans.desk, commands.plans)
    panel.bar.set_menu(actions)
    panel.bar.report_asked.connect(commands.ask_report)
    return panel


def _live(_: AppState, commands: Commands, __: ActionTable) -> QWidget:
    return commands.live.make_panel()


MODES: tuple[Mode, ...] = (
    Mode("explore", "Explore", "Ctrl+1", "Look at the images and the organs", _explore),
    Mode("plan", "Plan", "Ctrl+2", "Lay cuts, and see what remains and how near they pass", _plan),
    Mode("live", "Live", "Ctrl+3", "Follow trackers and scanners while they send", _live),
)
