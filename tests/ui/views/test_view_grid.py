"""The four views together: layout, comparison, pictures, and nothing left behind."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.domain.volume import Modality, Window
from ui.desktop.state import AppState, Comparison
from ui.desktop.views.view_grid import ViewGrid
from ui.render.slices import View

pytestmark = pytest.mark.desktop


def test_axial_is_above_coronal_and_beside_the_scene(grid: ViewGrid) -> None:
    place = {name: frame.mapTo(grid, frame.rect().topLeft()) for name, frame in grid.frames.items()}
    assert place["axial"].x() == place["coronal"].x() < place["3d"].x() == place["sagittal"].x()
    assert place["axial"].y() == place["3d"].y() < place["coronal"].y() == place["sagittal"].y()


def test_a_maximised_view_is_alone(grid: ViewGrid, state: AppState) -> None:
    state.set_maximised("coronal")
    assert [name for name, frame in grid.frames.items() if frame.isVisible()] == ["coronal"]
    state.set_maximised("")
    assert all(frame.isVisible() for frame in grid.frames.values())


def test_the_strip_counts_slices(grid: ViewGrid, state: AppState) -> None:
    shown = grid.slices[View.AXIAL]
    assert grid.frames["axial"].detail == f"{shown.index + 1}/{shown.stack.count}"
    shown.step_slices(2)
    assert grid.frames["axial"].detail == f"{shown.index + 1}/{shown.stack.count}"


def test_the_screenshot_shows_every_view(
    grid: ViewGrid,
    state: AppState,
    sphere_twin: Twin,
    shown: Callable[..., np.ndarray],
    share_of: Callable[..., np.ndarray],
) -> None:
    state.set_cursor(sphere_twin.mesh("liver").vertices_mm.mean(axis=0))
    state.request_camera("anterior")
    red = share_of(shown(grid.screenshot()), "red")
    for half in np.array_split(red, 2):
        for quarter in np.array_split(half, 2, axis=1):
            assert quarter.sum() > 100


def test_an_image_without_a_twin_is_shown_on_the_slices(grid: ViewGrid, state: AppState, sphere_twin: Twin) -> None:
    state.show_volume(sphere_twin.primary)
    assert grid.slices[View.CORONAL].pixels().max() > 100
    assert grid.scene.items == {}
    grid.grab()


def test_nothing_open_draws_nothing_and_harms_nothing(grid: ViewGrid, state: AppState) -> None:
    state.close()
    assert grid.slices[View.AXIAL].pixels().max() == 0
    grid.slices[View.AXIAL].step_slices(1)
    grid.grab()


def test_two_images_scroll_and_zoom_together(grid: ViewGrid, state: AppState, sphere_twin: Twin) -> None:
    prior = replace(sphere_twin.images[0], role="prior")
    state.set_comparison(Comparison("prior scan", prior, sphere_twin))
    left, right = grid.compare.left, grid.compare.right
    assert left.isVisible()
    state.set_cursor(sphere_twin.mesh("liver").vertices_mm.mean(axis=0))
    left.resize(right.size())
    assert left.index == right.index
    left.step_slices(3)
    assert left.index == right.index
    left.zoom_by(2.0)
    left.pan_by(10, 5)
    assert right.frame.mm_per_pixel == left.frame.mm_per_pixel
    assert np.allclose(right.frame.centre_mm, left.frame.centre_mm)
    grid.compare.set_direction(View.SAGITTAL)
    assert grid.compare.left.view is View.SAGITTAL
    state.set_comparison(None)
    assert grid.compare.left is None
    assert grid.slices[View.AXIAL].isVisible()


def test_an_image_of_another_place_is_compared_at_the_same_place(
    grid: ViewGrid, state: AppState, sphere_twin: Twin
) -> None:
    moved = np.eye(4)
    moved[:3, 3] = (50.0, -20.0, 30.0)
    volume = sphere_twin.primary
    elsewhere = replace(
        volume, grid=type(volume.grid)(volume.grid.shape, np.linalg.inv(moved) @ volume.grid.lps_from_ijk)
    )
    image = TwinImage("image-2", "prior", elsewhere, moved)
    state.set_comparison(Comparison("prior", image, sphere_twin))
    left, right = grid.compare.left, grid.compare.right
    left.resize(right.size())
    left.align_with(right)
    assert np.abs(left.pixels().astype(int) - right.pixels()).mean() < 1.0


def test_another_modality_keeps_its_own_window(grid: ViewGrid, state: AppState, sphere_twin: Twin) -> None:
    mr = replace(sphere_twin.primary, modality=Modality.MR, window=Window(90, 30))
    state.set_comparison(Comparison("MR", TwinImage("image-2", "mr", mr), sphere_twin))
    assert grid.compare.right.window_shown == Window(90, 30)
    state.set_window(Window(500, 50))
    assert grid.compare.left.window_shown == Window(500, 50)
    assert grid.compare.right.window_shown == Window(90, 30)


def test_disposing_leaves_no_render_window(qtbot: object, state: AppState) -> None:
    gc.collect()
    before = sum(isinstance(o, vtkRenderWindow) for o in gc.get_objects())
    made = ViewGrid(state)
    with qtbot.waitExposed(made):
        made.show()
    made.grab()
    made.dispose()
    made.close()
    made.deleteLater()
    del made
    gc.collect()
    assert sum(isinstance(o, vtkRenderWindow) for o in gc.get_objects()) <= before
