"""Label maps: read from other libraries' files, written for them, unchanged in value and place."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import DiskError, FormatError, LabelError
from surgtwin.formats.registry import read_labels, write_labels
from tests.conftest import all_orientations, make_oblique_grid, rotation

SAME_MM = 1e-3


def label_values(shape: tuple[int, int, int], labels: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Random labels with zero among them: no symmetry hides a flip."""
    return np.random.default_rng(seed).choice([0, *labels], size=shape).astype(np.uint16)


def make_labels(grid: Grid, layers: int = 1) -> LabelMap:
    names = {2: "liver", 7: "kidney_left", 300: "gizmo"}
    structures = [structure_for(n, name) for n, name in names.items()]
    arrays = [label_values(grid.shape, tuple(names))]
    if layers > 1:
        structures.append(structure_for(2, "body", layer=1))
        arrays.append(label_values(grid.shape, (2,), 1).astype(np.uint16))
    return LabelMap(grid, tuple(arrays), tuple(structures))


def assert_same_labels(a: LabelMap, b: LabelMap) -> None:
    assert a.grid.shape == b.grid.shape
    assert np.abs(a.grid.corners() - b.grid.corners()).max() < SAME_MM
    assert len(a.layers) == len(b.layers)
    assert all(np.array_equal(x, y) for x, y in zip(a.layers, b.layers, strict=True))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".seg.nrrd", ".mha"])
@pytest.mark.parametrize("direction", all_orientations())
def test_48_orientations_are_written_so_that_simpleitk_finds_each_voxel(
    tmp_path: Path, ending: str, direction: np.ndarray
) -> None:
    grid = Grid.from_axes((3, 4, 5), (-31.5, 17.25, -240.0), rotation((8, -5, 13)) @ direction, (0.9, 1.1, 2.5))
    labels = make_labels(grid)
    path = tmp_path / f"labels{ending}"
    write_labels(labels, path)
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), labels.layers[0])
    for index in [(0, 0, 0), (4, 0, 0), (0, 3, 0), (4, 3, 2)]:
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), grid.to_lps(index), atol=SAME_MM)
    assert_same_labels(read_labels(path), labels)


@pytest.mark.parametrize("direction", all_orientations())
@pytest.mark.parametrize("other_code", [252, 254])
def test_simpleitk_finds_each_voxel_by_either_transform(tmp_path: Path, direction: np.ndarray, other_code: int) -> None:
    grid = Grid.from_axes((3, 4, 5), (-31.5, 17.25, -240.0), rotation((170, -5, 93)) @ direction, (0.9, 1.1, 2.5))
    labels = make_labels(grid)
    path = tmp_path / "labels.nii"
    write_labels(labels, path)
    raw = bytearray(path.read_bytes())
    raw[other_code : other_code + 2] = b"\0\0"  # qform_code or sform_code: one transform is left
    path.write_bytes(bytes(raw))
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), labels.layers[0])
    for index in [(0, 0, 0), (4, 0, 0), (0, 3, 0), (4, 3, 2)]:
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), grid.to_lps(index), atol=SAME_MM)


def test_a_slicer_segmentation_has_names_colours_codes_and_layers(tmp_path: Path, oblique_grid: Grid) -> None:
    labels = make_labels(oblique_grid, layers=2)
    write_labels(labels, tmp_path / "case.seg.nrrd")
    image = sitk.ReadImage(str(tmp_path / "case.seg.nrrd"))
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    assert image.GetSize() == oblique_grid.size_ijk
    assert np.array_equal(np.moveaxis(sitk.GetArrayFromImage(image), -1, 0), np.stack(labels.layers))
    assert np.allclose(image.TransformIndexToPhysicalPoint((4, 3, 2)), oblique_grid.to_lps((4, 3, 2)), atol=SAME_MM)
    lines = (tmp_path / "case.seg.nrrd").read_bytes().split(b"\n\n")[0].splitlines()
    assert b"kinds: list domain domain domain" in lines
    assert b"space: left-posterior-superior" in lines
    assert header["Segment0_Name"] == "liver"
    assert header["Segment2_LabelValue"] == "300"
    assert header["Segment3_Layer"] == "1"
    colour = [float(c) * 255 for c in header["Segment0_Color"].split()]
    assert np.allclose(colour, labels.structures[0].colour, atol=0.01)
    assert "~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~" in header["Segment0_Tags"]
    assert "SCT^64033007^Kidney~SCT^7771000^Left~" in header["Segment1_Tags"]
    assert header["Segmentation_MasterRepresentation"] == "Binary labelmap"
    k, j, i = np.nonzero(labels.layers[0] == 2)
    extent = f"{i.min()} {i.max()} {j.min()} {j.max()} {k.min()} {k.max()}"
    assert header["Segment0_Extent"] == extent


def test_a_slicer_segmentation_round_trips_with_all_that_is_known(tmp_path: Path, oblique_grid: Grid) -> None:
    own = Structure(9, "back\\slash | ~ ü\nline", (1, 2, 3))
    labels = make_labels(oblique_grid, layers=2)
    more = LabelMap(oblique_grid, labels.layers, (*labels.structures, own))
    write_labels(more, tmp_path / "case.seg.nrrd")
    back = read_labels(tmp_path / "case.seg.nrrd")
    assert_same_labels(back, more)
    assert {s.name: s for s in back.structures} == {s.name: s for s in more.structures}


