"""Slice geometry: right is right on every grid."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from ui.render.reslice import Reslicer, SlabMode
from ui.render.slices import View, edge_letters, fitted_frame, is_cut_along_its_own_axes, slice_stack

SHAPE = (7, 9, 11)
LETTERS = {
    View.AXIAL: ("R", "L", "A", "P"),
    View.CORONAL: ("R", "L", "S", "I"),
    View.SAGITTAL: ("A", "P", "S", "I"),
}


def turned(degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])


def orientations() -> list[np.ndarray]:
    eye = np.eye(3)
    return [eye[:, list(p)] * s for p in permutations(range(3)) for s in product((1.0, -1.0), repeat=3)]


@pytest.mark.parametrize("direction", orientations(), ids=lambda d: "".join(f"{v:+.0f}" for v in d.ravel()))
def test_every_orientation_shows_the_patient_the_same_way(direction: np.ndarray) -> None:
    grid = Grid.from_axes(SHAPE, (12.0, -30.0, 400.0), direction, (1.5, 2.0, 3.0))
    for view in View:
        stack = slice_stack(grid, view)
        assert stack.letters() == LETTERS[view]
        left, right, top, bottom = (0.0, 0.0), (63.0, 0.0), (0.0, 0.0), (0.0, 63.0)
        frame = fitted_frame(stack, grid.center(), (64, 64))
        across = frame.to_lps(right) - frame.to_lps(left)
        down = frame.to_lps(bottom) - frame.to_lps(top)
        assert across[{"L": 0, "P": 1}[stack.letters()[1]]] > 0
        if view is View.AXIAL:
            assert down[1] > 0
        else:
            assert down[2] < 0


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("direction", orientations()[::5])
def test_a_slice_of_a_straight_grid_holds_the_voxels_themselves(view: View, direction: np.ndarray) -> None:
    grid = Grid.from_axes(SHAPE, (5.0, -3.0, 40.0), turned(9.0) @ direction, (1.5, 2.0, 3.0))
    values = np.random.default_rng(3).integers(-1000, 1000, SHAPE).astype(np.int16)
    stack = slice_stack(grid, view)
    reslicer = Reslicer(values, grid.lps_from_ijk)
    middle_ijk = np.array([3, 4, 2])
    point = grid.to_lps(middle_ijk)
    for index in range(stack.count):
        on_slice = stack.on_slice(point, index)
        frame = fitted_frame(stack, on_slice, (41, 37))
        column, row, depth = frame.to_pixel(on_slice)
        assert abs(depth) < 1e-9
        snapped = frame.panned(column - round(column), row - round(row))
        ijk = np.rint(grid.to_ijk(on_slice)).astype(int)
        shift = snapped.to_pixel(on_slice)
        shown = reslicer.cut(frame.panned(*(np.rint([column, row]) - [column, row])))
        assert np.allclose(np.rint(grid.to_ijk(on_slice)), grid.to_ijk(on_slice), atol=1e-6)
        assert shown[round(row), round(column)] == values[ijk[2], ijk[1], ijk[0]]
        assert abs(shift[2]) < 1e-9


def test_a_stack_has_as_many_slices_as_the_grid_along_its_axis() -> None:
    grid = Grid.from_axes(SHAPE, (0, 0, 0), turned(-14.0), (1.5, 2.0, 3.0))
    assert [slice_stack(grid, view).count for view in View] == [7, 9, 11]
    assert [slice_stack(grid, view).step_mm for view in View] == pytest.approx([3.0, 2.0, 1.5])


def test_the_first_axial_slice_is_at_the_head_and_the_last_at_the_feet() -> None:
    grid = Grid.from_axes(SHAPE, (0, 0, 0), np.diag([1.0, 1.0, -1.0]), (1, 1, 2))
    stack = slice_stack(grid, View.AXIAL)
    assert stack.index_of((0, 0, 0)) == 0
    assert stack.index_of((0, 0, -12)) == 6
    assert stack.index_of((0, 0, 999)) == 0


def test_a_grid_far_off_the_patients_axes_is_cut_along_the_patients() -> None:
    oblique = Grid.from_axes(SHAPE, (0, 0, 0), turned(35.0), (1, 1, 2))
    straight = Grid.from_axes(SHAPE, (0, 0, 0), turned(12.0), (1, 1, 2))
    assert not is_cut_along_its_own_axes(oblique)
    assert is_cut_along_its_own_axes(straight)
    assert np.allclose(slice_stack(oblique, View.AXIAL).right, (1, 0, 0))
    assert np.allclose(slice_stack(straight, View.AXIAL).right, turned(12.0)[:, 0])


def test_letters_combine_when_a_view_is_oblique() -> None:
    right = turned(30.0)[:, 0]
    assert edge_letters(right, (0, 0, -1)) == ("RA", "LP", "S", "I")


def test_pixel_and_patient_coordinates_are_inverse(oblique_grid: Grid) -> None:
    for view in View:
        frame = fitted_frame(slice_stack(oblique_grid, view), oblique_grid.center(), (80, 60))
        pixels = np.array([[0.0, 0.0], [79.0, 59.0], [13.5, 40.25]])
        back = frame.to_pixel(frame.to_lps(pixels))
        assert np.allclose(back[:, :2], pixels)
        assert np.allclose(back[:, 2], 0.0)


def test_zooming_keeps_what_lies_under_the_mouse(oblique_grid: Grid) -> None:
    frame = fitted_frame(slice_stack(oblique_grid, View.CORONAL), oblique_grid.center(), (80, 60))
    zoomed = frame.zoomed(2.5, (20.0, 50.0))
    assert zoomed.mm_per_pixel == pytest.approx(frame.mm_per_pixel / 2.5)
    assert np.allclose(zoomed.to_lps((20.0, 50.0)), frame.to_lps((20.0, 50.0)))


def test_a_sheared_grid_is_resliced_where_its_voxels_are() -> None:
    matrix = np.diag([1.0, 1.0, 2.0, 1.0])
    matrix[1, 2] = 0.8  # each slice is shifted to the back
    grid = Grid((9, 20, 20), matrix)
    values = np.zeros(grid.shape, dtype=np.int16)
    values[6, 10, 5] = 1000
    stack = slice_stack(grid, View.AXIAL)
    where = grid.to_lps((5, 10, 6))
    frame = fitted_frame(stack, where, (200, 200))
    shown = Reslicer(values, grid.lps_from_ijk).cut(frame)
    row, column = np.unravel_index(int(shown.argmax()), shown.shape)
    assert np.abs(frame.to_lps((float(column), float(row))) - where).max() < 2 * frame.mm_per_pixel


@pytest.mark.parametrize(("mode", "expected"), [(SlabMode.MIP, 90), (SlabMode.MINIP, 10), (SlabMode.MEAN, 50)])
def test_a_slab_merges_its_slices(mode: SlabMode, expected: int) -> None:
    grid = Grid.from_axes((9, 12, 12), (0, 0, 0), np.eye(3), (1, 1, 1))
    values = np.broadcast_to(np.arange(10, 100, 10, dtype=np.int16)[:, None, None], grid.shape)
    stack = slice_stack(grid, View.AXIAL)
    frame = fitted_frame(stack, grid.center(), (12, 12))
    shown = Reslicer(values, grid.lps_from_ijk).cut(frame, slab_mm=9.0, mode=mode)
    assert shown[6, 6] == expected
