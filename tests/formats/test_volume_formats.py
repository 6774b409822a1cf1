"""Images written by other libraries come back at the same place, with the same values."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk

from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality
from surgtwin.formats.registry import is_supported_image, read_volume
from tests.conftest import all_orientations, make_oblique_grid, rotation

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SAME_MM = 1e-3


def ct_values(shape: tuple[int, int, int]) -> np.ndarray:
    """Different in every voxel, with air and bone in it."""
    return (np.arange(np.prod(shape)).reshape(shape) % 1500 - 1000).astype(np.int16)


def write_sitk(path: Path, grid: Grid, values: np.ndarray, compress: bool = True) -> None:
    image = sitk.GetImageFromArray(values)
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction.ravel().tolist())
    sitk.WriteImage(image, str(path), compress)


def assert_same_place(a: Grid, b: Grid) -> None:
    assert a.shape == b.shape
    assert np.abs(a.corners() - b.corners()).max() < SAME_MM


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("compress", [True, False])
def test_an_oblique_ct_written_by_simpleitk_reads_back(tmp_path: Path, ending: str, compress: bool) -> None:
    grid = make_oblique_grid((6, 7, 8))
    values = ct_values(grid.shape)
    path = tmp_path / f"image{ending}"
    write_sitk(path, grid, values, compress)
    volume = read_volume(path)
    assert_same_place(volume.grid, grid)
    assert np.array_equal(volume.values, values)
    assert volume.modality is Modality.CT
    assert volume.source.content_sha256 == content_sha256(grid, values)
    assert [f.code for f in volume.findings] == ["modality-inferred"]


@pytest.mark.parametrize("direction", all_orientations())
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_48_orientations_keep_place_and_handedness(tmp_path: Path, direction: np.ndarray, ending: str) -> None:
    grid = Grid.from_axes((3, 4, 5), (-31.5, 17.25, -240.0), rotation((8, -5, 13)) @ direction, (0.9, 1.1, 2.5))
    values = ct_values(grid.shape)
    path = tmp_path / f"image{ending}"
    write_sitk(path, grid, values)
    volume = read_volume(path, modality=Modality.CT)
    assert_same_place(volume.grid, grid)
    assert volume.grid.is_right_handed == grid.is_right_handed
    assert np.array_equal(volume.values, values)


@pytest.mark.parametrize("version", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_of_nibabel_in_both_versions_and_byte_orders(tmp_path: Path, version: type, order: str) -> None:
    grid = make_oblique_grid((5, 6, 7))
    values = ct_values(grid.shape)
    header = version.header_class(endianness=order)
    header.set_data_dtype(np.int16)
    image = version(values.transpose(2, 1, 0), RAS_FROM_LPS @ grid.lps_from_ijk, header)
    nib.save(image, tmp_path / "image.nii")
    volume = read_volume(tmp_path / "image.nii")
    assert_same_place(volume.grid, grid)
    assert np.array_equal(volume.values, values)
    assert volume.values.dtype.isnative


def nibabel_image(tmp_path: Path, values: np.ndarray, grid: Grid, **fields: object) -> Path:
    """A .nii with header fields set to anything."""
    image = nib.Nifti1Image(values.transpose(2, 1, 0), RAS_FROM_LPS @ grid.lps_from_ijk)
    image.set_qform(image.affine, 1)
    for name, value in fields.items():
        image.header[name] = value
    path = tmp_path / "image.nii"
    nib.save(image, path)
    return path


def test_slope_and_intercept_are_applied_as_simpleitk_does(tmp_path: Path, oblique_grid: Grid) -> None:
    values = np.linspace(-125.0, 275.0, int(np.prod(oblique_grid.shape))).reshape(oblique_grid.shape)
    image = nib.Nifti1Image(values.transpose(2, 1, 0), RAS_FROM_LPS @ oblique_grid.lps_from_ijk)
    image.header.set_data_dtype(np.uint8)
    nib.save(image, tmp_path / "image.nii.gz")
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "image.nii.gz")))
    volume = read_volume(tmp_path / "image.nii.gz")
    assert volume.values.dtype == np.float32
    assert np.allclose(volume.values, expected, atol=1e-3)
    assert "clipped-ct" in [f.code for f in volume.findings]


def patch_bytes(path: Path, at: int, data: bytes) -> None:
    raw = bytearray(path.read_bytes())
    raw[at : at + len(data)] = data
    path.write_bytes(bytes(raw))


def test_disagreeing_transforms_are_a_finding_and_the_sform_wins(tmp_path: Path, oblique_grid: Grid) -> None:
    path = nibabel_image(tmp_path, ct_values(oblique_grid.shape), oblique_grid)
    patch_bytes(path, 268, np.float32(99.0).tobytes())  # qoffset_x
    volume = read_volume(path)
    (finding,) = [f for f in volume.findings if f.code == "transforms-disagree"]
    assert_same_place(volume.grid, oblique_grid)
    assert finding.numbers["apart_mm"] == pytest.approx(99.0 + oblique_grid.origin[0], abs=0.01)


def test_the_qform_alone_places_the_image(tmp_path: Path, oblique_grid: Grid) -> None:
    path = nibabel_image(tmp_path, ct_values(oblique_grid.shape), oblique_grid)
    patch_bytes(path, 254, b"\0\0")  # sform_code
    volume = read_volume(path)
    assert_same_place(volume.grid, oblique_grid)
    assert [f.code for f in volume.findings] == ["modality-inferred"]


def test_no_transform_at_all_is_a_loud_finding(tmp_path: Path, oblique_grid: Grid) -> None:
    path = nibabel_image(tmp_path, ct_values(oblique_grid.shape), oblique_grid)
    patch_bytes(path, 252, b"\0\0\0\0")
    volume = read_volume(path)
    assert "orientation-unknown" in [f.code for f in volume.findings]
    assert volume.grid.axis_codes == "RAS"
    assert np.allclose(volume.grid.spacing, oblique_grid.spacing, atol=1e-4)


def test_metres_become_millimetres(tmp_path: Path) -> None:
    metres = Grid.from_axes((3, 4, 5), (0.1, 0.2, 0.3), rotation((5, 6, 7)), (0.002, 0.003, 0.004))
    path = nibabel_image(tmp_path, ct_values(metres.shape), metres, xyzt_units=1)
    volume = read_volume(path)
    assert np.allclose(volume.grid.spacing, (2, 3, 4), atol=1e-4)
    assert np.allclose(volume.grid.origin, (100, 200, 300), atol=1e-3)
    assert "unit-converted" in [f.code for f in volume.findings]


@pytest.mark.parametrize("space", ["right-anterior-superior", "RAS", "left-anterior-superior", "LAS"])
def test_nrrd_spaces_are_turned_into_lps(tmp_path: Path, space: str, oblique_grid: Grid) -> None:
    signs = {"r": (-1, -1), "l": (1, -1)}[space[0].lower()]
    to_space = np.diag([*signs, 1.0])
    values = ct_values(oblique_grid.shape)
    header = {
        "space": space,
        "space directions": (to_space @ oblique_grid.lps_from_ijk[:3, :3]).T,
        "space origin": to_space @ oblique_grid.origin,
        "encoding": "raw",
    }
    nrrd.write(str(tmp_path / "image.nrrd"), values.transpose(2, 1, 0), header)
    volume = read_volume(tmp_path / "image.nrrd")
    image = sitk.ReadImage(str(tmp_path / "image.nrrd"))
    assert_same_place(volume.grid, oblique_grid)
    assert np.allclose(image.TransformIndexToPhysicalPoint((4, 3, 2)), volume.grid.to_lps((4, 3, 2)), atol=SAME_MM)
    assert np.array_equal(volume.values, values)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
@pytest.mark.parametrize("detached", [False, True])
def test_nrrd_encodings_of_pynrrd(tmp_path: Path, encoding: str, detached: bool, oblique_grid: Grid) -> None:
    values = ct_values(oblique_grid.shape)
    header = {
        "space": "left-posterior-superior",
        "space directions": oblique_grid.lps_from_ijk[:3, :3].T,
        "space origin": oblique_grid.origin,
        "encoding": encoding,
    }
    path = tmp_path / ("image.nhdr" if detached else "image.nrrd")
    nrrd.write(str(path), values.transpose(2, 1, 0), header, detached_header=detached)
    volume = read_volume(path)
    assert np.array_equal(volume.values, values)
    assert_same_place(volume.grid, oblique_grid)


def test_nrrd_without_a_space_is_a_loud_finding(tmp_path: Path) -> None:
    values = ct_values((3, 4, 5))
    nrrd.write(str(tmp_path / "image.nrrd"), values.transpose(2, 1, 0), {"spacings": [1.0, 2.0, 3.0]})
    volume = read_volume(tmp_path / "image.nrrd")
    assert volume.grid.spacing == (1.0, 2.0, 3.0)
    assert "orientation-unknown" in [f.code for f in volume.findings]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.int32, np.uint32, np.int64, np.float32, np.float64])
def test_every_type_of_number_is_read(tmp_path: Path, dtype: type, oblique_grid: Grid) -> None:
    values = (ct_values(oblique_grid.shape) % 100).astype(dtype)
    write_sitk(tmp_path / "image.mha", oblique_grid, values)
    read = read_volume(tmp_path / "image.mha")
    assert np.array_equal(read.values, values)
    assert read.values.dtype in (np.int16, np.uint16, np.uint8, np.int32, np.float32)


def test_values_that_are_not_finite_become_the_lowest_and_are_counted(tmp_path: Path, oblique_grid: Grid) -> None:
    values = ct_values(oblique_grid.shape).astype(np.float32)
    values[0, 0, :3] = [np.nan, np.inf, -np.inf]
    write_sitk(tmp_path / "image.nii", oblique_grid, values)
    volume = read_volume(tmp_path / "image.nii")
    (finding,) = [f for f in volume.findings if f.code == "values-not-finite"]
    assert finding.numbers["voxels"] == 3
    assert np.all(np.isfinite(volume.values))
    assert volume.values.min() == -1000


@pytest.mark.parametrize(
    ("low", "high", "modality", "clipped"),
    [(-1024, 1500, Modality.CT, False), (-125, 275, Modality.CT, True), (0, 900, Modality.MR, False),
     (-3, 5, Modality.OTHER, False)],
)  # fmt: skip
def test_the_values_tell_the_modality(
    tmp_path: Path, oblique_grid: Grid, low: int, high: int, modality: Modality, clipped: bool
) -> None:
    values = np.random.default_rng(1).uniform(low, high, oblique_grid.shape).astype(np.float32)
    write_sitk(tmp_path / "image.nii.gz", oblique_grid, values)
    volume = read_volume(tmp_path / "image.nii.gz")
    assert volume.modality is modality
    assert ("clipped-ct" in [f.code for f in volume.findings]) == clipped


def test_a_stated_modality_is_not_inferred(tmp_path: Path, oblique_grid: Grid) -> None:
    write_sitk(tmp_path / "image.nii.gz", oblique_grid, ct_values(oblique_grid.shape))
    volume = read_volume(tmp_path / "image.nii.gz", modality=Modality.MR)
    assert volume.modality is Modality.MR
    assert volume.findings == ()


def test_formats_are_told_by_their_endings() -> None:
    good = ["a.nii", "a.NII.GZ", "b.nrrd", "b.seg.nrrd", "b.nhdr", "c.mha", "c.mhd"]
    bad = ["a.gz", "nii", "c.dcm", "c.stl", "DICOMDIR"]
    assert [is_supported_image(Path(name)) for name in good + bad] == [True] * len(good) + [False] * len(bad)


def test_real_images_lie_where_simpleitk_puts_them(real_data: Path) -> None:
    files = [real_data / "ct_abdomen/case01_image.nii.gz", real_data / "mr_abdomen/case01_image.nii.gz",
             *sorted((real_data / "totalseg_reference").glob("*_small_image.nii.gz"))]  # fmt: skip
    modalities = []
    for path in files:
        image = sitk.ReadImage(str(path))
        volume = read_volume(path)
        corners = list(product(*((0, n - 1) for n in image.GetSize())))
        expected = [image.TransformIndexToPhysicalPoint(corner) for corner in corners]
        assert np.abs(volume.grid.to_lps(corners) - expected).max() < SAME_MM
        assert np.allclose(volume.values, sitk.GetArrayViewFromImage(image), atol=1e-3)
        modalities.append(volume.modality)
    assert modalities == [Modality.CT, Modality.MR, Modality.CT, Modality.MR]
