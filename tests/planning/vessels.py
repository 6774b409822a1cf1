"""Vessels of known course for tests of their graphs, and what is asked of them in the shapes' own frame."""

from __future__ import annotations

import numpy as np

from surgtwin.planning.vessel_graph import VesselGraph
from surgtwin.planning.vessel_tracing import trace_vessel
from tests.planning.shapes import Frame, Inside, Points, make_twin, tube


def union(*shapes: Inside) -> Inside:
    return lambda own: np.any([inside(own) for inside in shapes], axis=0)


def fork(sign: float = 1.0, scale: float = 1.0) -> Inside:
    """A trunk r 5 from x = -48 to -5, then a branch r 4 towards +y (for sign 1) and one r 3 towards -y."""
    whole = union(
        tube((-48, 0, 0), (-5, 0, 0), 5),
        tube((-5, 0, 0), (35, sign * 30, 0), 4),
        tube((-5, 0, 0), (35, -sign * 30, 0), 3),
    )
    return lambda own: whole(own / scale)


def traced(inside: Inside, frame: Frame, half_mm: float = 56.0) -> VesselGraph:
    labels = make_twin({"vessel": inside}, frame, half_mm, with_meshes=False).labels
    return trace_vessel(labels.layers[0] > 0, labels.grid, "vessel")


def own_points(frame: Frame, points_mm: Points) -> Points:
    """LPS points in the shapes' own coordinates."""
    return np.asarray((np.asarray(points_mm) - frame.shift_mm) @ frame.turn)
