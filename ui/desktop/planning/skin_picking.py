"""Where a hand points on the skin in the 3D view."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from vtkmodules.vtkRenderingCore import vtkActor

from surgtwin.domain.geometry import Point3
from surgtwin.planning.structure_roles import body_of

from ..views.scene_view import SceneView


def skin_under(view: SceneView, at: QPointF, over: dict[str, vtkActor] | None = None) -> Point3 | None:
    """On the skin that is drawn, or on what is drawn over it; else on whatever organ lies there."""
    actors, twin = dict(over or {}), view.state.twin
    body = body_of(twin) if twin is not None else None
    item = view.items.get(body.name) if body is not None else None
    if body is not None and item is not None:
        actors[body.name] = item.actor
    hit = view.pick(at, actors)
    return hit[1] if hit is not None else structure_under(view, at)


def structure_under(view: SceneView, at: QPointF) -> Point3 | None:
    """On the organ that is seen there."""
    hit = view.structure_at(at)
    return hit[1] if hit is not None else None
