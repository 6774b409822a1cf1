"""Distances, angles and ROIs."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.measurement import Measurement, MeasurementKind
from surgtwin.errors import InputError


@pytest.mark.parametrize(
    ("kind", "points", "value"),
    [
        (MeasurementKind.DISTANCE, ((0, 0, 0), (3, 4, 12)), 13.0),
        (MeasurementKind.ANGLE, ((1, 0, 0), (0, 0, 0), (0, 5, 0)), 90.0),
        (MeasurementKind.ANGLE, ((1, 0, 0), (0, 0, 0), (-1, 0, 0)), 180.0),
        (MeasurementKind.ROI, ((5, 5, 5), (5, 5, 15)), 10.0),
    ],
)
def test_values(kind, points, value):
    assert Measurement("m", kind, points, "image-1").value == pytest.approx(value)


@pytest.mark.parametrize("points", [((0, 0, 0),), ((0, 0, 0), (0, 0, 0)), ((0, 0, 0), (np.nan, 0, 0))])
def test_points_that_measure_nothing_are_refused(points):
    with pytest.raises(InputError):
        Measurement("m", MeasurementKind.DISTANCE, points, "image-1")
