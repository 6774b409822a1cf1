"""The hash follows the image, not its container."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid

GRID = Grid.from_axes((3, 4, 5), (10.1, -20.2, 1300.3), np.eye(3), (0.7, 0.7, 2.5))
VALUES = np.arange(60, dtype=np.int16).reshape(3, 4, 5) - 30


@pytest.mark.parametrize("dtype", [">i2", np.int32, np.float32, np.float64])
def test_the_type_of_the_array_does_not_matter(dtype: str) -> None:
    assert content_sha256(GRID, VALUES.astype(dtype)) == content_sha256(GRID, VALUES)


def test_single_precision_geometry_gives_the_same_hash() -> None:
    single = Grid(GRID.shape, GRID.lps_from_ijk.astype(np.float32).astype(np.float64))
    assert content_sha256(single, VALUES) == content_sha256(GRID, VALUES)


def test_memory_layout_does_not_matter() -> None:
    assert content_sha256(GRID, np.asfortranarray(VALUES)) == content_sha256(GRID, VALUES)


def test_values_that_do_not_fit_int16_are_told_apart() -> None:
    large = VALUES.astype(np.int32) + 70_000
    assert content_sha256(GRID, large) == content_sha256(GRID, large.astype(np.float64))
    assert content_sha256(GRID, large) != content_sha256(GRID, VALUES)
    assert content_sha256(GRID, VALUES + 0.25) != content_sha256(GRID, VALUES)


def test_one_voxel_or_one_hundredth_millimetre_changes_the_hash() -> None:
    changed = VALUES.copy()
    changed[1, 2, 3] += 1
    moved = GRID.lps_from_ijk.copy()
    moved[0, 3] += 0.01
    images = ((GRID, VALUES), (GRID, changed), (Grid(GRID.shape, moved), VALUES))
    hashes = {content_sha256(grid, values) for grid, values in images}
    assert len(hashes) == 3
