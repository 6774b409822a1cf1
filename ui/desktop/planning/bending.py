"""A cut of any kind shaped so that its least margin is what is wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from surgtwin.domain.cut import BezierCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.plan import Resection
from surgtwin.errors import PlanError
from surgtwin.planning.bend_to_margin import bent_to_margin
from surgtwin.planning.start_cut import patch_of_plane
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.twin_geometry import TwinGeometry


def bent(geometry: TwinGeometry, tissue: Tissue, cut: Resection, distance_mm: float) -> CutSurface:
    """The surface of a cut, shaped to a distance from its targets."""
    if isinstance(cut.surface, ShellCut):
        return replace(cut.surface, distance_mm=distance_mm)
    if isinstance(cut.surface, PlaneCut):
        patch = patch_of_plane(cut.surface, tissue)
    elif isinstance(cut.surface, BezierCut):
        patch = cut.surface
    else:
        raise PlanError("this cut came from a file in several parts and can't be bent.")
    corners = np.concatenate([geometry.surface(t).mesh.vertices_mm for t in cut.targets])
    return bent_to_margin(patch, corners, distance_mm)
