"""A table of distances: near the true ones on any grid, and the same however the patient lies."""

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.mesh.surface_distance import SurfaceDistance
from surgtwin.planning.distance_table import distance_table, upright_axes
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.conftest import rotation
from tests.planning.shapes import OBLIQUE, ball, make_twin

SHEARED = np.array([[1.0, 0.2, 0.3], [0.0, 1.4, -0.2], [0.0, 0.0, -2.5]])


def grid_of(columns: np.ndarray) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    return Grid((4, 5, 6), matrix)


def test_axes_of_a_sheared_left_handed_grid_are_square_and_begin_with_its_own():
    axes = upright_axes(grid_of(SHEARED))
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert axes == pytest.approx(np.diag([1.0, 1.0, -1.0]), abs=1e-12)


def test_axes_turn_with_the_grid():
    turn = rotation((25.0, -140.0, 70.0))
    assert upright_axes(grid_of(turn @ SHEARED)) == pytest.approx(upright_axes(grid_of(SHEARED)) @ turn.T, abs=1e-12)


def test_a_table_on_an_oblique_grid_gives_the_distances_from_its_surface():
    geometry = TwinGeometry(make_twin({"liver": ball((0, 0, 0), 12.0)}, OBLIQUE, 20.0, with_meshes=False))
    surface = SurfaceDistance(geometry.surface("liver").mesh)
    table = distance_table(surface, 5.0, upright_axes(geometry.twin.labels.grid))
    around = np.random.default_rng(1).normal(size=(500, 3)) * 12.0
    points = OBLIQUE.points(around)
    true = surface.at(points)
    near = np.abs(true) < 8.0
    # The spline through nodes 1 mm apart, and vertices in the place of triangles farther off than 4 mm.
    assert np.abs(table.at(points[near]) - true[near]).max() < 0.2
    far = OBLIQUE.points(np.array([[200.0, 0.0, 0.0]]))
    assert 20.0 < table.at(far)[0] <= surface.at(far)[0] + 1e-6
