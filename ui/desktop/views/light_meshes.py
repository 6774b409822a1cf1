"""Fewer triangles for while the camera moves, made on another thread: numbers only, no VTK."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from surgtwin.domain.mesh import OrganMesh
from surgtwin.mesh.decimate import collapsed

TRIANGLES_SOFTWARE = 40_000
"""Of all organs together, that a processor draws within a frame."""
TRIANGLES_HARDWARE = 1_500_000
MIN_TRIANGLES = 400


class LightMeshes(QObject):
    """Makes a light copy of each mesh that needs one."""

    ready = Signal(object, object)
    """The mesh and its light copy, on the main thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def start(self, meshes: Sequence[OrganMesh], budget: int) -> None:
        """Begin with the given meshes; those of an earlier call that are not begun are dropped."""
        self._pool.clear()
        total = sum(len(m.triangles) for m in meshes)
        if total <= budget:
            return
        for mesh in sorted(meshes, key=lambda m: -len(m.triangles)):
            target = max(MIN_TRIANGLES, round(len(mesh.triangles) * budget / total))
            if target < len(mesh.triangles):
                self._pool.start(_Lightening(self, mesh, target))

    def stop(self) -> None:
        """Drop what is not begun and wait for what is (a mesh takes a fraction of a second)."""
        self._pool.clear()
        self._pool.waitForDone()


class _Lightening(QRunnable):
    def __init__(self, owner: LightMeshes, mesh: OrganMesh, target: int) -> None:
        super().__init__()
        self._owner, self._mesh, self._target = owner, mesh, target

    def run(self) -> None:
        self._owner.ready.emit(self._mesh, light_mesh(self._mesh, self._target))


def light_mesh(mesh: OrganMesh, triangles: int) -> OrganMesh:
    """About so many triangles, for looking at only: nothing is measured on it."""
    reduction = 1.0 - triangles / len(mesh.triangles)
    points, faces = collapsed(mesh.vertices_mm, mesh.triangles, reduction)
    return OrganMesh(mesh.name, points, faces, mesh.colour) if len(faces) else mesh
