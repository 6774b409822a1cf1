"""Two scans of one patient with their structures: the twin's own, and one of its further images."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray, transform_points
from ..domain.labels import LabelMap
from ..domain.twin import Provenance, Revision, RevisionState, Twin, TwinImage
from ..domain.volume import Volume
from ..errors import TwinError
from ..planning.twin_geometry import TwinGeometry
from ..progress import SILENT, Progress
from ..registration.deformable import fit_deformable

EARLIER = frozenset({"prior"})
"""Roles of images that were made before the twin's primary one."""
SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class Scan:
    """One image with the structures seen in it.

    Parameters
    ----------
    geometry
        Surfaces, volumes and their errors; LPS of the scan's own.
    twin_from_scan
        (4, 4).
    """

    image_id: str
    role: str
    volume: Volume
    geometry: TwinGeometry
    twin_from_scan: FloatArray

    @property
    def labels(self) -> LabelMap:
        return self.geometry.twin.labels


@dataclass(frozen=True, eq=False)
class ScanPair:
    """The scan made first and the one made later.

    Parameters
    ----------
    days
        Between them; None where nobody knows.
    later_from_earlier
        Moves places of the twin's frame from where the earlier scan shows them to where the later one does; None where
        only the rigid motion is known.
    """

    earlier: Scan
    later: Scan
    days: float | None
    later_from_earlier: DisplacementField | None = None

    @property
    def own(self) -> Scan:
        """That of the twin's own structures."""
        return self.later if self.earlier.role in EARLIER else self.earlier

    @property
    def other(self) -> Scan:
        return self.earlier if self.earlier.role in EARLIER else self.later

    def carried(self, points_mm: FloatArray) -> FloatArray:
        """Places (N, 3) of the earlier scan as places of the later one."""
        return self._carried(points_mm, self.earlier, self.later, self.later_from_earlier)

    def to_own(self, points_mm: FloatArray) -> FloatArray:
        """Places (N, 3) of the other scan as places of the twin's own."""
        field = self.later_from_earlier
        if self.own is not self.later and field is not None:
            field = field.inverse()
        return self._carried(points_mm, self.other, self.own, field)

    @staticmethod
    def _carried(points_mm: FloatArray, start: Scan, end: Scan, field: DisplacementField | None) -> FloatArray:
        points = transform_points(start.twin_from_scan, points_mm)
        if field is not None:
            points = field.moved(points)
        return transform_points(np.asarray(np.linalg.inv(end.twin_from_scan)), points)


def scan_pair(
    twin: Twin, image_id: str, labels: LabelMap, *, days: float | None = None, progress: Progress = SILENT
) -> ScanPair:
    """The twin's own structures beside those of another of its images, in the order of time.

    An image with the role "prior" is the earlier one, others are later than the image that the twin was made of.

    Parameters
    ----------
    labels
        Of the other image, on its grid.
    days
        Between the scans; by the dates that both images state if not given.

    Raises
    ------
    TwinError
        If there is no such image, it is the one that the twin's structures are of, or the days are not above 0.
    ImageError
        If the images hardly overlap.
    """
    own = twin.image(twin.labels_on)
    other = twin.image(image_id)
    if own.image_id == other.image_id:
        raise TwinError(f"The twin's own structures are of '{image_id}'. Name another image of the twin.")
    if days is not None and not 0 < days < 1e5:
        raise TwinError(f"Between two scans lie days above 0; found {days:g}.")
    here = Scan(own.image_id, own.role, own.volume, TwinGeometry(twin), own.twin_from_image)
    there = Scan(other.image_id, other.role, other.volume, _geometry_of(other, labels), other.twin_from_image)
    arrived_from_base = np.asarray(np.linalg.inv(other.twin_from_image) @ own.twin_from_image)
    fit = fit_deformable(own.volume, other.volume, arrived_from_base=arrived_from_base, progress=progress)
    # The field is in the frame of the labels' image; that is the twin's own unless the labels were made on another.
    field = fit.field if np.array_equal(own.twin_from_image, np.eye(4)) else None
    days = _days_between(own.volume, other.volume) if days is None else days
    if other.role in EARLIER:
        return ScanPair(there, here, days, None if field is None else field.inverse())
    return ScanPair(here, there, days, field)


def _geometry_of(image: TwinImage, labels: LabelMap) -> TwinGeometry:
    """Surfaces and volumes of another image's structures, as of a twin of its own."""
    revision = Revision(1, None, "another scan", RevisionState.ACCEPTED, "")
    alone = TwinImage("image-1", "primary", image.volume)
    return TwinGeometry(Twin("another-scan", (alone,), labels, (), revision, Provenance("", "")))


def _days_between(a: Volume, b: Volume) -> float | None:
    times = [_time(v.source.acquired_utc) for v in (a, b)]
    if times[0] is None or times[1] is None:
        return None
    days = abs((times[0] - times[1]).total_seconds()) / SECONDS_A_DAY
    return days if days > 0 else None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
