"""Measurements a person makes on the images and keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from ..errors import InputError
from .geometry import MIN_LENGTH_MM, Point3


class MeasurementKind(StrEnum):
    DISTANCE = "distance"
    ANGLE = "angle"
    ROI = "roi"


_POINTS_NEEDED = {MeasurementKind.DISTANCE: 2, MeasurementKind.ANGLE: 3, MeasurementKind.ROI: 2}


@dataclass(frozen=True)
class Measurement:
    """A distance (two points), an angle (three; the vertex is the second) or a ROI on a slice.

    Parameters
    ----------
    points_mm
        LPS mm. A ROI is a sphere: its centre and a point on its surface.
    image_id
        The image it was made on.
    """

    measurement_id: str
    kind: MeasurementKind
    points_mm: tuple[Point3, ...]
    image_id: str
    name: str = ""

    def __post_init__(self) -> None:
        needed = _POINTS_NEEDED[self.kind]
        if len(self.points_mm) != needed or not np.all(np.isfinite(self.points_mm)):
            raise InputError(f"A {self.kind} needs {needed} finite points; found {len(self.points_mm)}.")
        if any(np.linalg.norm(np.subtract(a, b)) < MIN_LENGTH_MM for a, b in pairwise(self.points_mm)):
            raise InputError(f"Two neighbouring points of the {self.kind} are the same.")

    @property
    def value(self) -> float:
        """mm for a distance, degrees for an angle, radius in mm for a ROI."""
        p = np.asarray(self.points_mm)
        if self.kind is not MeasurementKind.ANGLE:
            return float(np.linalg.norm(p[1] - p[0]))
        a, b = p[0] - p[1], p[2] - p[1]
        return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))