def test_an_old_slicer_segmentation_has_one_segment_in_each_layer(tmp_path: Path, oblique_grid: Grid) -> None:
    data = np.stack([label_values(oblique_grid.shape, (1,), n).astype(np.uint8) for n in (1, 2)])
    header = {
        "space": "left-posterior-superior",
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": [[np.nan] * 3, *oblique_grid.lps_from_ijk[:3, :3].T],
        "space origin": oblique_grid.origin,
        "Segment0_Name": "liver",
        "Segment1_Name": "tumour",
    }
    nrrd.write(str(tmp_path / "old.seg.nrrd"), data.transpose(0, 3, 2, 1), header)
    labels = read_labels(tmp_path / "old.seg.nrrd")
    assert [(s.name, s.layer, s.label) for s in labels.structures] == [("liver", 0, 1), ("tumour", 1, 1)]
    assert np.array_equal(labels.mask("tumour"), data[1] == 1)


def test_names_given_are_kept_verbatim_and_the_rest_is_numbered(tmp_path: Path, oblique_grid: Grid) -> None:
    write_labels(make_labels(oblique_grid), tmp_path / "labels.nii.gz")
    labels = read_labels(tmp_path / "labels.nii.gz", names={2: "My Liver", 7: "kidney_left", 55: "not there"})
    assert [(s.label, s.name) for s in labels.structures] == [(2, "My Liver"), (7, "kidney_left"), (300, "label 300")]


def test_names_in_the_file_that_clash_are_told_apart_by_label(tmp_path: Path, oblique_grid: Grid) -> None:
    values = label_values(oblique_grid.shape, (1, 2)).astype(np.uint8)
    fields = {"Segment0_Name": "cyst", "Segment0_LabelValue": "1", "Segment1_Name": "cyst", "Segment1_LabelValue": "2"}
    header = {"space": "LPS", "space directions": np.eye(3), "space origin": [0, 0, 0], **fields}
    nrrd.write(str(tmp_path / "twice.seg.nrrd"), values.transpose(2, 1, 0), header)
    assert [s.name for s in read_labels(tmp_path / "twice.seg.nrrd").structures] == ["cyst", "cyst (label 2)"]


def test_floats_that_are_whole_are_labels(tmp_path: Path, oblique_grid: Grid) -> None:
    values = label_values(oblique_grid.shape, (1, 1000))
    nib.save(nib.Nifti1Image(values.astype(np.float64).transpose(2, 1, 0), np.eye(4)), tmp_path / "labels.nii")
    labels = read_labels(tmp_path / "labels.nii")
    assert labels.layers[0].dtype == np.uint16
    assert np.array_equal(labels.layers[0], values)


@pytest.mark.parametrize("bad", [0.5, -1.0, 65536.0, np.nan, np.inf])
def test_numbers_that_are_no_labels_are_refused(tmp_path: Path, bad: float) -> None:
    values = np.zeros((4, 4, 4))
    values[1, 2, 3] = bad
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "labels.nii")
    with pytest.raises(FormatError, match=r"labels\.nii.*no label map"):
        read_labels(tmp_path / "labels.nii")


@pytest.mark.parametrize("ending", [".nii.gz", ".seg.nrrd", ".nrrd", ".mha"])
def test_the_same_labels_give_the_same_bytes_and_name_no_one(tmp_path: Path, oblique_grid: Grid, ending: str) -> None:
    labels = make_labels(oblique_grid)
    files = [tmp_path / f"{name}{ending}" for name in ("first", "second")]
    for path in files:
        write_labels(labels, path)
    first, second = (path.read_bytes() for path in files)
    assert first == second
    assert b"first" not in first
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in files)


def test_another_layer_is_written_on_request(tmp_path: Path, oblique_grid: Grid) -> None:
    labels = make_labels(oblique_grid, layers=2)
    write_labels(labels, tmp_path / "body.nii.gz", layer=1)
    assert np.array_equal(read_labels(tmp_path / "body.nii.gz").layers[0], labels.layers[1])
    with pytest.raises(LabelError, match="no layer 2"):
        write_labels(labels, tmp_path / "body.nii.gz", layer=2)


def test_a_folder_that_is_not_there_is_a_disk_error(tmp_path: Path, oblique_grid: Grid) -> None:
    with pytest.raises(DiskError, match=r"labels\.nii"):
        write_labels(make_labels(oblique_grid), tmp_path / "nowhere" / "labels.nii")
    with pytest.raises(FormatError, match=r"\.seg\.nrrd"):
        write_labels(make_labels(oblique_grid), tmp_path / "labels.txt")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, oblique_grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.mha"
    path.write_bytes(b"old")

    def no_space(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(DiskError, match="No space left"):
        write_labels(make_labels(oblique_grid), path)
    assert [p.name for p in tmp_path.iterdir()] == ["labels.mha"]
    assert path.read_bytes() == b"old"


def test_real_labels_equal_simpleitks(real_data: Path) -> None:
    path = real_data / "totalseg_reference" / "ct_small_labels.nii.gz"
    labels = read_labels(path)
    image = sitk.ReadImage(str(path))
    assert np.array_equal(labels.layers[0], sitk.GetArrayFromImage(image))
    for corner in product(*((0, n - 1) for n in image.GetSize())):
        assert np.allclose(labels.grid.to_lps(corner), image.TransformIndexToPhysicalPoint(corner), atol=SAME_MM)


def test_obliqueness_survives_all_formats_alike(tmp_path: Path) -> None:
    labels = make_labels(make_oblique_grid((4, 5, 6)))
    for ending in (".nii", ".nrrd", ".mha", ".seg.nrrd"):
        write_labels(labels, tmp_path / f"x{ending}")
        assert_same_labels(read_labels(tmp_path / f"x{ending}"), labels)
