"""Series written by `surgtwin.dicom.write` and read by SimpleITK and pydicom: same place, same values."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from surgtwin.dicom.write import SeriesOptions, write_series
from surgtwin.domain.geometry import Grid
from surgtwin.domain.patient import Patient
from surgtwin.domain.volume import Modality, SourceInfo, Volume, Window
from surgtwin.errors import DiskError, GeometryError, ImageError, InputError
from tests.conftest import all_orientations, make_oblique_grid, rotation

PLACE_MM = 1e-3
TRANSFER_SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG 2000 lossless": "1.2.840.10008.1.2.4.90",
    "JPEG-LS lossless": "1.2.840.10008.1.2.4.80",
}


def make_volume(grid: Grid, modality: Modality = Modality.CT, dtype: type = np.int16) -> Volume:
    values = np.random.default_rng(0).integers(-1000, 2000, grid.shape)
    values = values - values.min() if modality is Modality.MR else values
    source = SourceInfo("synthetic", "0" * 64, acquired_utc="2024-01-15T09:30:00Z")
    patient = Patient("T-1", name="Test^Case", birth_date="19700101", sex="F")
    return Volume(grid, values.astype(dtype), modality, source, patient, Window(400, 40))


def read_by_sitk(folder: Path) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def assert_same_image(image: SimpleITK.Image, volume: Volume) -> None:
    """Each voxel of the volume lies in the read image at the same place (LPS) with the same value."""
    grid = volume.grid
    assert sorted(image.GetSize()) == sorted(grid.size_ijk)
    matrix = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    array = SimpleITK.GetArrayFromImage(image)
    rng = np.random.default_rng(1)
    corners = [[i, j, k] for i in (0, -1) for j in (0, -1) for k in (0, -1)]
    for ijk in [*np.array(corners) % grid.size_ijk, *rng.integers(0, grid.size_ijk, (20, 3))]:
        place = grid.to_lps(ijk)
        other = np.linalg.solve(matrix, place - np.array(image.GetOrigin()))
        index = np.rint(other).astype(int)
        assert np.linalg.norm(matrix @ (other - index)) < PLACE_MM
        assert array[tuple(index[::-1])] == volume.values[tuple(ijk[::-1])]


@pytest.mark.parametrize("number", range(48))
def test_sitk_reads_every_orientation_at_the_same_place(number: int, tmp_path: Path) -> None:
    direction = all_orientations()[number]
    volume = make_volume(Grid.from_axes((4, 5, 6), (-31.5, 17.25, -240.0), direction, (0.9, 1.1, 2.5)))
    write_series(volume, tmp_path / "series")
    assert_same_image(read_by_sitk(tmp_path / "series"), volume)


@pytest.mark.parametrize("is_left_handed", [False, True])
def test_sitk_reads_an_oblique_series_at_the_same_place(is_left_handed: bool, tmp_path: Path) -> None:
    direction = rotation((23.0, -17.0, 31.0)) @ np.diag([1.0, 1.0, -1.0 if is_left_handed else 1.0])
    volume = make_volume(Grid.from_axes((7, 8, 9), (101.5, -77.25, 340.125), direction, (0.71, 1.13, 2.5)))
    assert volume.grid.is_right_handed != is_left_handed
    write_series(volume, tmp_path / "series")
    assert_same_image(read_by_sitk(tmp_path / "series"), volume)


def test_a_tilted_gantry_keeps_each_slice_in_its_place(tmp_path: Path) -> None:
    upright = make_oblique_grid((6, 7, 8))
    matrix = upright.lps_from_ijk.copy()
    matrix[:3, 2] += 0.6 * upright.direction[:, 1]
    volume = make_volume(Grid((6, 7, 8), matrix))
    for k, path in enumerate(write_series(volume, tmp_path / "series")):
        ds = pydicom.dcmread(path)
        assert np.allclose(ds.ImagePositionPatient, volume.grid.to_lps([0, 0, k]), atol=PLACE_MM)
        assert float(ds.SliceThickness) == pytest.approx(2.5)


@pytest.mark.parametrize("name", TRANSFER_SYNTAXES)
def test_values_survive_every_transfer_syntax(name: str, tmp_path: Path) -> None:
    volume = make_volume(make_oblique_grid((2, 66, 72)))
    options = SeriesOptions(transfer_syntax=TRANSFER_SYNTAXES[name])
    for k, path in enumerate(write_series(volume, tmp_path / "series", options=options)):
        ds = pydicom.dcmread(path)
        assert ds.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[name]
        assert np.array_equal(ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept, volume.values[k])


@pytest.mark.parametrize("low, high", [(-1024, 3071), (-32768, 32767), (-5000, 100), (0, 65535), (40000, 41000)])
def test_whole_numbers_are_stored_exactly(low: int, high: int, tmp_path: Path) -> None:
    volume = make_volume(make_oblique_grid((2, 4, 5)))
    values = np.random.default_rng(3).integers(low, high, volume.values.shape, endpoint=True, dtype=np.int32)
    values[0, 0, :2] = low, high
    paths = write_series(replace(volume, values=values), tmp_path / "series")
    for k, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        assert np.array_equal(ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept, values[k])


def test_fractions_are_rounded_to_the_stated_step(tmp_path: Path) -> None:
    volume = make_volume(make_oblique_grid((3, 8, 9)))
    values = np.random.default_rng(4).normal(0.3, 1e-3, volume.values.shape).astype(np.float32)
    paths = write_series(replace(volume, values=values), tmp_path / "series")
    step = np.ptp(values) / 65535
    for k, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        read = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        assert np.abs(read - values[k]).max() < 0.51 * step


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    volume, options = make_volume(make_oblique_grid((2, 5, 6))), SeriesOptions(uid_seed="a")
    first = write_series(volume, tmp_path / "a", options=options)
    again = write_series(volume, tmp_path / "b", options=options)
    other = write_series(volume, tmp_path / "c", options=SeriesOptions(uid_seed="b"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    assert pydicom.dcmread(first[0]).SeriesInstanceUID != pydicom.dcmread(other[0]).SeriesInstanceUID
    assert len({pydicom.dcmread(p).SOPInstanceUID for p in (*first, *other)}) == 4


@pytest.mark.parametrize("modality", [Modality.CT, Modality.MR])
@pytest.mark.parametrize("is_anonymous", [False, True])
def test_an_independent_validator_finds_no_error(modality: Modality, is_anonymous: bool, tmp_path: Path) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    volume = make_volume(make_oblique_grid((2, 8, 9)), modality)
    patient = Patient() if is_anonymous else None
    path = write_series(volume, tmp_path / "series", patient=patient, description="Test")[0]
    report = subprocess.run([validator, str(path)], capture_output=True, text=True, timeout=30)
    assert "Error" not in report.stderr + report.stdout, report.stderr


def test_rows_and_columns_that_are_not_perpendicular_are_refused(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, 1] = (0.2, 1.0, 0.0)
    with pytest.raises(GeometryError, match="90"):
        write_series(make_volume(Grid((2, 3, 4), matrix)), tmp_path / "series")


def test_a_folder_that_holds_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_series(make_volume(make_oblique_grid((2, 3, 4))), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


def test_a_failure_on_the_way_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.dataset.Dataset, "save_as", full)
    with pytest.raises(DiskError, match="No space"):
        write_series(make_volume(make_oblique_grid((2, 3, 4))), tmp_path / "series")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_transfer_syntax_is_refused(tmp_path: Path) -> None:
    options = SeriesOptions(transfer_syntax="1.2.3.4")
    with pytest.raises(ImageError, match="transfer syntax"):
        write_series(make_volume(make_oblique_grid((2, 3, 4))), tmp_path / "series", options=options)


def test_an_image_of_no_known_modality_is_refused(tmp_path: Path) -> None:
    volume = replace(make_volume(make_oblique_grid((2, 3, 4))), modality=Modality.OTHER)
    with pytest.raises(ImageError, match="CT and MR"):
        write_series(volume, tmp_path / "series")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    volume = make_volume(make_oblique_grid((2, 3, 4)))
    with pytest.raises(ImageError, match="finite"):
        write_series(replace(volume, values=np.full((2, 3, 4), np.nan, np.float32)), tmp_path / "series")
