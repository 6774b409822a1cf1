"""Pictures of two images on one another, arrows of a motion, and what differs between revisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from surgtwin.domain.displacement import DisplacementField
from surgtwin.domain.geometry import Grid
from surgtwin.domain.registration import Registration
from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.errors import TwinError
from surgtwin.live.update import shown_by
from ui.desktop.live.arrows import LEAST_MM, arrow_places, arrows_actors
from ui.desktop.live.overlay import LaidImages, Look, checkerboard, difference
from ui.desktop.live.revision_changes import NOT_THERE, changes_between
from ui.render.slices import View

SHIFT_MM = np.array([10.0, 0.0, 0.0])


def shifted(twin: Twin, image_id: str = "image-2") -> Twin:
    """The twin with an image in which everything lies ten millimetres further to the patient's left."""
    base = shown_by(twin)
    moved = np.array(base.grid.lps_from_ijk)
    moved[:3, 3] += SHIFT_MM
    arrived = TwinImage("image-2", "intra-op", replace(base, grid=Grid(base.grid.shape, moved)))
    coarse = Grid((2, 2, 2), base.grid.lps_from_ijk @ np.diag([*(np.array(base.grid.size_ijk) - 1.0), 1.0]))
    field = DisplacementField(coarse, np.broadcast_to(SHIFT_MM, (2, 2, 2, 3)).astype(np.float32))
    registration = Registration(image_id, 1, "known", 1.0, 0.0, field)
    return replace(twin, images=(*twin.images, arrived), registration=registration)


@pytest.mark.parametrize("view", list(View))
def test_a_known_shift_leaves_no_difference_once_carried(twin: Twin, view: View) -> None:
    images = LaidImages(twin, shifted(twin))
    laid = images.slice_of(view, images.count(view) // 2, (160, 120))
    before = np.abs(laid.arrived.astype(int) - laid.before)[laid.known_before]
    after = np.abs(laid.arrived.astype(int) - laid.after)[laid.known_after]
    # Values are taken at the same places of the same voxels: only rounding to grey remains.
    assert after.max() <= 2
    assert before.mean() > 5
    assert not laid.picture(Look.DIFFERENCE, is_after=True).max() > 8
    assert laid.picture(Look.DIFFERENCE, is_after=False).max() > 100


def test_a_checkerboard_shows_each_image_on_half_of_the_fields(twin: Twin) -> None:
    images = LaidImages(twin, shifted(twin))
    laid = images.slice_of(View.AXIAL, images.count(View.AXIAL) // 2, (160, 120))
    picture, fields = laid.picture(Look.CHECKERBOARD, is_after=False), checkerboard((120, 160))
    assert 0.4 < fields.mean() < 0.6
    assert np.array_equal(picture[fields][:, 0], laid.arrived[fields])
    assert np.array_equal(picture[~fields][:, 0], laid.before[~fields])
    assert np.array_equal(laid.picture(Look.ARRIVED, is_after=True)[..., 1], laid.arrived)
    assert np.array_equal(laid.picture(Look.BASE, is_after=True)[..., 1], laid.after)


def test_a_difference_is_warm_where_the_arrived_image_is_brighter() -> None:
    base, arrived = np.array([[100, 200, 50]], np.uint8), np.array([[200, 100, 50]], np.uint8)
    picture = difference(base, arrived, np.array([[True, True, True]]))
    assert picture[0, 0, 0] > picture[0, 0, 2]
    assert picture[0, 1, 2] > picture[0, 1, 0]
    assert picture[0, 2].max() == 0
    assert difference(base, arrived, np.zeros((1, 3), bool)).max() == 0


def test_a_revision_that_points_carried_has_no_image_to_show(twin: Twin) -> None:
    with pytest.raises(TwinError, match="Points on a surface"):
        LaidImages(twin, shifted(twin, image_id=""))


def test_arrows_have_the_true_length_on_what_is_shown(twin: Twin) -> None:
    registration = shifted(twin).registration
    assert registration is not None
    places, vectors = arrow_places(twin.meshes, registration, frozenset({"liver"}))
    assert len(places) > 50
    assert np.allclose(vectors, SHIFT_MM, atol=1e-4)
    liver = twin.mesh("liver")
    assert liver is not None
    low, high = liver.vertices_mm.min(axis=0), liver.vertices_mm.max(axis=0)
    assert np.all((places >= low) & (places <= high))
    assert len(arrow_places(twin.meshes, registration, frozenset())[0]) == 0
    shafts, _ = arrows_actors(places, vectors)
    bounds = shafts.GetMapper().GetInput().GetBounds()
    assert bounds[1] >= places[:, 0].max() + SHIFT_MM[0] > places[:, 0].max() + LEAST_MM


def test_what_differs_between_revisions_is_told(twin: Twin, make_other_twin: Any) -> None:
    other = make_other_twin(without=("spleen",))
    rows = {c.about: c for c in changes_between(twin, other, (None, None))}
    assert (rows["spleen"].first != NOT_THERE, rows["spleen"].second) == (True, NOT_THERE)
    assert changes_between(twin, twin, (None, None)) == []


def test_a_structure_that_moved_is_told_by_how_far(twin: Twin) -> None:
    meshes = tuple(
        replace(m, vertices_mm=m.vertices_mm + SHIFT_MM) if m.name == "liver tumour" else m for m in twin.meshes
    )
    (change,) = changes_between(twin, replace(twin, meshes=meshes), (None, None))
    assert (change.about, change.difference) == ("liver tumour", "its middle moved 10.0 mm")
