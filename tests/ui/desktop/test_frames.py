"""Places are of the twin's frame everywhere, also where an image shown lies in a frame of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid, transform_points
from surgtwin.domain.measurement import MeasurementKind
from surgtwin.domain.twin import Twin, TwinImage
from ui.desktop.places import place_inside
from ui.desktop.probe import probe
from ui.desktop.state import AppState
from ui.render.scene import meshes_in_twin, middle_of_organs

pytestmark = pytest.mark.desktop
TURN = np.radians(25.0)
TWIN_FROM_MR = np.array(
    [
        [np.cos(TURN), 0, np.sin(TURN), 40.0],
        [0, 1, 0, -25.0],
        [-np.sin(TURN), 0, np.cos(TURN), 310.0],
        [0, 0, 0, 1],
    ]
)


@pytest.fixture(scope="module")
def two_images(twin: Twin) -> Twin:
    """The CT, and the same anatomy as an MR in a frame that is turned and shifted."""
    ct = twin.primary
    grid = Grid(ct.grid.shape, np.linalg.inv(TWIN_FROM_MR) @ ct.grid.lps_from_ijk)
    mr = TwinImage("image-2", "mr", replace(ct, grid=grid, values=ct.values + 1000), TWIN_FROM_MR)
    return replace(twin, images=(*twin.images, mr))


@pytest.fixture
def state(qapp: object, two_images: Twin) -> AppState:
    made = AppState()
    made.open_twin(two_images)
    return made


def inside(twin: Twin, name: str) -> tuple[float, float, float]:
    place = place_inside(twin.labels, name)
    assert place is not None
    return tuple(float(v) for v in place)


def test_the_cross_hair_stays_at_its_place_when_the_other_image_is_shown(state: AppState, two_images: Twin) -> None:
    place = inside(two_images, "spleen")
    state.set_cursor(place)
    state.set_image("image-2")
    assert np.allclose(state.cursor_mm, place, atol=1e-6)
    state.set_cursor(inside(two_images, "aorta"))
    assert np.allclose(state.cursor_mm, inside(two_images, "aorta"), atol=1e-6)


def test_the_cross_hair_is_kept_inside_the_image_that_is_shown(state: AppState) -> None:
    state.set_image("image-2")
    state.set_cursor((1e5, -1e5, 1e5))
    assert state.grid is not None
    ijk = state.grid.to_ijk(state.cursor_mm)
    assert (ijk > -1e-6).all()
    assert (ijk < np.array(state.grid.size_ijk) - 1 + 1e-6).all()


def test_the_probe_reads_the_same_voxel_and_structures_in_both_images(two_images: Twin) -> None:
    place = inside(two_images, "left kidney")
    first, second = (probe(i.volume, two_images, place, i.image_id) for i in two_images.images)
    assert first is not None
    assert second is not None
    assert first.ijk == second.ijk
    assert second.value == first.value + 1000
    assert first.structures == second.structures
    assert "left kidney" in first.structures
    assert first.lps_mm == second.lps_mm == place


def test_a_view_of_the_other_image_shows_the_cross_hair_where_the_probe_reads(
    make_window: Any, two_images: Twin, qtbot: Any
) -> None:
    from ui.desktop.main_window import make_view_grid

    window = make_window(make_views=make_view_grid)
    window.state.open_twin(two_images)
    window.state.set_image("image-2")
    window.commands.go_to_structure("right kidney")
    axial = window.views.slices["axial"]
    point = axial.point_at(axial.place_of(window.state.cursor_mm))
    reading = probe(window.state.volume, two_images, point, "image-2")
    assert reading is not None
    assert "right kidney" in reading.structures


def test_a_kept_measurement_is_found_again_on_its_own_image(make_window: Any, two_images: Twin) -> None:
    window = make_window()
    window.state.open_twin(two_images)
    window.state.set_image("image-2")
    a, b = inside(two_images, "spleen"), inside(two_images, "left kidney")
    window.state.measure(MeasurementKind.DISTANCE, (a, b))
    window.state.set_image("image-1")
    window.measurements.list.itemClicked.emit(window.measurements.list.item(0))
    assert window.state.image.image_id == "image-2"
    assert np.allclose(window.state.cursor_mm, np.mean([a, b], axis=0), atol=1e-6)


def test_surfaces_segmented_on_the_other_image_are_drawn_in_the_frame_of_the_twin(two_images: Twin) -> None:
    back = np.linalg.inv(TWIN_FROM_MR)
    labels = replace(two_images.labels, grid=two_images.image("image-2").volume.grid)
    meshes = tuple(replace(m, vertices_mm=transform_points(back, m.vertices_mm)) for m in two_images.meshes)
    on_mr = replace(two_images, labels=labels, labels_on="image-2", meshes=meshes)
    for before, after in zip(two_images.meshes, meshes_in_twin(on_mr), strict=True):
        assert np.allclose(before.vertices_mm, after.vertices_mm, atol=1e-6)
    assert np.allclose(middle_of_organs(on_mr), middle_of_organs(two_images), atol=1e-6)


def test_the_cross_hair_starts_in_the_middle_of_the_organs_not_of_the_image(state: AppState, two_images: Twin) -> None:
    organs = ("liver", "spleen", "right kidney", "left kidney", "aorta")
    weights = [two_images.labels.volume_ml(two_images.labels.structure(n)) for n in organs]
    expected = np.average([two_images.mesh(n).vertices_mm.mean(axis=0) for n in organs], axis=0, weights=weights)
    assert np.allclose(state.cursor_mm, expected, atol=1e-6)
    assert np.linalg.norm(expected - two_images.primary.grid.center()) > 10


def test_the_cross_hair_goes_to_the_organs_when_they_arrive_unless_it_was_moved(twin: Twin) -> None:
    state = AppState()
    state.show_volume(twin.primary)
    state.open_twin(twin)
    assert np.allclose(state.cursor_mm, middle_of_organs(twin), atol=1e-6)
    state.show_volume(twin.primary)
    state.set_cursor(inside(twin, "spleen"))
    state.open_twin(twin)
    assert np.allclose(state.cursor_mm, inside(twin, "spleen"), atol=1e-6)


def test_the_place_inside_a_bent_structure_lies_in_it(twin: Twin) -> None:
    for structure in twin.structures:
        place = place_inside(twin.labels, structure.name)
        i, j, k = np.round(twin.labels.grid.to_ijk(place)).astype(int)
        assert twin.labels.layers[structure.layer][k, j, i] == structure.label
