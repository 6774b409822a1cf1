"""A liver in few voxels, on an oblique grid: a portal branch to the patient's right, a hepatic vein to the left."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import rotation

LIVER, CAVA, PORTAL = 6, 9, 10
LIVER_HU, PORTAL_HU, FAT_HU = 110, 170, -90
HALF_MM = (46.0, 38.0, 36.0)
"""Half axes of the liver, LPS."""
STEM = ((0, 4, -34), (0, 2, -8))
CAVA_LINE = ((4, 26, -50), (4, 26, 50))
PORTAL_BRANCHES = (((0, 2, -8), (-14, -2, -4)), ((-14, -2, -4), (-34, 4, -10)), ((-14, -2, -4), (-30, -18, 2)))
HEPATIC_BRANCHES = (((4, 26, 18), (12, 4, 16)), ((12, 4, 16), (32, -4, 6)), ((12, 4, 16), (16, -24, 8)))
RADIUS_MM = 3.0


def vessel_grid() -> Grid:
    grid = Grid.from_axes((46, 88, 84), (0.0, 0.0, 0.0), rotation((9.0, -6.0, 14.0)), (1.4, 1.2, 2.4))
    matrix = grid.lps_from_ijk.copy()
    matrix[:3, 3] = np.array([31.0, -120.5, 305.0]) - grid.center()
    return Grid(grid.shape, matrix)


def from_middle(grid: Grid) -> np.ndarray:
    """(k, j, i, 3) LPS mm from the liver's middle."""
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center()


def tube(places: np.ndarray, ends: tuple, radius_mm: float) -> np.ndarray:
    a, b = (np.asarray(end, dtype=float) for end in ends)
    t = np.clip((places - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(places - a - t[..., None] * (b - a), axis=-1) < radius_mm


def make_liver(*, noise_hu: float = 6.0, vessel_hu: float = PORTAL_HU, grid: Grid | None = None):
    """(volume, labels, portal branches' mask, hepatic veins' mask)."""
    grid = grid or vessel_grid()
    places = from_middle(grid)
    liver = np.linalg.norm(places / np.asarray(HALF_MM), axis=-1) < 1
    portal = np.any([tube(places, ends, RADIUS_MM) for ends in PORTAL_BRANCHES], axis=0) & liver
    hepatic = np.any([tube(places, ends, RADIUS_MM) for ends in HEPATIC_BRANCHES], axis=0) & liver
    stem, cava = tube(places, STEM, 5.0), tube(places, CAVA_LINE, 9.0)
    values = np.where(liver, LIVER_HU, FAT_HU).astype(np.float32)
    values[portal | hepatic | stem | cava] = vessel_hu
    values += np.random.default_rng(7).normal(0, noise_hu, grid.shape)
    labels = np.zeros(grid.shape, np.uint8)
    labels[liver], labels[stem], labels[cava] = LIVER, PORTAL, CAVA
    names = {LIVER: "liver", CAVA: "inferior vena cava", PORTAL: "portal and splenic vein"}
    volume = Volume(grid, np.rint(values).astype(np.int16), Modality.CT, SourceInfo("synthetic", "0" * 64))
    structures = tuple(structure_for(label, name) for label, name in names.items())
    given = stem | cava
    return volume, LabelMap(grid, (labels,), structures), portal & ~given, hepatic & ~given
