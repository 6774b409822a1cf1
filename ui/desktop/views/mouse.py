"""Which gesture a mouse button starts on a slice. Two habits conflict, so there are two profiles."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt

from surgtwin.settings import MouseProfile

from ..state import Tool


class Gesture(StrEnum):
    """What a drag does."""

    NONE = ""
    WINDOW = "window"
    PAN = "pan"
    ZOOM = "zoom"
    CROSSHAIR = "crosshair"
    MEASURE = "measure"


_LEFT_BY_TOOL = {
    Tool.WINDOW: Gesture.WINDOW,
    Tool.DISTANCE: Gesture.MEASURE,
    Tool.ANGLE: Gesture.MEASURE,
    Tool.ROI: Gesture.MEASURE,
    Tool.PROBE: Gesture.CROSSHAIR,
}
_LEFT_BY_PROFILE = {MouseProfile.PACS: Gesture.WINDOW, MouseProfile.SLICER: Gesture.CROSSHAIR}


def gesture(button: Qt.MouseButton, modifiers: Qt.KeyboardModifier, tool: Tool, profile: MouseProfile) -> Gesture:
    """The gesture of a button. Shift with the left button always moves the cross-hair, Ctrl always pans."""
    if button == Qt.MouseButton.MiddleButton:
        return Gesture.PAN
    if button == Qt.MouseButton.RightButton:
        return Gesture.ZOOM
    if button != Qt.MouseButton.LeftButton:
        return Gesture.NONE
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return Gesture.CROSSHAIR
    if modifiers & Qt.KeyboardModifier.ControlModifier:
        return Gesture.PAN
    return _LEFT_BY_TOOL.get(tool, _LEFT_BY_PROFILE[profile])
