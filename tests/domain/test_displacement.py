"""Fields of vectors: where points go, the way back, and how space grows, on an oblique grid."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.displacement import DisplacementField
from surgtwin.errors import GeometryError
from tests.registration.bodies import MIDDLE, body_grid, bulge, inner_points, places


def field_of(forward) -> DisplacementField:
    grid = body_grid()
    points = places(grid)
    return DisplacementField(grid, (forward(points) - points).astype(np.float32))


def test_points_go_where_the_field_says() -> None:
    forward = bulge(8.0)
    assert field_of(forward).moved(inner_points()) == pytest.approx(forward(inner_points()), abs=0.08)


def test_the_way_back_brings_points_home() -> None:
    field = field_of(bulge(8.0))
    points = inner_points()
    home = field.inverse().moved(field.moved(points))
    assert np.linalg.norm(home - points, axis=1).max() < 0.1


def test_space_grows_as_the_derivative_says() -> None:
    grid = body_grid()
    points = places(grid)
    stretch = np.diag([1.10, 0.95, 1.02])
    field = DisplacementField(grid, ((points - MIDDLE) @ (stretch - np.eye(3)).T).astype(np.float32))
    inner = field.jacobian()[2:-2, 2:-2, 2:-2]
    assert inner == pytest.approx(np.linalg.det(stretch), abs=1e-3)


def test_a_fold_shows_in_the_jacobian() -> None:
    assert field_of(bulge(110.0)).jacobian().min() < 0 < field_of(bulge(8.0)).jacobian().min()


def test_a_still_field_moves_nothing() -> None:
    field = DisplacementField.still(body_grid())
    assert np.array_equal(field.moved(inner_points()), inner_points())
    assert field.lengths_mm.max() == 0


def test_beyond_its_grid_the_field_stays_constant() -> None:
    grid = body_grid()
    field = DisplacementField(grid, np.full((*grid.shape, 3), 2.0, dtype=np.float32))
    far = MIDDLE + np.array([[500.0, 0, 0], [0, -500.0, 300.0]])
    assert field.moved(far) == pytest.approx(far + 2.0)


@pytest.mark.parametrize("vectors", [np.zeros((3, 3)), np.full((40, 60, 64, 3), np.nan)])
def test_what_is_no_field_is_refused(vectors) -> None:
    with pytest.raises(GeometryError, match="displacement field"):
        DisplacementField(body_grid(), vectors)
