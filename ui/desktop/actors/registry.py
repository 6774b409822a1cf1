"""The table from a domain type to what draws it in 3D. A new thing to draw is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from surgtwin.domain.measurement import Measurement
from surgtwin.domain.mesh import OrganMesh

from .measurement import MeasurementItem
from .organ_mesh import OrganMeshItem
from .scene_item import SceneItem

BUILDERS: dict[type, Callable[[Any], SceneItem]] = {
    OrganMesh: OrganMeshItem,
    Measurement: MeasurementItem,
}


def scene_item(thing: object) -> SceneItem:
    """What draws a domain thing. Raises KeyError for a type that has no row."""
    return BUILDERS[type(thing)](thing)
