"""A hand in Plan mode: clicks and drags on the real views, where a person would make them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from ui.desktop.main_window import MainWindow
from ui.desktop.planning.panel import PlanPanel

JOB_MS = 60_000


def enter(window: MainWindow, qtbot: Any) -> PlanPanel:
    """Plan mode by its button; the panel."""
    qtbot.mouseClick(window.tool_row.mode_buttons.button(1), Qt.MouseButton.LeftButton)
    panel = window.right.currentWidget()
    assert isinstance(panel, PlanPanel)
    return panel


def pixel(place: QPointF) -> QPoint:
    return QPoint(round(place.x()), round(place.y()))


def click_place(view: Any, place_mm: Any) -> None:
    """A click on a 3D or slice view where a place of the patient appears."""
    at = pixel(view.place_of(tuple(float(c) for c in place_mm)))
    assert view.rect().contains(at)
    QTest.mouseMove(view, at)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)


def drag(view: QWidget, start: QPoint, by: QPoint, steps: int = 4) -> None:
    """Press, move in steps, release."""
    QTest.mouseMove(view, start)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for n in range(1, steps + 1):
        QTest.mouseMove(view, start + by * n / steps)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + by)


def wait_exact(window: MainWindow, qtbot: Any) -> None:
    """Until the exact figures of the plan on the screen are there."""
    desk = window.planning.desk
    qtbot.waitUntil(lambda: desk.is_exact, timeout=JOB_MS)


def middle(window: MainWindow, name: str) -> np.ndarray:
    twin = window.state.twin
    assert twin is not None
    mesh = twin.mesh(name)
    assert mesh is not None
    return np.asarray(mesh.vertices_mm.mean(axis=0))


def lay_on_axial(window: MainWindow, panel: PlanPanel, qtbot: Any, offset_mm: float = 40.0) -> None:
    """A cut between the tumour and the middle of the body, by two clicks on the axial slice through the tumour."""
    window.state.set_cursor(middle(window, "liver tumour"))
    axial = window.views.slices["axial"]
    qtbot.mouseClick(panel.laying.patch, Qt.MouseButton.LeftButton)
    centre = middle(window, "liver tumour") + np.array([offset_mm, 0.0, 0.0])
    click_place(axial, centre + np.array([0.0, -25.0, 0.0]))
    click_place(axial, centre + np.array([0.0, 25.0, 0.0]))
    qtbot.waitUntil(lambda: bool(window.planning.book.plan.resections), timeout=JOB_MS)
