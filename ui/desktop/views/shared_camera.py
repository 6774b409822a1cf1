"""Two 3D views that look from one place: what turns in one has turned in the other."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject

from .scene_view import SceneView

_MOVES = {QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease, QEvent.Type.Wheel, QEvent.Type.Resize}


class SharedCamera(QObject):
    """Gives the second view the camera of the first, and draws both when either is moved."""

    def __init__(self, scenes: tuple[SceneView, SceneView], parent: QObject) -> None:
        super().__init__(parent)
        self._scenes = scenes
        scenes[1].share_camera(scenes[0])
        for scene in scenes:
            scene.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Every motion of one view draws the other."""
        if event.type() in _MOVES:
            for scene in self._scenes:
                if scene is not watched:
                    scene.render_soon()
        return False
