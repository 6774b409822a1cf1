"""DICOM SEG: valid by dciodvfy, read by highdicom at the same place, and back again voxel by voxel."""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import JPEGLSLossless, RLELossless

from surgtwin.dicom.seg import is_seg, read_seg, read_seg_with_findings, write_seg
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import DicomError, InputError, LabelError
from surgtwin.formats.labels_on_grid import labels_on_grid
from tests.conftest import all_orientations, make_oblique_grid, rotation
from tests.dicom.derived_source import blobs, dicom_volume, without_dicom

SAME_MM = 1e-3
SHAPE = (9, 14, 13)


def assert_no_errors(path: Path) -> None:
    """dciodvfy of dicom3tools, an independent validator, finds no error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (package dicom3tools) is not installed")
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
    assert errors == []


def assert_same_on_grid(back: LabelMap, labels: LabelMap) -> None:
    """Every structure has the same voxels, label and name, whatever layer it was read into."""
    fitted, findings = labels_on_grid(back, labels.grid)
    assert findings == ()
    assert {(s.name, s.label) for s in fitted.structures} == {(s.name, s.label) for s in labels.structures}
    for s in labels.structures:
        assert np.array_equal(fitted.mask(s.name), labels.mask(s.name))


@pytest.mark.parametrize("direction", all_orientations()[::5])
def test_round_trip_in_many_orientations(tmp_path: Path, direction: np.ndarray) -> None:
    grid = Grid.from_axes(SHAPE, (-31.5, 17.25, -240.0), rotation((8, -5, 13)) @ direction, (0.9, 1.1, 2.5))
    labels = blobs(grid)
    assert write_seg(labels, dicom_volume(grid), tmp_path / "labels.dcm") == ()
    assert_same_on_grid(read_seg(tmp_path / "labels.dcm"), labels)
    assert_no_errors(tmp_path / "labels.dcm")


def test_highdicom_places_each_segment_where_the_labels_are(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    labels = blobs(grid)
    write_seg(labels, dicom_volume(grid), tmp_path / "labels.dcm")
    segmentation = hd.seg.segread(tmp_path / "labels.dcm")
    volume = segmentation.get_volume()
    for n, s in enumerate(labels.structures):
        k, j, i = np.nonzero(volume.array[..., n])
        places = volume.map_indices_to_reference(np.column_stack([k, j, i]))
        expected = np.argwhere(labels.mask(s.name))[:, ::-1]
        assert len(places) == len(expected)
        found = np.rint(grid.to_ijk(places))
        assert np.abs(grid.to_ijk(places) - found).max() * max(grid.spacing) < SAME_MM
        assert {tuple(p) for p in found} == {tuple(p) for p in expected.astype(float)}


def test_segments_carry_codes_sides_colours_and_their_making(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    labels = blobs(grid)
    volume = dicom_volume(grid)
    write_seg(labels, volume, tmp_path / "labels.dcm", algorithm="ct_abdomen 1.0")
    segmentation = hd.seg.segread(tmp_path / "labels.dcm")
    liver, kidney, tumour, body = (segmentation.get_segment_description(n) for n in (1, 2, 3, 4))
    assert liver.segmented_property_type == codes.SCT.Liver
    assert liver.segmented_property_category == codes.SCT.AnatomicalStructure
    assert liver.SegmentAlgorithmType == "AUTOMATIC"
    assert liver.SegmentAlgorithmName == "ct_abdomen 1.0"
    side = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert side.CodeMeaning == "Left"
    assert tumour.segmented_property_category == codes.SCT.MorphologicallyAbnormalStructure
    assert tumour.AnatomicRegionSequence[0].CodeMeaning == "Liver"
    assert tumour.SegmentAlgorithmType == "MANUAL"
    colour = hd.color.CIELabColor.from_dicom_value(list(liver.RecommendedDisplayCIELabValue))
    assert np.allclose(colour.to_rgb(), labels.structures[0].colour, atol=2)
    assert len({d.TrackingUID for d in (liver, kidney, tumour, body)}) == 4
    assert str(segmentation.PatientName) == "Müller^Grete"
    assert segmentation.PatientID == "A-17"
    assert segmentation.StudyInstanceUID == volume.source.dicom.study_instance_uid
    assert segmentation.FrameOfReferenceUID == volume.source.dicom.frame_of_reference_uid
    assert segmentation.SegmentsOverlap == "YES"


def test_each_frame_names_its_slice_only_if_it_is_one(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    for is_on_grid, instances in ((True, None), (False, None), (False, 6), (True, 1)):
        volume = dicom_volume(grid, is_on_grid=is_on_grid, instances=instances)
        write_seg(blobs(grid), volume, tmp_path / "labels.dcm")
        dataset = pydicom.dcmread(tmp_path / "labels.dcm")
        groups = dataset.PerFrameFunctionalGroupsSequence
        named = [g for g in groups if "DerivationImageSequence" in g]
        assert len(named) == (len(groups) if is_on_grid and instances is None else 0)
        for g in named:
            uid = g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
            k = volume.source.dicom.sop_instance_uids.index(uid)
            position = np.array(g.PlanePositionSequence[0].ImagePositionPatient, float)
            assert np.allclose(position, grid.to_lps([0, 0, k]), atol=SAME_MM)
        referenced = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        assert len(referenced) == len(volume.source.dicom.sop_instance_uids)
        assert_same_on_grid(read_seg(tmp_path / "labels.dcm"), blobs(grid))
        assert_no_errors(tmp_path / "labels.dcm")


def test_a_missing_frame_of_reference_is_made_and_said(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    volume = dicom_volume(grid, frame="")
    findings = [write_seg(blobs(grid), volume, tmp_path / f"{n}.dcm") for n in (1, 2)]
    frames = {pydicom.dcmread(tmp_path / f"{n}.dcm").FrameOfReferenceUID for n in (1, 2)}
    assert [f.code for f in findings[0]] == ["frame-of-reference-generated"]
    assert len(frames) == 1
    assert_no_errors(tmp_path / "1.dcm")


def test_an_anonymised_series_without_uids_gets_new_ones_and_its_name_is_not_quoted(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    volume = dicom_volume(grid)
    header = pydicom.dcmread(io.BytesIO(volume.source.dicom.header))
    header.PatientName = "ONE-COMPONENT"
    buffer = io.BytesIO()
    header.save_as(buffer)
    bare = replace(volume.source.dicom, study_instance_uid="", series_instance_uid="", header=buffer.getvalue())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        findings = write_seg(
            blobs(grid), replace(volume, source=replace(volume.source, dicom=bare)), tmp_path / "s.dcm"
        )
    assert [f.code for f in findings] == ["uid-generated", "uid-generated"]
    assert_no_errors(tmp_path / "s.dcm")
    nameless = replace(bare, sop_instance_uids=("",) * len(bare.sop_instance_uids))
    with pytest.raises(DicomError, match="no SOP UIDs"):
        write_seg(blobs(grid), replace(volume, source=replace(volume.source, dicom=nameless)), tmp_path / "s.dcm")


def test_without_a_dicom_source_it_is_refused(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    with pytest.raises(DicomError, match="comes from NIFTI"):
        write_seg(blobs(grid), without_dicom(dicom_volume(grid)), tmp_path / "labels.dcm")
    with pytest.raises(LabelError, match="do not lie on the grid"):
        write_seg(blobs(make_oblique_grid((5, 6, 7))), dicom_volume(grid), tmp_path / "labels.dcm")
    empty = LabelMap(grid, (np.zeros(SHAPE, np.uint8),), (structure_for(1, "liver"),))
    with pytest.raises(LabelError, match="no labelled voxel"):
        write_seg(empty, dicom_volume(grid), tmp_path / "labels.dcm")
    assert list(tmp_path.iterdir()) == []


def test_odd_names_survive(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    names = ["Läsion\\ß | 肝臓 " + "x" * 80, "same start " + "y" * 70 + "1", "same start " + "y" * 70 + "2"]
    layer = np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.uint8)
    labels = LabelMap(grid, (layer,), tuple(Structure(n, name, (9, 8, 7)) for n, name in enumerate(names, start=1)))
    write_seg(labels, dicom_volume(grid), tmp_path / "labels.dcm")
    assert_same_on_grid(read_seg(tmp_path / "labels.dcm"), labels)
    assert_no_errors(tmp_path / "labels.dcm")


def foreign_seg(grid: Grid, pixels: np.ndarray, kind: str, path: Path, **more: object) -> None:
    """A SEG as another program writes it: consecutive numbers, no tracking ids of ours."""
    write_seg(blobs(grid), dicom_volume(grid), path)
    template = pydicom.dcmread(path)
    from surgtwin.dicom.derived import template as source_template
    from surgtwin.dicom.seg_write import _source_images

    volume = dicom_volume(grid)
    dataset = source_template(volume.source.dicom)
    descriptions = [
        hd.seg.SegmentDescription(n, f"thing {n}", codes.SCT.Tissue, codes.SCT.Tissue, "MANUAL")
        for n in range(1, (pixels.shape[-1] if pixels.ndim == 4 else int(pixels.max())) + 1)
    ]
    assert template.Modality == "SEG"
    hd.seg.Segmentation(
        _source_images(dataset, volume.source.dicom, grid), pixels, kind, descriptions, hd.UID(), 1, hd.UID(), 1,
        "other", "other", "1", "1", **more,
    ).save_as(path)  # fmt: skip


def test_fractional_values_are_thresholded_at_a_half_and_said(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    share = np.random.default_rng(0).random((*SHAPE, 2)).astype(np.float32)
    share[0] = 0
    foreign_seg(grid, share, "FRACTIONAL", tmp_path / "f.dcm")
    reading = read_seg_with_findings(tmp_path / "f.dcm", names={2: "spleen"})
    assert [f.code for f in reading.findings] == ["seg-thresholded"]
    fitted, _ = labels_on_grid(reading.labels, grid)
    assert np.mean(fitted.mask("thing 1") == (share[..., 0] >= 0.5)) > 0.995
    assert np.mean(fitted.mask("spleen") == (share[..., 1] >= 0.5)) > 0.995


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless])
def test_label_maps_of_the_new_kind_are_read(tmp_path: Path, syntax: str | None) -> None:
    grid = make_oblique_grid(SHAPE)
    numbers = np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.uint8)
    more = {} if syntax is None else {"transfer_syntax_uid": syntax}
    foreign_seg(grid, numbers, "LABELMAP", tmp_path / "l.dcm", **more)
    assert is_seg(tmp_path / "l.dcm")
    fitted, _ = labels_on_grid(read_seg(tmp_path / "l.dcm"), grid)
    assert np.array_equal(fitted.layers[0], numbers)
    assert [s.name for s in fitted.structures] == ["thing 1", "thing 2", "thing 3"]


def test_only_the_slices_with_voxels_are_there_and_still_in_place(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    layer = np.zeros(SHAPE, np.uint8)
    layer[2, 3, 4] = layer[7, 5, 6] = 1
    labels = LabelMap(grid, (layer,), (structure_for(1, "liver"),))
    write_seg(labels, dicom_volume(grid), tmp_path / "labels.dcm")
    assert int(pydicom.dcmread(tmp_path / "labels.dcm").NumberOfFrames) == 2
    assert_same_on_grid(read_seg(tmp_path / "labels.dcm"), labels)


def test_damaged_objects_are_refused_with_their_name(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    path = tmp_path / "labels.dcm"
    write_seg(blobs(grid), dicom_volume(grid), path)
    good = path.read_bytes()
    for length in range(0, len(good), max(1, len(good) // 60)):
        path.write_bytes(good[:length])
        with pytest.raises(InputError):
            read_seg(path)
    groups = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
    for keyword in ("SegmentSequence", *groups, "PixelData", "SegmentationType", "Rows"):
        path.write_bytes(good)
        dataset = pydicom.dcmread(path)
        del dataset[keyword]
        dataset.save_as(path)
        with pytest.raises(DicomError, match=r"labels\.dcm|pixel data"):
            read_seg(path)


def test_what_is_no_seg_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"text, renamed")
    (tmp_path / "b.dcm").write_bytes(dicom_volume(make_oblique_grid(SHAPE)).source.dicom.header)
    for name in ("a.dcm", "b.dcm", "missing.dcm"):
        assert not is_seg(tmp_path / name)
        with pytest.raises(DicomError, match=name.replace(".", r"\.")):
            read_seg(tmp_path / name)


def test_the_header_of_a_broken_source_is_refused(tmp_path: Path) -> None:
    grid = make_oblique_grid(SHAPE)
    volume = dicom_volume(grid)
    broken = replace(volume.source, dicom=replace(volume.source.dicom, header=b""))
    with pytest.raises(DicomError):
        write_seg(blobs(grid), replace(volume, source=broken), tmp_path / "labels.dcm")
