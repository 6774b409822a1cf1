"""Rigid registration: known motions are found on oblique grids, between modalities too, and nothing is made worse."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.errors import Cancelled, ImageError
from surgtwin.progress import Progress
from surgtwin.registration.rigid import fit_rigid
from tests.conftest import rotation
from tests.registration.bodies import MIDDLE, body_grid, image_of, inner_points


def motion(angles=(3.0, -2.0, 5.0), shift=(6.0, -4.0, 5.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(angles)
    matrix[:3, 3] = MIDDLE - matrix[:3, :3] @ MIDDLE + np.asarray(shift)
    return matrix


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.mark.parametrize(("mr", "limit_mm"), [(False, 0.3), (True, 1.0)])
def test_a_known_motion_is_found(mr: bool, limit_mm: float) -> None:
    matrix = motion()
    back = np.linalg.inv(matrix)
    other = body_grid(angles=(-4.0, 8.0, -3.0), spacing=(2.6, 3.0, 4.4))
    arrived = image_of(other, lambda points: moved(points, back), noise=12, mr=mr)
    fit = fit_rigid(image_of(body_grid(), noise=12, seed=1), arrived)
    points = inner_points()
    assert np.linalg.norm(fit.transform.apply(points) - moved(points, matrix), axis=1).max() < limit_mm
    assert fit.similarity_after > fit.similarity_before
    assert not fit.is_identity


def test_an_image_that_lies_right_is_left_there() -> None:
    fit = fit_rigid(image_of(body_grid(), noise=12, seed=1), image_of(body_grid(), noise=12, seed=2))
    assert np.linalg.norm(fit.transform.apply(inner_points()) - inner_points(), axis=1).max() < 0.15


def test_a_start_is_taken_up() -> None:
    matrix = motion((0, 0, 90), (0, 0, 0))
    back = np.linalg.inv(matrix)
    base = image_of(body_grid())
    arrived = image_of(body_grid(), lambda points: moved(points, back))
    fit = fit_rigid(base, arrived, start=motion((2, 0, 86), (2, -1, 2)))
    points = inner_points()
    assert np.linalg.norm(fit.transform.apply(points) - moved(points, matrix), axis=1).max() < 0.6


def test_images_far_apart_are_refused() -> None:
    grid = body_grid()
    away = grid.lps_from_ijk.copy()
    away[:3, 3] += 4000
    with pytest.raises(ImageError, match="hardly overlap"):
        fit_rigid(image_of(grid), image_of(Grid(grid.shape, away)))


def test_it_stops_when_asked() -> None:
    with pytest.raises(Cancelled):
        fit_rigid(image_of(body_grid()), image_of(body_grid()), progress=Progress(is_cancelled=lambda: True))
