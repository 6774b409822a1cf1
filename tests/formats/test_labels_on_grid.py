"""A label map finds its image: exactly on the same lattice, by the nearest voxel otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import LabelError
from surgtwin.formats.labels_on_grid import labels_on_grid
from tests.conftest import all_orientations, make_oblique_grid, rotation


def labels_of(grid: Grid, values: np.ndarray) -> LabelMap:
    return LabelMap(grid, (values,), (structure_for(1, "liver"), structure_for(2, "spleen")))


def random_labels(grid: Grid) -> LabelMap:
    return labels_of(grid, np.random.default_rng(3).integers(0, 3, grid.shape).astype(np.uint8))


def reoriented(grid: Grid, direction: np.ndarray) -> Grid:
    """The same voxels with their axes permuted and flipped by a signed permutation matrix."""
    size = np.abs(direction.T) @ np.array(grid.size_ijk)
    start = direction @ ((size - 1) / 2)
    matrix = np.eye(4)
    matrix[:3, :3] = direction
    matrix[:3, 3] = (np.array(grid.size_ijk) - 1) / 2 - start
    ni, nj, nk = (round(float(n)) for n in size)
    return Grid((nk, nj, ni), grid.lps_from_ijk @ matrix)


def value_at(labels: LabelMap, lps_mm: np.ndarray) -> np.ndarray:
    i, j, k = np.rint(labels.grid.to_ijk(lps_mm)).astype(int).T
    return labels.layers[0][k, j, i]


@pytest.mark.parametrize("direction", all_orientations())
def test_48_orientations_of_one_lattice_are_exact(direction: np.ndarray) -> None:
    labels = random_labels(make_oblique_grid((4, 5, 6)))
    grid = reoriented(labels.grid, direction)
    moved, findings = labels_on_grid(labels, grid)
    k, j, i = (a.ravel() for a in np.indices(grid.shape))
    places = grid.to_lps(np.column_stack([i, j, k]))
    assert findings == ()
    assert moved.grid.is_same_space(grid)
    assert np.array_equal(moved.layers[0].ravel(), value_at(labels, places))


def test_the_same_grid_gives_the_same_labels(oblique_grid: Grid) -> None:
    labels = random_labels(oblique_grid)
    again = Grid(oblique_grid.shape, oblique_grid.lps_from_ijk.astype(np.float32).astype(float))
    assert labels_on_grid(labels, again) == (labels, ())


def test_a_crop_is_pasted_back_in_its_place(oblique_grid: Grid) -> None:
    whole = random_labels(oblique_grid)
    corner = np.eye(4)
    corner[:3, 3] = (3, 2, 4)
    crop = labels_of(
        Grid((6, 7, 8), oblique_grid.lps_from_ijk @ corner), np.ascontiguousarray(whole.layers[0][4:10, 2:9, 3:11])
    )
    back, findings = labels_on_grid(crop, oblique_grid)
    expected = np.zeros(oblique_grid.shape, np.uint8)
    expected[4:10, 2:9, 3:11] = crop.layers[0]
    assert findings == ()
    assert np.array_equal(back.layers[0], expected)
    cut, lost = labels_on_grid(whole, crop.grid)
    assert np.array_equal(cut.layers[0], crop.layers[0])
    assert lost[0].code == "labels-outside"
    assert lost[0].numbers["voxels"] == np.count_nonzero(whole.layers[0]) - np.count_nonzero(crop.layers[0])


def test_another_lattice_is_resampled_and_said() -> None:
    grid = make_oblique_grid((30, 32, 34))
    ball = np.linalg.norm(np.moveaxis(np.indices(grid.shape), 0, -1)[..., ::-1] * grid.spacing
                          - (np.array(grid.size_ijk) - 1) / 2 * grid.spacing, axis=-1) < 12  # fmt: skip
    labels = labels_of(grid, ball.astype(np.uint8))
    other = Grid.from_axes((60, 50, 50), grid.center() - 25, rotation((3, 4, 5)), (1.0, 1.0, 1.0))
    moved, findings = labels_on_grid(labels, other)
    assert [f.code for f in findings] == ["labels-resampled"]
    volume = np.count_nonzero(moved.layers[0]) * other.voxel_volume_ml
    assert volume == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.02)
    k, j, i = np.nonzero(moved.layers[0])
    assert np.allclose(other.to_lps(np.column_stack([i, j, k])).mean(axis=0), grid.center(), atol=0.1)


def test_labels_of_another_image_are_refused(oblique_grid: Grid) -> None:
    far = oblique_grid.lps_from_ijk.copy()
    far[:3, 3] += 5000
    with pytest.raises(LabelError, match="another image"):
        labels_on_grid(random_labels(oblique_grid), Grid(oblique_grid.shape, far))
