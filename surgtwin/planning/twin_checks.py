"""What a plan rests on that nobody has vouched for, or that the scan does not show."""

from __future__ import annotations

import numpy as np

from ..domain.finding import Finding, Severity
from ..domain.labels import LabelMap
from .evaluation import PlanEvaluation
from .settings import PlanningSettings
from .twin_geometry import TwinGeometry

TOUCHING_VOXELS = 20
"""A structure with fewer voxels in the outermost slices is not called cut off."""


def check_structures(geometry: TwinGeometry, evaluation: PlanEvaluation, _: PlanningSettings) -> list[Finding]:
    """Structures that no person has accepted, and organs that the edge of the scan cuts off."""
    twin, found = geometry.twin, []
    used = dict.fromkeys(n for cut in evaluation.cuts for n in cut.tissue.names)
    doubtful = [n for n in used if twin.labels.structure(n).origin != "given" and n not in twin.accepted]
    if doubtful:
        text = f"No person has accepted {', '.join(doubtful)}; look at the contours before relying on the figures."
        numbers = {"structures": float(len(doubtful))}
        found.append(Finding("not-accepted", Severity.WARNING, text, None, numbers))
    for name in used:
        touching = voxels_at_edge(twin.labels, name)
        if touching >= TOUCHING_VOXELS:
            text = f"'{name}' reaches the edge of the scan: its volume and every percentage of it are too small."
            found.append(Finding("organ-cut-off", Severity.WARNING, text, None, {"voxels": float(touching)}, name))
    return found


def voxels_at_edge(labels: LabelMap, name: str) -> int:
    """Voxels of a structure that lie in an outermost slice, row or column of the grid."""
    structure = labels.structure(name)
    layer = labels.layers[structure.layer]
    faces = [layer[0], layer[-1], layer[:, 0], layer[:, -1], layer[:, :, 0], layer[:, :, -1]]
    return sum(int(np.count_nonzero(face == structure.label)) for face in faces)
