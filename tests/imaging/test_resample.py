"""Moved images keep every point's value; exact moves keep every voxel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import DicomSource, Modality, SourceInfo, Volume
from surgtwin.errors import ImageError
from surgtwin.imaging.resample import crop, reorient, resample_labels, resample_volume
from tests.conftest import all_orientations, make_oblique_grid, rotation

SLOPE = np.array([0.7, -1.3, 0.4])


def lps_of_voxels(grid: Grid) -> np.ndarray:
    """(k, j, i, 3) LPS mm of every voxel."""
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def ramp(grid: Grid, dtype: type = np.float32) -> Volume:
    """An image that is linear in space: linear interpolation must give it back exactly."""
    dicom = DicomSource("1.2", "1.3", "1.4", ("1.5",))
    return Volume(grid, (lps_of_voxels(grid) @ SLOPE).astype(dtype), Modality.CT, SourceInfo("dicom", "", dicom=dicom))


@pytest.mark.parametrize("order", [1, 3])
def test_a_linear_image_is_the_same_at_every_point(order: int) -> None:
    volume = ramp(make_oblique_grid((30, 34, 38)))
    target = Grid.from_axes((9, 10, 11), volume.grid.center() - 6, rotation((30, 40, 50)), (1.1, 1.3, 0.9))
    moved = resample_volume(volume, target, order=order)
    assert np.allclose(moved.values, lps_of_voxels(target) @ SLOPE, atol=0.05 if order == 3 else 1e-3)
    assert moved.source.dicom is not None
    assert not moved.source.dicom.is_on_grid


def test_whole_numbers_are_rounded_and_the_outside_is_the_lowest_value() -> None:
    volume = ramp(make_oblique_grid((12, 14, 16)), np.int16)
    shifted = volume.grid.lps_from_ijk.copy()
    shifted[:3, 3] += volume.grid.direction[:, 0] * 8 * volume.grid.spacing[0]
    moved = resample_volume(volume, Grid(volume.grid.shape, shifted))
    assert moved.values.dtype == np.int16
    assert np.array_equal(moved.values[:, :, :8], volume.values[:, :, 8:])
    assert np.all(moved.values[:, :, -3:] == volume.values.min())


@pytest.mark.parametrize("direction", all_orientations())
def test_reorienting_moves_no_value_in_space(direction: np.ndarray) -> None:
    grid = Grid.from_axes((4, 5, 6), (-31.5, 17.25, -240.0), rotation((8, -5, 13)) @ direction, (0.9, 1.1, 2.5))
    volume = ramp(grid)
    for codes in ("LPS", "RAS", "SAR", "PIL"):
        moved = reorient(volume, codes)
        assert moved.grid.axis_codes == codes
        assert np.allclose(moved.values, lps_of_voxels(moved.grid) @ SLOPE, atol=1e-3)
        assert sorted(moved.values.ravel()) == sorted(volume.values.ravel())


def test_an_image_as_wanted_stays_itself() -> None:
    volume = ramp(make_oblique_grid((4, 5, 6)))
    assert reorient(volume, volume.grid.axis_codes) is volume


@pytest.mark.parametrize("codes", ["", "LP", "LLS", "LRS", "XYZ", "LPSA"])
def test_sides_that_make_no_frame_are_refused(codes: str) -> None:
    with pytest.raises(ImageError, match="three sides"):
        reorient(ramp(make_oblique_grid((4, 5, 6))), codes)


def test_a_crop_stays_in_its_place() -> None:
    volume = ramp(make_oblique_grid((8, 9, 10)))
    part = crop(volume, (2, 3, 1), (9, 8, 4))
    assert part.values.shape == (3, 5, 7)
    assert np.allclose(part.values, lps_of_voxels(part.grid) @ SLOPE, atol=1e-3)
    assert part.source.content_sha256 != volume.source.content_sha256
    with pytest.raises(ImageError, match="no part"):
        crop(volume, (2, 3, 1), (2, 8, 4))


def test_labels_take_the_nearest_voxel_and_keep_their_values() -> None:
    grid = make_oblique_grid((10, 12, 14))
    values = np.random.default_rng(0).choice([0, 4, 900], grid.shape).astype(np.uint16)
    labels = LabelMap(grid, (values,), (structure_for(4, "liver"), structure_for(900, "spleen")))
    fine = Grid((20, 24, 28), grid.lps_from_ijk @ np.diag([0.5, 0.5, 0.5, 1.0]))
    moved = resample_labels(labels, fine)
    assert set(np.unique(moved.layers[0])) <= {0, 4, 900}
    assert np.array_equal(moved.layers[0][::2, ::2, ::2], values)
    assert moved.structures == labels.structures


def test_the_window_and_the_findings_stay() -> None:
    volume = replace(ramp(make_oblique_grid((4, 5, 6))), findings=())
    assert reorient(volume, "RAS").window == volume.window
