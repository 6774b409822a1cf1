"""An organ from points on a part of its surface: better than stiff, inside too, and honest about what was not seen."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.errors import ImageError
from surgtwin.mesh.extract import extract_meshes
from surgtwin.registration.surface_fit import fit_surface
from tests.conftest import rotation
from tests.registration.bodies import MIDDLE, body_grid, places

HALF_MM = (62.0, 48.0, 52.0)


@pytest.fixture(scope="module")
def organ():
    grid = body_grid()
    p = places(grid) - MIDDLE
    mask = np.linalg.norm(p / np.asarray(HALF_MM), axis=-1) < 1
    mask &= np.linalg.norm((p - (45, -5, 30)) / (40, 40, 34), axis=-1) > 1
    return extract_meshes(LabelMap(grid, (mask.astype(np.uint8),), (Structure(1, "liver", (1, 2, 3)),)))[0]


def motion(bend_mm: float):
    turn = rotation((4.0, -3.0, 5.0))

    def forward(points: np.ndarray) -> np.ndarray:
        d = points - MIDDLE
        bent = d.copy()
        bent[:, 2] += bend_mm * (d[:, 0] / 60.0) ** 2
        bent[:, 1] -= 0.5 * bend_mm * np.exp(-np.sum((d + np.array([20, 25, 0])) ** 2, axis=1) / 45.0**2)
        return bent @ turn.T + MIDDLE + (6.0, -4.0, 5.0)

    return forward


def seen(organ, forward, count: int = 120, noise: float = 0.7) -> np.ndarray:
    """Points of the front of the surface."""
    rng = np.random.default_rng(4)
    front = np.flatnonzero(organ.vertices_mm[:, 1] < MIDDLE[1] - 12)
    rest = organ.vertices_mm[rng.choice(front, count, replace=False)]
    return forward(rest) + rng.normal(0, noise, (count, 3))


def inside(count: int = 300) -> np.ndarray:
    rng = np.random.default_rng(6)
    d = rng.normal(size=(count, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    p = d * rng.uniform(0, 0.8, (count, 1)) ** (1 / 3) * HALF_MM
    return MIDDLE + p[np.linalg.norm((p - (45, -5, 30)) / (40, 40, 34), axis=-1) > 1.05]


@pytest.fixture(scope="module")
def bent(organ):
    forward = motion(9.0)
    return forward, fit_surface(organ, seen(organ, forward))


def test_places_inside_are_met_better_than_by_a_stiff_organ(bent) -> None:
    forward, fit = bent
    points = inside()
    error = np.linalg.norm(fit.moved(points) - forward(points), axis=1)
    stiff = np.linalg.norm(fit.moved_rigidly(points) - forward(points), axis=1)
    assert error.mean() < 0.75 * stiff.mean()
    assert fit.residual_mm < fit.rigid_residual_mm


def test_the_stated_error_holds_the_true_one_and_grows_away_from_the_points(bent, organ) -> None:
    forward, fit = bent
    points = inside()
    error = np.linalg.norm(fit.moved(points) - forward(points), axis=1)
    stated = fit.error_mm(points)
    assert np.mean(error < 2 * stated) > 0.85
    front, back = points[:, 1] < MIDDLE[1] - 15, points[:, 1] > MIDDLE[1] + 15
    assert stated[front].mean() < stated[back].mean()


def test_a_stiff_organ_is_not_bent_to_noise(organ) -> None:
    forward = motion(0.0)
    fit = fit_surface(organ, seen(organ, forward))
    points = inside()
    assert np.linalg.norm(fit.moved(points) - forward(points), axis=1).mean() < 1.2


def test_points_on_the_organ_where_it_is_move_it_nowhere(organ) -> None:
    fit = fit_surface(organ, seen(organ, lambda p: p, noise=0.0))
    assert np.linalg.norm(fit.moved(inside()) - inside(), axis=1).max() < 0.5


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((5, 3)), "At least 6"),
        (np.full((8, 3), np.nan), "finite"),
        (np.zeros((8, 2)), "three finite numbers"),
        (MIDDLE + np.linspace(0, 60, 9)[:, None] * [1.0, 0, 0], "on a line"),
        (MIDDLE + 900 + np.random.default_rng(0).normal(0, 30, (20, 3)), "Register the tracker"),
    ],
)
def test_points_that_say_too_little_are_refused(organ, points, message) -> None:
    with pytest.raises(ImageError, match=message):
        fit_surface(organ, points)
