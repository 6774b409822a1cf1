"""Values within a sphere, on an oblique, anisotropic grid."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.imaging.roi import roi_statistics


def ramp(grid: Grid) -> Volume:
    """Values that rise along the patient's x: the mean of a ball is the value at its centre."""
    k, j, i = np.indices(grid.shape)
    x = grid.to_lps(np.stack([i, j, k], axis=-1))[..., 0]
    return Volume(grid, x.astype(np.float32), Modality.OTHER, SourceInfo("synthetic", "0" * 64))


def test_a_ball_holds_the_voxels_whose_centres_it_holds(oblique_grid: Grid) -> None:
    volume = ramp(oblique_grid)
    x, y, z = oblique_grid.center()
    found = roi_statistics(volume, (x, y, z), 8.0)
    k, j, i = np.indices(oblique_grid.shape)
    places = oblique_grid.to_lps(np.stack([i, j, k], axis=-1))
    inside = volume.values[np.linalg.norm(places - (x, y, z), axis=-1) <= 8.0]
    assert found.voxels == inside.size > 100
    assert found.mean == pytest.approx(float(inside.mean(dtype=np.float64)))
    assert found.deviation == pytest.approx(float(inside.std(dtype=np.float64)))
    assert (found.minimum, found.maximum) == (float(inside.min()), float(inside.max()))


def test_a_ball_outside_the_image_holds_nothing(oblique_grid: Grid) -> None:
    found = roi_statistics(ramp(oblique_grid), (5000.0, 0.0, 0.0), 8.0)
    assert found.voxels == 0
    assert found.mean is None


def test_a_moved_image_is_read_where_it_lies_in_the_twin(oblique_grid: Grid) -> None:
    moved = np.eye(4)
    moved[:3, 3] = (100.0, -50.0, 25.0)
    x, y, z = oblique_grid.center()
    still = roi_statistics(ramp(oblique_grid), (x, y, z), 6.0)
    there = roi_statistics(ramp(oblique_grid), (x + 100.0, y - 50.0, z + 25.0), 6.0, moved)
    assert there == still
