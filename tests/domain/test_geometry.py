"""Grids, planes and rigid motions in LPS mm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgtwin.domain.geometry import Grid, Plane, RigidTransform, direction_letters, unit
from surgtwin.errors import GeometryError
from tests.conftest import all_orientations, make_oblique_grid, rotation

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


@given(ANGLES, st.tuples(*[st.floats(0.2, 9)] * 3), st.tuples(*[st.floats(-500, 500)] * 3))
def test_index_to_patient_and_back_is_the_identity(angles, spacing, origin):
    grid = Grid.from_axes((7, 8, 9), origin, rotation(angles), spacing)
    ijk = np.array([[0, 0, 0], [3.5, 2, 1], [8, 7, 6]])
    assert np.allclose(grid.to_ijk(grid.to_lps(ijk)), ijk, atol=1e-6)
    assert grid.voxel_volume_mm3 == pytest.approx(np.prod(spacing))
    assert np.allclose(grid.spacing, spacing)


@pytest.mark.parametrize("direction", all_orientations())
def test_axis_codes_name_the_side_each_axis_runs_to(direction):
    grid = Grid.from_axes((3, 4, 5), (1, 2, 3), direction, (1, 2, 3))
    for axis, code in enumerate(grid.axis_codes):
        sign = 1 if code in "LPS" else -1
        assert direction["LPSRAI".index(code) % 3, axis] == sign
    assert grid.is_right_handed == (np.linalg.det(direction) > 0)
    assert not grid.is_oblique


def test_corners_enclose_whole_voxels():
    grid = Grid((2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0]))
    assert grid.corners().min(axis=0).tolist() == [-0.5, -1.0, -1.5]
    assert grid.corners().max(axis=0).tolist() == [3.5, 5.0, 4.5]


def test_two_grids_are_the_same_space_only_within_the_tolerance():
    grid = make_oblique_grid()
    moved = grid.lps_from_ijk.copy()
    moved[0, 3] += 5e-4
    assert grid.is_same_space(Grid(grid.shape, moved))
    moved[0, 3] += 1e-2
    assert not grid.is_same_space(Grid(grid.shape, moved))


@pytest.mark.parametrize(
    ("shape", "matrix"),
    [
        ((0, 3, 3), np.eye(4)),
        ((3, 3), np.eye(4)),
        ((3, 3, 3), np.eye(3)),
        ((3, 3, 3), np.diag([1, 0, 1, 1])),
        ((3, 3, 3), np.diag([1, np.nan, 1, 1])),
        ((3, 3, 3), np.diag([1, 1, 1e9, 1])),
        ((3, 3, 3), np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])),
        ((100_000, 100_000, 100_000), np.eye(4)),
    ],
)
def test_impossible_grids_are_refused(shape, matrix):
    with pytest.raises(GeometryError):
        Grid(shape, matrix)


def test_a_grid_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        make_oblique_grid().lps_from_ijk[0, 0] = 5


def test_plane_distance_is_signed_towards_the_normal():
    plane = Plane((0, 0, 10), (0, 0, 2))
    assert plane.signed_distance([[5, 5, 13], [0, 0, 4]]).tolist() == [3, -6]


def test_rigid_transforms_compose_only_where_frames_meet():
    m = np.eye(4)
    m[:3, :3] = rotation((10, 20, 30))
    m[:3, 3] = (1, 2, 3)
    lps_from_tool = RigidTransform("lps", "tool", m)
    assert np.allclose(lps_from_tool.then(lps_from_tool.inverse()).matrix, np.eye(4))
    with pytest.raises(GeometryError, match="tool"):
        lps_from_tool.then(lps_from_tool)
    with pytest.raises(GeometryError, match="rigid"):
        RigidTransform("lps", "tool", np.diag([1, 1, -1, 1.0]))


def test_edge_letters_combine_when_oblique():
    assert direction_letters((1, 0, 0)) == "L"
    assert direction_letters((0.5, -0.87, 0)) == "AL"
    assert direction_letters((0, 0, -1)) == "I"


def test_a_vector_without_length_has_no_direction():
    with pytest.raises(GeometryError):
        unit((0, 0, 0))
