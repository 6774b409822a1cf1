"""What INPUT means to a batch."""

from __future__ import annotations

import pytest

from surgtwin.errors import InputError
from surgtwin.pipeline.batch_inputs import find_units
from surgtwin.pipeline.batch_protocol import LabelRules

DICOM = b"\0" * 128 + b"DICM"


def names(units):
    return [unit.path.name for unit in units]


def test_each_folder_of_a_folder_is_a_unit_and_so_is_each_image_file(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.dcm").write_bytes(DICOM)
    (tmp_path / "x.nii.gz").write_bytes(b"")
    (tmp_path / "a" / "inner.nrrd").write_bytes(b"")
    (tmp_path / "README.md").write_text("notes")
    units = find_units([tmp_path])
    assert names(units) == ["x.nii.gz", "a", "inner.nrrd", "b"]
    assert [u.may_be_empty for u in units] == [False, True, False, False]


def test_a_folder_of_slices_is_one_unit_and_a_stray_file_beside_folders_one_of_its_own(tmp_path):
    flat, mixed = tmp_path / "flat", tmp_path / "mixed"
    (mixed / "study").mkdir(parents=True)
    flat.mkdir()
    (flat / "1").write_bytes(DICOM)
    (flat / "2.dcm").write_bytes(b"no preamble")
    (mixed / "study" / "1.dcm").write_bytes(DICOM)
    (mixed / "broken.dcm").write_text("not DICOM")
    assert names(find_units([flat])) == ["flat"]
    assert names(find_units([mixed])) == ["broken.dcm", "study"]


def test_a_list_names_paths_relative_to_itself_and_nothing_is_taken_twice(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"")
    (tmp_path / "list.txt").write_text("# which\n\na.nii\n", encoding="utf-8")
    assert names(find_units([tmp_path / "list.txt", tmp_path / "a.nii"])) == ["a.nii"]


def test_label_files_and_files_that_are_ruled_out_are_no_images_unless_they_are_named(tmp_path):
    for name in ("c_image.nii.gz", "c_labels.nii.gz", "d_mask.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    rules = LabelRules("_image", "_labels")
    assert names(find_units([tmp_path], "_mask", rules)) == ["c_image.nii.gz"]
    assert names(find_units([tmp_path / "d_mask.nii.gz"], "_mask", rules)) == ["d_mask.nii.gz"]


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"nowhere.nii\n"])
def test_a_list_that_leads_nowhere_is_refused(tmp_path, text):
    (tmp_path / "list.txt").write_bytes(text)
    with pytest.raises(InputError, match=r"list\.txt"):
        find_units([tmp_path / "list.txt"])


def test_an_input_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        find_units([tmp_path / "none"])
