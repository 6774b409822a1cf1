"""An index of the medium beside the images: files that it lists and that are not there are said."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import MediaStorageDirectoryStorage

from surgtwin.dicom.load import load
from surgtwin.dicom.scan import ScanResult, scan
from surgtwin.domain.finding import Severity
from surgtwin.errors import GeometryError
from tests.conftest import make_oblique_grid
from tests.dicom.series_writer import ct_values, write_file, write_series

GRID = make_oblique_grid((6, 8, 10))
REASON = "the DICOMDIR lists it, but it is not there"


def images(medium: Path) -> list[Path]:
    """The files of the first series, in the order of the slices."""
    return sorted((medium / "A").iterdir(), key=lambda p: dcmread(p).InstanceNumber)


def record(kind: str, **values: object) -> Dataset:
    """One directory record; offsets, which the reader does not need, are left out."""
    ds = Dataset()
    ds.DirectoryRecordType = kind
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A medium with two series and its DICOMDIR."""
    folder, values = tmp_path / "medium", ct_values(GRID.shape)
    records = [record("PATIENT", PatientID="SECRET-ID")]
    for name, study in (("A", "1.2.3"), ("B", "1.2.4")):
        paths = write_series(folder / name, GRID, values, uids=(study, f"{study}.4", f"{study}.5"), name="IM{:d}")
        records += [record("STUDY", StudyInstanceUID=study), record("SERIES", SeriesInstanceUID=f"{study}.4")]
        records += [
            record("IMAGE", ReferencedFileID=[name, p.name], ReferencedSOPInstanceUIDInFile=dcmread(p).SOPInstanceUID)
            for p in paths
        ]
    index = Dataset()
    index.file_meta = FileMetaDataset()
    index.SOPClassUID, index.SOPInstanceUID = MediaStorageDirectoryStorage, "1.2.5"
    index.DirectoryRecordSequence = records
    write_file(index, folder / "DICOMDIR")
    return folder


def lost(result: ScanResult) -> list[tuple[str, str]]:
    return [(str(s.path), s.reason) for s in result.skipped if s.is_damaged]


@pytest.mark.parametrize("given", [".", "DICOMDIR"])
def test_a_whole_medium_has_nothing_to_say(medium: Path, given: str) -> None:
    result = scan(medium / given)
    assert lost(result) == []
    assert [len(load(s).findings) for s in result.series] == [0, 0]


@pytest.mark.parametrize("given", [".", "DICOMDIR"])
def test_a_missing_last_slice_is_said_of_its_series_and_its_volume(medium: Path, given: str) -> None:
    gone = images(medium)[-1]
    uid = dcmread(gone).SeriesInstanceUID
    gone.unlink()
    result = scan(medium / given)
    assert lost(result) == [(str(gone.relative_to(medium)), REASON)]
    for series in result.series:
        volume = load(series)
        told = [f for f in volume.findings if f.code == "listed-files-missing"]
        assert len(told) == (series.series_instance_uid == uid)
        if told:
            assert volume.values.shape[0] == 5
            assert told[0].severity is Severity.WARNING
            assert told[0].message.startswith("The DICOMDIR lists 1 files of this series that are not there (")
            assert gone.name in told[0].message
            assert told[0].numbers == {"files": 1.0}


def test_a_missing_slice_within_is_a_gap_and_said_besides(medium: Path) -> None:
    images(medium)[2].unlink()
    series = next(s for s in scan(medium).series if s.refusal is not None)
    with pytest.raises(GeometryError, match=r"gap of 5\.00 mm"):
        load(series)
    assert "listed-files-missing" in {f.code for f in load(series, regularise=True).findings}


def test_files_that_were_renamed_are_not_missing(medium: Path) -> None:
    for n, path in enumerate(images(medium)):
        path.rename(medium / f"renamed{n}.dcm")
    assert lost(scan(medium)) == []


def test_a_medium_in_a_zip(medium: Path, tmp_path: Path) -> None:
    images(medium)[-1].unlink()
    with zipfile.ZipFile(tmp_path / "medium.zip", "w") as archive:
        for path in medium.rglob("*"):
            archive.write(path, f"disc/{path.relative_to(medium)}")
    result = scan(tmp_path / "medium.zip")
    assert len(lost(result)) == 1
    assert ["listed-files-missing" in {f.code for f in s.findings} for s in result.series].count(True) == 1


def test_an_index_out_of_order_accuses_no_series_of_its_own(medium: Path) -> None:
    images(medium)[-1].unlink()
    index = dcmread(medium / "DICOMDIR")
    records = index.DirectoryRecordSequence
    index.DirectoryRecordSequence = sorted(records, key=lambda r: r.DirectoryRecordType == "IMAGE")
    index.save_as(medium / "DICOMDIR")
    result = scan(medium)
    assert len(lost(result)) == 1
    codes = [f.code for s in result.series for f in s.findings]
    assert codes == ["damaged-files-nearby"]


def test_a_damaged_index_is_said_and_the_images_are_read(medium: Path) -> None:
    index = medium / "DICOMDIR"
    index.write_bytes(index.read_bytes()[:-300])
    result = scan(medium)
    assert [s.frames for s in result.series] == [6, 6]
    assert [s.reason for s in result.skipped if "cut short" in s.reason and s.path.name == "DICOMDIR"]
