"""RTSTRUCT: valid by dciodvfy, filled alike by another library, and back again voxel by voxel."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from surgtwin.dicom.contours import fill, outlines
from surgtwin.dicom.rtstruct import is_rtstruct, read_rtstruct, read_rtstruct_with_findings, write_rtstruct
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import DicomError, InputError, LabelError
from tests.conftest import all_orientations, make_oblique_grid, rotation
from tests.dicom.derived_source import blobs, dicom_volume, without_dicom

SHAPE = (9, 24, 23)


def assert_same_voxels(back: LabelMap, labels: LabelMap) -> None:
    for s in labels.structures:
        assert np.array_equal(back.mask(s.name), labels.mask(s.name)), s.name


@pytest.mark.parametrize("direction", all_orientations()[::5])
def test_round_trip_in_many_orientations(tmp_path: Path, direction: np.ndarray) -> None:
    grid = Grid.from_axes(SHAPE, (-31.5, 17.25, -240.0), rotation((8, -5, 13)) @ direction, (0.9, 1.1, 2.5))
    labels = blobs(grid)
    assert write_rtstruct(labels, dicom_volume(grid), tmp_path / "rt.dcm") == ()
    back = read_rtstruct(tmp_path / "rt.dcm", grid)
    assert_same_voxels(back, labels)
    assert {(s.name, s.label, s.colour) for s in back.structures} == {
        (s.name, s.label, s.colour) for s in labels.structures
    }


def test_dciodvfy_finds_no_error(tmp_path: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (package dicom3tools) is not installed")
    grid = make_oblique_grid(SHAPE)
    for frame, is_on_grid in ((None, True), ("", False)):
        write_rtstruct(blobs(grid), dicom_volume(grid, frame=frame, is_on_grid=is_on_grid), tmp_path / "rt.dcm")
        said = subprocess.run(["dciodvfy", str(tmp_path / "rt.dcm")], capture_output=True, text=True, check=False)
        assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


def test_random_masks_come_back_pixel_by_pixel() -> None:
    for seed in range(40):
        random = np.random.default_rng(seed)
        mask = random.random((int(random.integers(1, 30)), int(random.integers(1, 30)))) < random.random()
        assert np.array_equal(fill(outlines(mask), *mask.shape), mask)


def test_opencv_finds_each_pixel_on_the_same_side(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV judges the contours")
    grid = Grid.from_axes((3, 40, 36), (-40, -50, 100), np.eye(3), (0.8, 0.8, 3.0))
    labels = blobs(grid)
    volume = dicom_volume(grid)
    write_rtstruct(labels, volume, tmp_path / "rt.dcm")
    dataset = pydicom.dcmread(tmp_path / "rt.dcm")
    for roi, drawn in zip(dataset.StructureSetROISequence, dataset.ROIContourSequence, strict=True):
        inside = np.zeros(grid.shape, bool)
        for contour in drawn.ContourSequence:
            points = np.array(contour.ContourData, np.float32).reshape(-1, 3)
            loop = np.ascontiguousarray(points[:, :2])
            k = volume.source.dicom.sop_instance_uids.index(contour.ContourImageSequence[0].ReferencedSOPInstanceUID)
            assert np.allclose(points[:, 2], grid.origin[2] + 3.0 * k, atol=1e-3)
            for j, i in np.ndindex(grid.shape[1:]):
                x, y, _ = grid.to_lps([i, j, k])
                inside[k, j, i] ^= cv2.pointPolygonTest(loop, (float(x), float(y)), False) > 0
        assert np.array_equal(inside, labels.mask(roi.ROIName))


def test_a_sphere_of_contours_from_elsewhere_has_its_volume_on_any_grid(tmp_path: Path) -> None:
    """Axial circles 2 mm apart, read on an axial grid of 1 mm slices and on an oblique one."""
    radius, centre = 18.0, np.array([10.0, -20.0, 30.0])
    template = Grid.from_axes((4, 8, 8), (0, 0, 0), np.eye(3), (1, 1, 1))
    write_rtstruct(blobs(template), dicom_volume(template), tmp_path / "rt.dcm")
    dataset = pydicom.dcmread(tmp_path / "rt.dcm")
    turn = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    contours = []
    for z in np.arange(-17, 18, 2.0):
        ring = np.sqrt(radius**2 - z**2) * np.column_stack([np.cos(turn), np.sin(turn)])
        item = pydicom.Dataset()
        item.ContourGeometricType = "CLOSED_PLANAR"
        item.ContourData = [f"{v:.3f}" for v in (np.column_stack([ring, np.full(240, z)]) + centre).ravel()]
        contours.append(item)
    dataset.ROIContourSequence[0].ContourSequence = contours
    dataset.ROIContourSequence = dataset.ROIContourSequence[:1]
    dataset.save_as(tmp_path / "rt.dcm")
    truth = 4 / 3 * np.pi * radius**3 / 1000
    for direction in (np.eye(3), rotation((25, -15, 40)), rotation((90, 0, 0))):
        grid = Grid.from_axes((50, 50, 50), centre - direction @ [24.7, 24.5, 24.3], direction, (1, 1, 1))
        labels = read_rtstruct(tmp_path / "rt.dcm", grid)
        liver = labels.structure("liver")
        assert labels.volume_ml(liver) == pytest.approx(truth, rel=0.015)
        where = grid.to_lps(np.argwhere(labels.mask("liver"))[:, ::-1]).mean(axis=0)
        assert np.allclose(where, centre, atol=0.3)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_contour_longer_than_a_short_length_field_is_read(tmp_path: Path, syntax: str) -> None:
    """A comb: one outline of more than 64 KiB. pydicom writes it as UN in explicit VR."""
    grid = Grid.from_axes((1, 900, 8), (-400, -450, 100), np.eye(3), (0.8, 0.8, 3.0))
    layer = np.zeros(grid.shape, np.uint8)
    layer[0, :, 1:3] = layer[0, ::2, 1:7] = 1
    labels = LabelMap(grid, (layer,), (structure_for(1, "liver"),))
    write_rtstruct(labels, dicom_volume(grid), tmp_path / "rt.dcm")
    dataset = pydicom.dcmread(tmp_path / "rt.dcm")
    dataset.file_meta.TransferSyntaxUID = syntax
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(tmp_path / "rt.dcm", implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    assert (tmp_path / "rt.dcm").stat().st_size > 65536
    assert_same_voxels(read_rtstruct(tmp_path / "rt.dcm", grid), labels)


def test_an_outline_within_another_is_a_hole(tmp_path: Path) -> None:
    square = np.array([[1.5, 1.5], [8.5, 1.5], [8.5, 8.5], [1.5, 8.5]])
    mask = fill([square, (square - 5) / 2 + 5], 12, 11)
    assert mask.sum() == 49 - 9
    assert not mask[5, 5]


def test_outlines_beyond_the_image_are_cut_off() -> None:
    big = np.array([[-50.0, -50], [100, -50], [100, 5.5], [-50, 5.5]])
    mask = fill([big], 10, 7)
    assert np.array_equal(mask, np.arange(10)[:, None].repeat(7, axis=1) < 5.6)


def test_no_slice_is_named_after_regularising(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    write_rtstruct(blobs(grid), dicom_volume(grid, is_on_grid=False, instances=5), tmp_path / "rt.dcm")
    dataset = pydicom.dcmread(tmp_path / "rt.dcm")
    contours = [c for roi in dataset.ROIContourSequence for c in roi.ContourSequence]
    assert not any("ContourImageSequence" in c for c in contours)
    assert str(dataset.PatientName) == "Müller^Grete"
    assert dataset.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0].CodeMeaning == "Liver"
    assert_same_voxels(read_rtstruct(tmp_path / "rt.dcm", grid), blobs(grid))


def test_points_and_open_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    write_rtstruct(blobs(grid), dicom_volume(grid), tmp_path / "rt.dcm")
    dataset = pydicom.dcmread(tmp_path / "rt.dcm")
    dataset.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "OPEN_PLANAR"
    dataset.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "POINT"
    dataset.save_as(tmp_path / "rt.dcm")
    reading = read_rtstruct_with_findings(tmp_path / "rt.dcm", grid, names={2: "My Liver"})
    assert [(f.code, f.numbers["contours"]) for f in reading.findings] == [("contours-left-out", 2)]
    assert reading.labels.structure("My Liver").label == 2


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    with pytest.raises(DicomError, match="comes from NIFTI"):
        write_rtstruct(blobs(grid), without_dicom(dicom_volume(grid)), tmp_path / "rt.dcm")
    empty = LabelMap(grid, (np.zeros(SHAPE, np.uint8),), (structure_for(1, "liver"),))
    with pytest.raises(LabelError, match="no labelled voxel"):
        write_rtstruct(empty, dicom_volume(grid), tmp_path / "rt.dcm")


def test_contours_of_another_image_are_refused(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    write_rtstruct(blobs(grid), dicom_volume(grid), tmp_path / "rt.dcm")
    far = grid.lps_from_ijk.copy()
    far[:3, 3] += 3000
    with pytest.raises(LabelError, match="no voxel of the image"):
        read_rtstruct(tmp_path / "rt.dcm", Grid(grid.shape, far))


def test_damaged_objects_are_refused(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    path = tmp_path / "rt.dcm"
    write_rtstruct(blobs(grid), dicom_volume(grid), path)
    assert is_rtstruct(path)
    good = path.read_bytes()
    for length in range(0, len(good) // 2, max(1, len(good) // 40)):
        path.write_bytes(good[:length])
        with pytest.raises(InputError):
            read_rtstruct(path, grid)
    path.write_bytes(good)
    dataset = pydicom.dcmread(path)
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = list(contour.ContourData)[:-1]
    dataset.save_as(path)
    with pytest.raises(DicomError, match=r"rt\.dcm"):
        read_rtstruct(path, grid)
    (tmp_path / "text.dcm").write_bytes(b"text")
    assert not is_rtstruct(tmp_path / "text.dcm")
