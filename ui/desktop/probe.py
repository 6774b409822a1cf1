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
    """The reading at a point in the image's LPS mm, or None outside the image."""
    ijk = _nearest(volume.grid.to_ijk(lps_mm), volume.grid.size_ijk)
    if ijk is None:
        return None
    i, j, k = ijk
    found = _structures(twin, lps_mm, image_id) if twin is not None else ()
    return ProbeReading(lps_mm, ijk, float(volume.values[k, j, i]), found)


def _structures(twin: Twin, lps_mm: Point3, image_id: str) -> tuple[str, ...]:
    """Names of the structures at a point of the image `image_id` (the primary if empty)."""
    shown = twin.image(image_id) if image_id else twin.images[0]
    base = twin.image(twin.labels_on)
    in_twin = transform_points(shown.twin_from_image, lps_mm)
    in_labels = transform_points(np.asarray(np.linalg.inv(base.twin_from_image), np.float64), in_twin)
    return structures_at(twin.labels, in_labels)


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
