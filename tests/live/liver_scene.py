"""A small twin with a way to a tumour past a vessel, whose distances are known by hand."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid, Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from tests.conftest import rotation

LIVER, VESSEL, TUMOUR = 6, 10, 20
CENTRE = np.array([-40.0, 25.0, -600.0])
TUMOUR_MM, VESSEL_MM = CENTRE, CENTRE + np.array([0, 20, 0])
TUMOUR_R, VESSEL_R, LIVER_R = 7.0, 5.0, 34.0


def make_twin() -> Twin:
    """Balls in an oblique, anisotropic, off-origin grid."""
    spacing = np.array([1.3, 1.2, 1.6])
    shape = (52, 64, 60)
    turn = rotation((8.0, -5.0, 12.0))
    origin = CENTRE - turn @ (spacing * (np.array(shape[::-1]) - 1) / 2)
    grid = Grid.from_axes(shape, tuple(origin), turn, tuple(spacing))
    k, j, i = np.indices(shape)
    lps = grid.to_lps(np.stack([i, j, k], axis=-1))
    layer = np.zeros(shape, np.uint8)
    layer[np.linalg.norm(lps - CENTRE, axis=-1) < LIVER_R] = LIVER
    layer[np.linalg.norm(lps - VESSEL_MM, axis=-1) < VESSEL_R] = VESSEL
    layer[np.linalg.norm(lps - TUMOUR_MM, axis=-1) < TUMOUR_R] = TUMOUR
    names = {LIVER: "liver", VESSEL: "vessel", TUMOUR: "tumour"}
    labels = LabelMap(grid, (layer,), tuple(structure_for(n, name) for n, name in names.items()))
    volume = Volume(grid, (40 + layer).astype(np.int16), Modality.CT, SourceInfo("synthetic", "0" * 64))
    return build_twin(volume, lambda v, p: Segmentation(labels, dict.fromkeys(names.values(), "given labels")))


def make_way(clearance_mm: float = 3.0) -> Trajectory:
    """From the patient's right to the tumour's middle, 20 mm from the vessel's."""
    entry = TUMOUR_MM - np.array([32.0, 0, 0])
    avoid = (Avoid("vessel", clearance_mm),)
    return Trajectory("to the tumour", tuple(entry), tuple(TUMOUR_MM), NeedleTool(0.5, 150.0), avoid)
