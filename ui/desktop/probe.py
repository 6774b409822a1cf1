"""What lies at a point: place, voxel, value, structures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.geometry import FloatArray, Point3, transform_points
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume


@dataclass(frozen=True)
class ProbeReading:
    """`ijk` is the nearest voxel of the image; `structures` are those whose voxels hold the point."""

    lps_mm: Point3
    ijk: tuple[int, int, int]
    value: float
    structures: tuple[str, ...]


def probe(volume: Volume, twin: Twin | None, lps_mm: Point3, image_id: str = "") -> ProbeReading | None:
    """The reading of an image at a point of the twin's frame (LPS mm), or None outside the image.

    `image_id` says which image of the twin `volume` is; the primary if empty.
    """
    shown = twin.image(image_id) if twin is not None and image_id else None
    in_image = transform_points(_inverse(shown.twin_from_image), lps_mm) if shown is not None else lps_mm
    ijk = _nearest(volume.grid.to_ijk(in_image), volume.grid.size_ijk)
    if ijk is None:
        return None
    i, j, k = ijk
    found = _structures(twin, lps_mm) if twin is not None else ()
    return ProbeReading(lps_mm, ijk, float(volume.values[k, j, i]), found)


def _structures(twin: Twin, lps_mm: Point3) -> tuple[str, ...]:
    """Names of the structures at a point of the twin's frame."""
    base = twin.image(twin.labels_on)
    return structures_at(twin.labels, transform_points(_inverse(base.twin_from_image), lps_mm))


def _inverse(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def structures_at(labels: LabelMap, lps_mm: FloatArray) -> tuple[str, ...]:
    """Names of the structures that hold a point of the label map's frame, in the order of the map."""
    ijk = _nearest(labels.grid.to_ijk(lps_mm), labels.grid.size_ijk)
    if ijk is None:
        return ()
    i, j, k = ijk
    return tuple(s.name for s in labels.structures if labels.layers[s.layer][k, j, i] == s.label)


def _nearest(ijk: FloatArray, size: tuple[int, int, int]) -> tuple[int, int, int] | None:
    nearest = np.floor(ijk + 0.5).astype(int)
    if np.any(nearest < 0) or np.any(nearest >= size):
        return None
    return (int(nearest[0]), int(nearest[1]), int(nearest[2]))
