"""A structure as it lies in the image: its voxels in their box, its volume, its place, its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.domain.geometry import Grid, Point3, direction_letter
from surgtwin.domain.labels import LabelMap

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Box = tuple[slice, ...]
SIDES = {"L": "left", "R": "right", "P": "back", "A": "front", "S": "upper", "I": "lower"}
FEWEST_EDGE_VOXELS = 20
"""Fewer voxels in a face of the scan are a graze."""
SAMPLED_POINTS = 20_000


@dataclass(frozen=True)
class Cut:
    """A face of the scan that a structure reaches.

    Parameters
    ----------
    side
        Of the patient: "left", "right", "front", "back", "upper" or "lower".
    """

    side: str
    voxels: int
    area_mm2: float
    centre_mm: Point3


@dataclass(frozen=True)
class Piece:
    """One of the pieces a structure falls into; ``sides`` are the faces of the scan it touches."""

    volume_ml: float
    centre_mm: Point3
    sides: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Placed:
    """A structure that has voxels.

    Parameters
    ----------
    box, mask
        Where ``mask`` ``[k, j, i]`` lies in the image on ``grid``.
    field
        The part of the image that was measured (`scan_field`); None: all of it.
    """

    name: str
    grid: Grid
    box: Box
    mask: Mask
    field: Box | None = None

    @cached_property
    def volume_ml(self) -> float:
        """Of its own voxels."""
        return float(np.count_nonzero(self.mask)) * self.grid.voxel_volume_ml

    @cached_property
    def points_mm(self) -> Points:
        """(n, 3) LPS mm of its voxels' centres, evenly thinned to some thousands."""
        indices = np.argwhere(self.mask)
        return self._to_lps(indices[:: max(1, len(indices) // SAMPLED_POINTS)])

    @cached_property
    def centre_mm(self) -> Points:
        """(3,) LPS mm, the mean of its voxels."""
        return self._to_lps(np.argwhere(self.mask).mean(axis=0))

    @property
    def where_mm(self) -> Point3:
        """The centre as a finding states it."""
        return _point(self.centre_mm)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Its connected pieces, largest first."""
        import cc3d

        labels = cc3d.connected_components(np.ascontiguousarray(self.mask), connectivity=26)
        found = cc3d.statistics(labels)
        counts, centres, boxes = found["voxel_counts"], found["centroids"], found["bounding_boxes"]
        order = [n for n in np.argsort(counts[1:])[::-1] + 1 if counts[n]]
        unit = self.grid.voxel_volume_ml
        return tuple(
            Piece(float(counts[n]) * unit, _point(self._to_lps(centres[n])), self._faces(boxes[n])) for n in order
        )

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """The faces of the scan it reaches, the largest area first."""
        found = []
        spacing = self.grid.spacing[::-1]
        for axis, (first, last) in enumerate(self._edges):
            for is_last in (False, True):
                plane = (last if is_last else first) - self.box[axis].start
                if first == last or not 0 <= plane < self.mask.shape[axis]:
                    continue
                face = np.argwhere(np.take(self.mask, plane, axis=axis))
                if len(face) <= FEWEST_EDGE_VOXELS:
                    continue
                at = np.insert(face.mean(axis=0), axis, plane)
                area = len(face) * float(np.prod([s for n, s in enumerate(spacing) if n != axis]))
                found.append(Cut(side_of(self.grid, axis, is_last), len(face), area, _point(self._to_lps(at))))
        return tuple(sorted(found, key=lambda cut: -cut.area_mm2))

    def _faces(self, inner: tuple[slice, ...]) -> frozenset[str]:
        """The sides of the scan that a box within this one reaches."""
        touched = set()
        for axis, (first, last) in enumerate(self._edges):
            if self.box[axis].start + inner[axis].start <= first:
                touched.add(side_of(self.grid, axis, is_last=False))
            if self.box[axis].start + inner[axis].stop > last:
                touched.add(side_of(self.grid, axis, is_last=True))
        return frozenset(touched)

    @property
    def _edges(self) -> tuple[tuple[int, int], ...]:
        """The first and the last measured plane along k, j, i."""
        if self.field is None:
            return tuple((0, size - 1) for size in self.grid.shape)
        return tuple((part.start, part.stop - 1) for part in self.field)

    def _to_lps(self, indices: npt.NDArray[np.generic]) -> Points:
        """LPS mm of indices (..., 3) in the box, [k, j, i]."""
        start = np.asarray([s.start for s in self.box], dtype=np.float64)
        return self.grid.to_lps((np.asarray(indices, dtype=np.float64) + start)[..., ::-1])


def place_structures(labels: LabelMap, field: Box | None = None) -> dict[str, Placed]:
    """Return the structures of layer 0 that have voxels, by name.

    Parameters
    ----------
    field
        The part of the image that was measured; None: all of it.
    """
    placed: dict[str, Placed] = {}
    boxes = ndimage.find_objects(labels.layers[0])
    for structure in labels.structures:
        if structure.layer or structure.label > len(boxes) or boxes[structure.label - 1] is None:
            continue
        box = boxes[structure.label - 1]
        mask = labels.layers[0][box] == structure.label
        placed[structure.name] = Placed(structure.name, labels.grid, box, mask, field)
    return placed


def side_of(grid: Grid, axis: int, is_last: bool) -> str:
    """Return the patient's side at the first or last plane of an array axis (0 = k, 1 = j, 2 = i)."""
    return SIDES[direction_letter(grid.direction[:, 2 - axis] * (1 if is_last else -1))]


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence has them: "left", "left and right", "left, right and back"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _point(values: npt.ArrayLike) -> Point3:
    x, y, z = np.asarray(values, dtype=np.float64)
    return (float(x), float(y), float(z))
