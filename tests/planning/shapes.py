"""Twins of shapes whose planning figures are known in closed form, in any frame and on any grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Twin, TwinImage
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.mesh.extract import extract_meshes
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.conftest import rotation

Points = NDArray[np.float64]
Inside = Callable[[Points], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the shapes' own coordinates lie in the patient, and how the grid lies there."""

    turn: Points
    shift_mm: Points
    grid_turn: Points
    spacing_ijk: tuple[float, float, float]

    def point(self, *own: float) -> tuple[float, float, float]:
        x, y, z = (float(v) for v in self.turn @ np.array(own, dtype=float) + self.shift_mm)
        return (x, y, z)

    def direction(self, *own: float) -> tuple[float, float, float]:
        x, y, z = (float(v) for v in self.turn @ np.array(own, dtype=float))
        return (x, y, z)

    def points(self, own: Points) -> Points:
        return np.asarray(own @ self.turn.T + self.shift_mm)


STRAIGHT = Frame(np.eye(3), np.array([7.3, -11.9, 103.4]), np.eye(3), (1.0, 1.0, 1.0))
OBLIQUE = Frame(
    rotation((25.0, -40.0, 70.0)), np.array([-31.5, 17.25, -240.0]), rotation((12.0, -7.0, 20.0)), (0.8, 0.8, 1.5)
)
FRAMES = (STRAIGHT, OBLIQUE)


def ball(centre: tuple[float, float, float], radius: float) -> Inside:
    return lambda own: ((own - np.asarray(centre)) ** 2).sum(-1) <= radius * radius


def tube(start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Inside:
    """A cylinder with round ends."""
    a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)

    def inside(own: Points) -> NDArray[np.bool_]:
        t = np.clip((own - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        return np.asarray(((own - a - t[..., None] * (b - a)) ** 2).sum(-1) <= radius * radius)

    return inside


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Inside:
    return lambda own: ((own >= np.asarray(low)) & (own <= np.asarray(high))).all(-1)


def make_twin(
    shapes: dict[str, Inside], frame: Frame = STRAIGHT, half_mm: float = 56.0, with_meshes: bool = True
) -> Twin:
    """A twin of shapes, later ones painted over earlier ones; one called "tumour" is a part of the first."""
    sizes = [int(np.ceil(2 * half_mm / s)) for s in frame.spacing_ijk]
    middle = frame.shift_mm + 0.31
    corner = middle - frame.grid_turn @ (np.asarray(frame.spacing_ijk) * (np.asarray(sizes) - 1) / 2)
    grid = Grid.from_axes((sizes[2], sizes[1], sizes[0]), corner, frame.grid_turn, frame.spacing_ijk)
    k, j, i = np.indices(grid.shape)
    own = (grid.to_lps(np.stack((i, j, k), -1)) - frame.shift_mm) @ frame.turn
    layer = np.zeros(grid.shape, np.uint8)
    first = next(iter(shapes))
    structures = []
    for n, (name, inside) in enumerate(shapes.items()):
        layer[inside(own)] = n + 1
        part_of = first if name.startswith("tumour") else ""
        structures.append(replace(structure_for(n + 1, name), part_of=part_of))
    labels = LabelMap(grid, (layer,), tuple(structures))
    volume = Volume(grid, np.zeros(grid.shape, np.int16), Modality.CT, SourceInfo("synthetic", "0"))
    return Twin(
        "case-1",
        (TwinImage("image-1", "primary", volume),),
        labels,
        extract_meshes(labels) if with_meshes else (),
        Revision(1, None, "built", RevisionState.ACCEPTED, "2026-01-01T00:00:00+00:00"),
        Provenance("2026-01-01T00:00:00+00:00", "surgtwin"),
    )


def make_geometry(shapes: dict[str, Inside], frame: Frame = STRAIGHT, half_mm: float = 56.0) -> TwinGeometry:
    return TwinGeometry(make_twin(shapes, frame, half_mm))
