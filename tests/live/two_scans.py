"""One person scanned twice, lying otherwise the second time: a liver and balls in it by formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from tests.conftest import rotation
from tests.registration.bodies import MIDDLE, body_grid, image_of, places

LIVER_MM = np.array([52.0, 34.0, 25.0])
LIVER, TUMOUR, REMNANT = 1, 2, 3
Ball = tuple[tuple[float, float, float], float]
"""Place beside the liver's middle, and radius."""


def grid(angles: tuple[float, float, float], spacing: tuple[float, float, float] = (1.9, 2.0, 2.1)) -> Grid:
    return body_grid((66, 70, 80), spacing, angles)


def scan_from_rest() -> np.ndarray:
    """How the patient lies in the other scan."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((3.0, -2.0, 4.0))
    matrix[:3, 3] = MIDDLE - matrix[:3, :3] @ MIDDLE + (7.0, -5.0, 4.0)
    return matrix


def labels_on(on: Grid, balls: list[Ball], moved: np.ndarray, *, keep=None, remnant=None) -> LabelMap:
    """The liver and its balls on a grid; `keep` and `remnant` choose places (..., 3) beside the middle, at rest."""
    rest = (places(on) - moved[:3, 3]) @ np.linalg.inv(moved)[:3, :3].T - MIDDLE
    layer = (np.linalg.norm(rest / LIVER_MM, axis=-1) < 1).astype(np.uint8) * LIVER
    if remnant is not None:
        layer[(layer == LIVER) & remnant(rest)] = REMNANT
    for place, radius in balls:
        layer[(np.linalg.norm(rest - place, axis=-1) < radius) & (layer > 0)] = TUMOUR
    if keep is not None:
        layer[~keep(rest)] = 0
    structures = [structure_for(LIVER, "liver"), structure_for(TUMOUR, "liver tumour")]
    if remnant is not None:
        structures.append(replace(structure_for(REMNANT, "left liver lobe"), part_of="liver"))
    return LabelMap(on, (layer,), tuple(s for s in structures if np.any(layer == s.label)))


def twin_of(balls: list[Ball], *, remnant=None) -> Twin:
    on = grid((9.0, -6.0, 14.0))
    labels = labels_on(on, balls, np.eye(4), remnant=remnant)
    return build_twin(image_of(on, noise=8, seed=1), lambda v, p: Segmentation(labels))


def with_scan(twin: Twin, role: str, acquired: str = "") -> tuple[Twin, Grid]:
    """The twin with a further image, laid on it exactly, and that image's grid."""
    on, moved = grid((-4.0, 8.0, 0.0), (2.0, 1.9, 2.2)), scan_from_rest()
    back = np.linalg.inv(moved)
    other = image_of(on, lambda p: p @ back[:3, :3].T + back[:3, 3], noise=8, seed=2)
    other = replace(other, source=replace(other.source, acquired_utc=acquired))
    return replace(twin, images=(*twin.images, TwinImage("image-2", role, other, back))), on
