"""Deformable registration against known deformations: small errors, honestly stated, never worse than none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.errors import Cancelled, ImageError
from surgtwin.progress import Progress
from surgtwin.registration.deformable import REFINED, fit_deformable
from tests.registration.bodies import back_of, body_grid, bulge, image_of, inner_points


def errors_mm(fit, forward, points) -> np.ndarray:
    return np.linalg.norm(fit.field.moved(points) - forward(points), axis=1)


@pytest.fixture(scope="module")
def base():
    return image_of(body_grid(), noise=8, seed=1)


@pytest.mark.parametrize("amount_mm", [4.0, 9.0])
def test_a_known_deformation_is_found_from_another_grid(base, amount_mm: float) -> None:
    forward = bulge(amount_mm)
    other = body_grid(angles=(-4.0, 8.0, -3.0), spacing=(2.6, 3.0, 4.4))
    fit = fit_deformable(base, image_of(other, back_of(forward), noise=8, seed=2))
    points = inner_points()
    found = errors_mm(fit, forward, points)
    still = np.linalg.norm(forward(points) - points, axis=1)
    assert found.mean() < 0.3 * still.mean()
    assert np.percentile(found, 95) < 0.3 * np.percentile(still, 95)
    assert fit.field.jacobian().min() > 0
    assert fit.difference_after < 0.6 * fit.difference_before


def test_the_stated_error_holds_the_true_one(base) -> None:
    forward = bulge(7.0)
    fit = fit_deformable(base, image_of(body_grid(), back_of(forward), noise=8, seed=2))
    points = inner_points()
    found, stated = errors_mm(fit, forward, points), fit.error_at(points)
    assert np.mean(found < 2 * stated) > 0.9
    assert stated.mean() < 4 * found.mean()


def test_a_finer_level_is_no_worse(base) -> None:
    forward = bulge(7.0)
    arrived = image_of(body_grid(), back_of(forward), noise=8, seed=2)
    preview, refined = (fit_deformable(base, arrived), fit_deformable(base, arrived, levels=REFINED))
    points = inner_points()
    assert errors_mm(refined, forward, points).mean() < 1.1 * errors_mm(preview, forward, points).mean()


def test_between_modalities_most_of_the_motion_is_found(base) -> None:
    forward = bulge(9.0)
    fit = fit_deformable(base, image_of(body_grid(), back_of(forward), noise=8, seed=2, mr=True))
    points = inner_points()
    still = np.linalg.norm(forward(points) - points, axis=1)
    assert errors_mm(fit, forward, points).mean() < 0.5 * still.mean()
    assert fit.field.jacobian().min() > 0


@pytest.mark.parametrize("mr", [False, True])
def test_where_nothing_moved_nothing_is_moved(base, mr: bool) -> None:
    fit = fit_deformable(base, image_of(body_grid(), noise=8, seed=3, mr=mr))
    assert np.linalg.norm(fit.field.moved(inner_points()) - inner_points(), axis=1).mean() < 0.35


@pytest.mark.parametrize("crop", [0, 3])
def test_the_same_image_again_is_no_less_alike_afterwards(base, crop: int) -> None:
    first = np.eye(4)
    first[:3, 3] = crop
    inside = base.values[(slice(crop, -1),) * 3]
    again = replace(base, grid=Grid(inside.shape, base.grid.lps_from_ijk @ first), values=inside)
    fit = fit_deformable(base, again)
    assert fit.difference_after <= fit.difference_before
    points = inner_points()
    assert np.linalg.norm(fit.field.moved(points) - points, axis=1).max() < 0.2
    assert np.all(fit.error_at(points) > 0)


def test_a_cropped_image_moves_what_it_shows(base) -> None:
    forward = bulge(7.0)
    whole = body_grid()
    half = Grid((24, *whole.shape[1:]), whole.lps_from_ijk)
    fit = fit_deformable(base, image_of(half, back_of(forward), noise=8, seed=2))
    points = inner_points()
    shown = points[whole.to_ijk(points)[:, 2] < 20]
    still = np.linalg.norm(forward(shown) - shown, axis=1)
    assert errors_mm(fit, forward, shown).mean() < 0.4 * still.mean()
    everywhere = np.linalg.norm(forward(points) - points, axis=1)
    assert errors_mm(fit, forward, points).mean() < everywhere.mean()


def test_a_rigid_motion_is_taken_off_first(base) -> None:
    forward = bulge(6.0)
    shift = np.eye(4)
    shift[:3, 3] = (40.0, -25.0, 30.0)
    grid = body_grid()
    arrived_grid = Grid(grid.shape, shift @ grid.lps_from_ijk)
    back = back_of(forward)
    arrived = image_of(arrived_grid, lambda points: back(points - shift[:3, 3]), noise=8, seed=2)
    fit = fit_deformable(base, arrived, arrived_from_base=shift)
    points = inner_points()
    assert errors_mm(fit, forward, points).mean() < 0.4 * np.linalg.norm(forward(points) - points, axis=1).mean()


def test_images_that_share_no_place_are_refused(base) -> None:
    grid = body_grid()
    away = grid.lps_from_ijk.copy()
    away[:3, 3] += 900
    with pytest.raises(ImageError, match="shows only"):
        fit_deformable(base, image_of(Grid(grid.shape, away)))


def test_it_stops_when_asked(base) -> None:
    with pytest.raises(Cancelled):
        fit_deformable(base, base, progress=Progress(is_cancelled=lambda: True))
