"""The menu of the right button on a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from ui.render.reslice import SlabMode

if TYPE_CHECKING:
    from .slice_view import SliceView

_SLAB_NAMES = {
    SlabMode.MEAN: "Slab: mean",
    SlabMode.MIP: "Slab: brightest (MIP)",
    SlabMode.MINIP: "Slab: darkest (MinIP)",
}


def slice_menu(view: SliceView, at: QPointF) -> QMenu:
    """What can be done at a place of a slice."""
    menu = QMenu(view)
    point = view.point_at(at)
    if point is not None:
        menu.addAction("Put the cross-hair here", lambda: view.state.set_cursor(point))
    menu.addAction("Fit the whole slice", view.fit)
    menu.addSeparator()
    group = QActionGroup(menu)
    for mode, name in _SLAB_NAMES.items():
        action = QAction(name, menu, checkable=True, checked=view.state.slab_mode is mode)
        action.triggered.connect(lambda _=False, chosen=mode: view.state.set_slab_mode(chosen))
        group.addAction(action)
        menu.addAction(action)
    measurement = view.measurement_at(at)
    if measurement and view.state.can_edit:
        menu.addSeparator()
        menu.addAction("Remove the measurement", lambda: view.state.remove_measurement(measurement))
    return menu
