from __future__ import annotations

import io
from itertools import permutations, product

import numpy as np
import pytest
from PIL import Image

from segmentation.evaluate import label_boxes, union_box
from segmentation.score_pictures import (
    ABSENT,
    FOUND,
    REFERENCE,
    REFERENCE_FILL,
    ContourSlice,
    LabelPair,
    draw_contours,
    worst_slice,
)
from surgtwin.domain.geometry import Grid
from tests.conftest import make_oblique_grid

TARGET, OTHER = 3, 7


def balls(grid: Grid, left: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """Found to the left (in mm) and to the front of the reference; another organ far at the patient's right."""
    k, j, i = np.indices(grid.shape)
    lps = grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center()
    reference = np.zeros(grid.shape, np.uint8)
    found = np.zeros(grid.shape, np.uint8)
    reference[np.linalg.norm(lps - (-3, 3, 0), axis=-1) < 7] = TARGET
    reference[np.linalg.norm(lps - (-18, 0, 0), axis=-1) < 5] = OTHER
    found[np.linalg.norm(lps - (left - 3, -4, 0), axis=-1) < 7] = TARGET
    return found, reference


def view_of(found: np.ndarray, reference: np.ndarray, grid: Grid) -> ContourSlice:
    pair = LabelPair(found, TARGET, reference, TARGET)
    return worst_slice(pair, grid, union_box(label_boxes(found).get(TARGET), label_boxes(reference).get(TARGET)))


def middle_mm(mask: np.ndarray, pixel_mm: tuple[float, float]) -> np.ndarray:
    """(down, right) of the mask's middle."""
    return np.argwhere(mask).mean(axis=0) * pixel_mm


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_left_of_the_patient_is_at_the_right_however_the_image_is_stored(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    spacing = np.array([1.1, 0.9, 2.5])
    matrix = np.eye(4)
    matrix[:3, :3] = (np.diag(spacing) * signs)[:, order]
    matrix[:3, 3] = (40, -20, 300)
    sizes = np.array([52, 44, 16])[list(order)]
    grid = Grid(tuple(int(n) for n in sizes[::-1]), matrix)
    view = view_of(*balls(grid), grid)
    assert view.sides == ("R", "L", "A", "P") and view.place.startswith("axial")
    assert view.pixel_mm == pytest.approx((0.9, 1.1))
    offset = middle_mm(view.found, view.pixel_mm) - middle_mm(view.reference, view.pixel_mm)
    assert offset == pytest.approx((-7, 8), abs=0.4), "found lies to the front (up) and to the patient's left (right)"
    other = middle_mm(view.others == OTHER, view.pixel_mm) - middle_mm(view.reference, view.pixel_mm)
    assert other[1] == pytest.approx(-15, abs=0.5), "the other organ lies at the patient's right"


@pytest.mark.parametrize(
    ("coarse", "sides", "left", "right"),
    [(1, ("R", "L", "S", "I"), 8.0, 8.0), (0, ("A", "P", "S", "I"), 2.0, -7.0)],
    ids=["coronal", "sagittal"],
)
def test_the_coarsest_axis_gives_the_plane(
    coarse: int, sides: tuple[str, str, str, str], left: float, right: float
) -> None:
    spacing = np.ones(3)
    spacing[coarse] = 3.0
    sizes = np.round(50 / spacing).astype(int)
    grid = Grid(tuple(int(n) for n in sizes[::-1]), np.diag([*spacing, 1.0]))
    view = view_of(*balls(grid, left), grid)
    assert view.sides == sides and view.place.startswith(("coronal", "sagittal")[1 - coarse])
    offset = middle_mm(view.found, view.pixel_mm) - middle_mm(view.reference, view.pixel_mm)
    assert offset == pytest.approx((0.0, right), abs=0.6)


def test_an_oblique_image_names_the_nearest_sides() -> None:
    grid = make_oblique_grid((24, 40, 44))
    view = view_of(*balls(grid), grid)
    assert [side[0] for side in view.sides] == ["R", "L", "A", "P"]


def test_the_slice_with_most_disagreement_is_taken() -> None:
    reference = np.zeros((9, 20, 20), np.uint8)
    reference[1:8, 5:15, 5:15] = TARGET
    found = reference.copy()
    found[6, 5:12] = 0
    grid = Grid(reference.shape, np.diag([1.0, 1.0, 3.0, 1.0]))
    view = view_of(found, reference, grid)
    assert view.place == "axial, k 6" and (view.reference & ~view.found).sum() == 70


def test_a_missed_structure_has_a_picture_too() -> None:
    grid = make_oblique_grid((24, 40, 44))
    found, reference = balls(grid)
    pair = LabelPair(found, ABSENT, reference, TARGET)
    view = worst_slice(pair, grid, label_boxes(reference)[TARGET])
    assert not view.found.any() and view.reference.any()


def colour_places(picture: bytes, colour: tuple[int, int, int], within: int = 40) -> np.ndarray:
    with Image.open(io.BytesIO(picture)) as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(int)
    return np.argwhere(np.abs(pixels - colour).max(axis=-1) < within)


def test_a_drawing_has_its_outlines_where_the_masks_are_and_its_bar_as_long_as_it_says() -> None:
    found, reference = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    reference[10:40, 10:30] = True
    reference[20:30, 15:25] = False
    found[10:40, 50:70] = True
    view = ContourSlice(found, reference, np.zeros((60, 80), np.uint8), (1.0, 1.0), ("R", "L", "A", "P"), "axial, k 0")
    picture = draw_contours(view, "liver <b>")
    drawing = slice(26, 26 + 180)
    rows, columns = colour_places(picture, FOUND).T
    inside = (rows > drawing.start) & (rows < drawing.stop)
    assert np.ptp(columns[inside]) == pytest.approx(60, abs=4) and np.ptp(rows[inside]) == pytest.approx(90, abs=4)
    blue = colour_places(picture, REFERENCE)
    assert blue[blue[:, 0] < drawing.stop][:, 1].max() < columns[inside].min()
    fill = colour_places(picture, REFERENCE_FILL, within=8)
    middle = (26 + 25 * 3, 24 + 20 * 3)
    assert np.abs(fill - middle).max(axis=1).min() > 10, "the hole is left open"
    dark = colour_places(picture, (40, 40, 46))
    bar = dark[(dark[:, 0] > 215) & (dark[:, 1] > 100)]
    longest = max(np.bincount(bar[:, 0]))
    assert longest >= 60, "20 mm at 3 pixels a millimetre"
    assert len(picture) < 20_000
