"""Pictures of slices: brightness, overlay, side."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Window
from ui.render.appearance import Look, default_looks
from ui.render.blend import grey, outline
from ui.render.slice_source import SliceSource, SliceStyle
from ui.render.slices import View, fitted_frame

WIDE = Window(400, 40)


def picture(
    twin: Twin, view: View, name: str, style: SliceStyle | None = None, looks: dict[str, Look] | None = None
) -> np.ndarray:
    source = SliceSource.of_twin(twin)
    centre = twin.mesh(name).vertices_mm.mean(axis=0)
    frame = fitted_frame(source.stack(view), centre, (160, 120))
    return source.picture(frame, style or SliceStyle(WIDE), looks or default_looks(twin.labels))


@pytest.mark.parametrize(
    ("view", "half"),
    [
        (View.AXIAL, np.s_[:, :80]),
        (View.AXIAL, np.s_[:60]),
        (View.CORONAL, np.s_[:, :80]),
        (View.CORONAL, np.s_[:60]),
        (View.SAGITTAL, np.s_[:, :80]),
        (View.SAGITTAL, np.s_[:60]),
    ],
)
def test_the_liver_of_the_right_front_top_lies_there_on_the_screen(
    sphere_twin: Twin, share_of: Callable[..., np.ndarray], view: View, half: object
) -> None:
    red = share_of(picture(sphere_twin, view, "liver"), "red")
    assert red.sum() > 100
    assert red[half].sum() > 0.95 * red.sum()


def test_the_overlay_mixes_the_structures_colour_into_the_grey(sphere_twin: Twin) -> None:
    window = Window(400, 120)
    plain = picture(sphere_twin, View.AXIAL, "liver", SliceStyle(window, label_opacity=0.0))
    mixed = picture(sphere_twin, View.AXIAL, "liver", SliceStyle(window, label_opacity=0.5, contour=False))
    inside = np.all(plain == 128, axis=-1) & (mixed[..., 0] > mixed[..., 1])
    assert inside.sum() > 100
    assert np.median(mixed[inside], axis=0).tolist() == [192, 64, 64]


def test_only_what_is_visible_is_laid_over(sphere_twin: Twin, share_of: Callable[..., np.ndarray]) -> None:
    looks = default_looks(sphere_twin.labels) | {"liver": Look(False, (255, 0, 0))}
    assert not share_of(picture(sphere_twin, View.AXIAL, "liver", looks=looks), "red").any()


def test_a_contour_is_drawn_stronger_than_the_fill(sphere_twin: Twin) -> None:
    faint = picture(sphere_twin, View.AXIAL, "liver", SliceStyle(WIDE, label_opacity=0.1, contour=True))
    assert (faint[..., 0].astype(int) - faint[..., 1] > 150).sum() > 20


def test_a_window_maps_its_ends_to_black_and_white() -> None:
    values = np.array([[-160, 40, 240, -2000, 2000]], dtype=np.int16)
    assert grey(values, Window(400, 40)).tolist() == [[0, 128, 255, 0, 255]]


def test_values_that_are_no_numbers_are_black() -> None:
    assert grey(np.array([[np.nan, 1.0]], dtype=np.float32), Window(1.0, 0.5)).tolist() == [[0, 255]]


def test_an_outline_lies_on_the_labelled_side() -> None:
    labels = np.zeros((5, 5), dtype=np.uint8)
    labels[1:4, 1:4] = 3
    expected = labels > 0
    expected[2, 2] = False
    assert np.array_equal(outline(labels), expected)


@pytest.fixture(autouse=True)
def _no_vtk_messages(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert "ERR|" not in capfd.readouterr().err
