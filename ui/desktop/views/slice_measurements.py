"""Measurements as they appear on one slice: lines, circles and the numbers beside them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from surgtwin.domain.geometry import Point3
from surgtwin.domain.measurement import Measurement, MeasurementKind
from surgtwin.domain.volume import Modality
from surgtwin.imaging.roi import RoiStatistics, roi_statistics
from ui.render.slices import SliceFrame

from .slice_subject import SliceSubject

HIT_PIXELS = 7.0
"""A click this near to a measurement means it."""


@dataclass(frozen=True)
class DrawnMeasurement:
    """A measurement in pixels.

    Parameters
    ----------
    path
        Corners of the open line; empty for a circle.
    circle
        (column, row, radius), or None.
    is_whole
        False where only its projection lies on this slice: drawn dashed.
    """

    measurement_id: str
    path: tuple[tuple[float, float], ...]
    circle: tuple[float, float, float] | None
    lines: tuple[str, ...]
    is_whole: bool

    def distance_to(self, column: float, row: float) -> float:
        """Pixels from a place on the screen to the nearest part of it."""
        place = np.array([column, row])
        if self.circle is not None:
            return abs(float(np.hypot(column - self.circle[0], row - self.circle[1])) - self.circle[2])
        ends = np.array(self.path)
        return min(_to_segment(place, a, b) for a, b in pairwise(ends))


class MeasurementTexts:
    """The numbers of measurements on one image; the statistics of a ROI are computed once."""

    def __init__(self, subject: SliceSubject) -> None:
        self._subject = subject
        self._known: dict[tuple[Point3, ...], RoiStatistics] = {}

    def lines(self, kind: MeasurementKind, points_mm: tuple[Point3, ...]) -> tuple[str, ...]:
        """What stands beside a complete measurement."""
        value = Measurement("draft", kind, points_mm, "").value
        if kind is MeasurementKind.DISTANCE:
            return (f"{value:.1f} mm",)
        if kind is MeasurementKind.ANGLE:
            return (f"{value:.1f}°",)
        return self._roi_lines(points_mm, value)

    def _roi_lines(self, points_mm: tuple[Point3, ...], radius_mm: float) -> tuple[str, ...]:
        statistics = self._known.get(points_mm)
        if statistics is None:
            image = self._subject.image
            matrix = image.twin_from_image if image is not None else None
            statistics = roi_statistics(self._subject.volume, points_mm[0], radius_mm, matrix)
            self._known[points_mm] = statistics
        area_cm2, volume_ml = np.pi * radius_mm**2 / 100.0, 4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0
        size = (f"r {radius_mm:.1f} mm   {area_cm2:.1f} cm²", f"{volume_ml:.1f} mL as a ball")
        if statistics.mean is None:
            return ("no voxel inside", *size)
        unit = " HU" if self._subject.volume.modality is Modality.CT else ""
        return (f"{statistics.mean:.1f} ± {statistics.deviation:.1f}{unit}", *size)


def drawn(
    measurement_id: str,
    kind: MeasurementKind,
    points_mm: tuple[Point3, ...],
    frame: SliceFrame,
    slab_mm: float,
    texts: MeasurementTexts,
) -> DrawnMeasurement | None:
    """The measurement on a slice, or None where the slice does not meet it."""
    pixels = frame.to_pixel(points_mm)
    half = max(frame.stack.step_mm, slab_mm) / 2
    depth = pixels[:, 2]
    lines = texts.lines(kind, points_mm)
    if kind is MeasurementKind.ROI:
        radius_mm = float(np.linalg.norm(np.subtract(points_mm[1], points_mm[0])))
        across = radius_mm**2 - depth[0] ** 2
        if across <= 0:
            return None
        circle = (float(pixels[0, 0]), float(pixels[0, 1]), float(np.sqrt(across)) / frame.mm_per_pixel)
        return DrawnMeasurement(measurement_id, (), circle, lines, bool(abs(depth[0]) <= half))
    if depth.min() > half or depth.max() < -half:
        return None
    path = tuple((float(x), float(y)) for x, y, _ in pixels)
    return DrawnMeasurement(measurement_id, path, None, lines, bool(np.abs(depth).max() <= half))


def _to_segment(place: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    along = b - a
    share = float(np.clip((place - a) @ along / max(float(along @ along), 1e-12), 0.0, 1.0))
    return float(np.linalg.norm(place - (a + share * along)))
