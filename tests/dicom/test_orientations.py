"""Place and values of a series against SimpleITK's reading, in every orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from surgtwin.dicom.load import load
from surgtwin.dicom.scan import scan
from surgtwin.domain.geometry import SAME_POSITION_MM, Grid
from tests.conftest import all_orientations, rotation
from tests.dicom.series_writer import ct_values, write_series

SHAPE = (5, 7, 9)
SPACING = (0.8, 1.3, 2.5)


def read_by_simpleitk(folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def assert_same_image(folder: Path) -> None:
    """Every voxel centre that SimpleITK states holds the same value within a thousandth of a millimetre."""
    volume = load(scan(folder).series[0])
    image = read_by_simpleitk(folder)
    ours = volume.values
    assert np.array_equal(ours, sitk.GetArrayFromImage(image))
    size = image.GetSize()
    for corner in [(0, 0, 0), (size[0] - 1, 0, 0), (0, size[1] - 1, 0), (0, 0, size[2] - 1), (2, 3, 4)]:
        theirs = image.TransformIndexToPhysicalPoint(corner)
        assert np.abs(volume.grid.to_lps(corner) - theirs).max() < SAME_POSITION_MM


@pytest.mark.parametrize("number", range(48))
def test_values_lie_where_simpleitk_puts_them_in_every_orientation(tmp_path: Path, number: int) -> None:
    grid = Grid.from_axes(SHAPE, (-31.5, 17.25, -240.0), all_orientations()[number], SPACING)
    values = ct_values(SHAPE)
    write_series(tmp_path, grid, values)
    assert_same_image(tmp_path)
    volume = load(scan(tmp_path).series[0])
    # Through the grids: the value written at a place is the value found there, whatever order the axes are kept in.
    everywhere = np.indices(SHAPE).reshape(3, -1)[::-1].T
    there = np.rint(volume.grid.to_ijk(grid.to_lps(everywhere))).astype(int)
    found = volume.values[there[:, 2], there[:, 1], there[:, 0]]
    assert np.array_equal(found, values[everywhere[:, 2], everywhere[:, 1], everywhere[:, 0]])
    assert volume.grid.is_right_handed


@pytest.mark.parametrize("degrees", [(12.0, -7.0, 20.0), (-35.0, 10.0, 5.0), (0.5, 0.3, -0.7)])
def test_an_oblique_series_lies_where_simpleitk_puts_it(tmp_path: Path, degrees: tuple[float, float, float]) -> None:
    grid = Grid.from_axes(SHAPE, (-31.5, 17.25, -240.0), rotation(degrees), SPACING)
    write_series(tmp_path, grid, ct_values(SHAPE))
    assert_same_image(tmp_path)


def test_spacing_comes_from_positions_and_not_from_slice_thickness(tmp_path: Path, oblique_grid: Grid) -> None:
    values = ct_values(oblique_grid.shape)

    def lie(ds, k):  # type: ignore[no-untyped-def]
        ds.SliceThickness = "17"
        ds.SpacingBetweenSlices = "-3"

    write_series(tmp_path, oblique_grid, values, change=lie)
    volume = load(scan(tmp_path).series[0])
    assert volume.grid.spacing == pytest.approx(oblique_grid.spacing, abs=1e-6)
    assert volume.grid.is_same_space(oblique_grid)
    assert np.array_equal(volume.values, values)


@pytest.mark.parametrize("name", ["ct_abdomen_pelvis", "ct_lung_bases", "mr_liver_coronal"])
def test_real_series_agree_with_simpleitk(real_data: Path, name: str) -> None:
    folder = real_data / "dicom" / name
    volume = load(scan(folder).series[0])
    image = read_by_simpleitk(folder)
    theirs = sitk.GetArrayFromImage(image)
    padded = sum(f.numbers["pixels"] for f in volume.findings if f.code == "padding-to-air")
    assert np.count_nonzero(volume.values != theirs) == padded
    last = tuple(n - 1 for n in image.GetSize())
    assert np.abs(volume.grid.to_lps(last) - image.TransformIndexToPhysicalPoint(last)).max() < SAME_POSITION_MM
