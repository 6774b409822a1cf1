"""What a scan finds in a folder, a file, a zip and a DICOMDIR: series, stacks, ranking, irregular slices."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset

from surgtwin.dicom.load import load
from surgtwin.dicom.scan import ScanResult, scan
from surgtwin.dicom.thumbnail import thumbnail
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality
from surgtwin.errors import DicomError, GeometryError
from tests.conftest import make_oblique_grid, rotation
from tests.dicom.series_writer import ct_values, write_file, write_series

GRID = make_oblique_grid((8, 12, 16))
VALUES = ct_values(GRID.shape)


def reasons(result: ScanResult) -> dict[str, str]:
    return {str(s.path): s.reason for s in result.skipped}


def test_a_folder_with_anything_in_it(tmp_path: Path) -> None:
    write_series(tmp_path / "study 1" / "deep" / "er", GRID, VALUES, name="IM{:d}")
    write_series(tmp_path / "study 2", GRID, VALUES, modality="MR")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "renamed.dcm").write_text("This is text. " * 100)
    shutil.make_archive(str(tmp_path / "nested"), "zip", tmp_path / "study 2")
    result = scan(tmp_path)
    assert [s.modality for s in result.series] == [Modality.CT, Modality.MR]
    assert [s.shape_kji for s in result.series] == [GRID.shape, GRID.shape]
    assert reasons(result) == {
        "notes.txt": "it is not a DICOM file",
        "empty.dcm": "it is empty",
        "renamed.dcm": "it is not a DICOM file",
        "nested.zip": "it is a zip inside a folder: open it by itself",
    }
    assert np.array_equal(load(result.series[0]).values, VALUES)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_without_unpacking(tmp_path: Path, method: int) -> None:
    paths = write_series(tmp_path / "in", GRID, VALUES)
    with zipfile.ZipFile(tmp_path / "case.zip", "w", method) as archive:
        for path in paths:
            archive.write(path, f"any/where/{path.name}")
        archive.writestr("readme.txt", "hello")
    shutil.rmtree(tmp_path / "in")
    before = set(tmp_path.rglob("*"))
    result = scan(tmp_path / "case.zip")
    volume = load(result.series[0])
    assert np.array_equal(volume.values, VALUES)
    assert volume.source.dicom is not None
    assert len(volume.source.dicom.header) > 500
    assert reasons(result) == {"readme.txt": "it is not a DICOM file"}
    assert set(tmp_path.rglob("*")) == before


def test_a_dicomdir_lists_its_files_and_those_that_are_gone(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    shutil.copytree(Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests", medium)
    shutil.rmtree(medium / "77654033" / "CR1")
    (medium / "unlisted").write_bytes(b"x")
    by_index = scan(medium / "DICOMDIR")
    listed = [f for number in ("77654033", "98892001", "98892003") for f in (medium / number).rglob("*") if f.is_file()]
    assert {s.series_instance_uid for s in by_index.series} == {pydicom.dcmread(f).SeriesInstanceUID for f in listed}
    assert list(reasons(by_index).values()) == ["the DICOMDIR lists it, but it is not there"]
    assert "unlisted" not in reasons(by_index)
    assert any(s.is_loadable for s in by_index.series)


def test_a_dicomdir_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    from pydicom.uid import MediaStorageDirectoryStorage

    write_series(tmp_path / "secret", GRID, VALUES[:1], name="OUT")
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID, ds.SOPInstanceUID = MediaStorageDirectoryStorage, "1.2.3"
    record = Dataset()
    record[0x00041500] = DataElement(0x00041500, "CS", ["..", "secret", "OUT"], validation_mode=IGNORE)
    ds.DirectoryRecordSequence = [record]
    path = write_file(ds, tmp_path / "medium" / "DICOMDIR")
    result = scan(path)
    assert result.series == ()
    assert reasons(result) == {"secret/OUT": "the DICOMDIR lists it, but it is not there"}


def test_two_phases_in_one_series_become_two_stacks(tmp_path: Path) -> None:
    uids = ("1.2.3", "1.2.3.4", "1.2.3.5")

    def phase(number: int):  # type: ignore[no-untyped-def]
        def change(ds: Dataset, k: int) -> None:
            ds.AcquisitionNumber = number
            ds.InstanceNumber = number * 100 + k
            ds.AcquisitionTime = f"12{number:02d}{k:02d}"

        return change

    later = VALUES + 7
    write_series(tmp_path / "a", GRID, VALUES, uids=uids, change=phase(1))
    write_series(tmp_path / "b", GRID, later, uids=uids, change=phase(2))
    series = {s.stack: s for s in scan(tmp_path).series}
    assert set(series) == {"1", "2"}
    assert series["1"].key == "1.2.3.4/1"
    assert [series[n].reasons[0] for n in "12"] == [
        "stack 1 of 2 of its series: acquisition 1",
        "stack 2 of 2 of its series: acquisition 2",
    ]
    assert np.array_equal(load(series["1"]).values, VALUES)
    assert np.array_equal(load(series["2"]).values, later)


def test_acquisitions_that_follow_each_other_stay_one_stack(tmp_path: Path) -> None:
    def halves(ds: Dataset, k: int) -> None:
        ds.AcquisitionNumber = 1 + k // 4
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] + (["ADD"] if k % 2 else [])

    write_series(tmp_path, GRID, VALUES, change=halves)
    assert [s.frames for s in scan(tmp_path).series] == [8]


def test_three_orientations_in_one_series_become_three_stacks(tmp_path: Path) -> None:
    uids = ("1.2.3", "1.2.3.4", "1.2.3.5")
    for n, turn in enumerate([(0.0, 0.0, 0.0), (90.0, 0.0, 0.0), (0.0, 90.0, 0.0)]):
        grid = Grid.from_axes(GRID.shape, (0, 0, 0), rotation(turn), (1.0, 1.0, 3.0))
        write_series(tmp_path / str(n), grid, VALUES, uids=uids)
    series = scan(tmp_path).series
    assert sorted(s.frames for s in series) == [8, 8, 8]
    told = {s.reasons[0].split(": ")[1] for s in series}
    assert told == {"orientation axial", "orientation coronal", "orientation sagittal"}


def test_echoes_of_an_mr_are_told_apart(tmp_path: Path) -> None:
    uids = ("1.2.3", "1.2.3.4", "1.2.3.5")
    for n, time in enumerate(["2.3", "4.6", "6.9"]):

        def echo(ds: Dataset, k: int, time: str = time) -> None:
            ds.EchoTime = time

        write_series(tmp_path / str(n), GRID, VALUES + n, uids=uids, modality="MR", change=echo)
    series = scan(tmp_path).series
    assert [s.frames for s in series] == [8, 8, 8]
    told = {s.reasons[0].split(": ")[1] for s in series}
    assert told == {"echo time 2.3 ms", "echo time 4.6 ms", "echo time 6.9 ms"}


@pytest.mark.parametrize(
    ("keyword", "values", "words"),
    [
        ("EchoNumbers", ("1", "2"), {"echo 1", "echo 2"}),
        ("TriggerTime", ("450", "900"), {"trigger time 450 ms", "trigger time 900 ms"}),
        (
            "ImageType",
            (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]),
            {"image type ORIGINAL\\PRIMARY\\M", "image type ORIGINAL\\PRIMARY\\P"},
        ),
        ("PatientID", ("SECRET", "OTHER"), {"patient 1", "patient 2"}),
    ],
)
def test_what_tells_two_stacks_apart_is_said(
    tmp_path: Path, keyword: str, values: tuple[object, object], words: set[str]
) -> None:
    for name, value in zip("ab", values, strict=True):

        def change(ds: Dataset, k: int, value: object = value) -> None:
            setattr(ds, keyword, value)

        write_series(tmp_path / name, GRID, VALUES, uids=("1.2.3", "1.2.3.4", "1.2.3.5"), modality="MR", change=change)
    assert {s.reasons[0].split(": ")[1] for s in scan(tmp_path).series} == words


def test_a_thin_abdominal_ct_is_ranked_above_everything_else(tmp_path: Path) -> None:
    thin = Grid.from_axes((40, 8, 8), (0, 0, 0), np.eye(3), (0.8, 0.8, 1.0))
    thick = Grid.from_axes((8, 8, 8), (0, 0, 0), np.eye(3), (0.8, 0.8, 5.0))
    coronal = Grid.from_axes((8, 8, 8), (0, 0, 0), rotation((90, 0, 0)), (0.8, 0.8, 1.0))

    def localizer(ds: Dataset, k: int) -> None:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        ds.SeriesDescription = "Scout"

    def named(text: str):  # type: ignore[no-untyped-def]
        return lambda ds, k: setattr(ds, "SeriesDescription", text)

    write_series(tmp_path / "scout", thick, ct_values(thick.shape)[:1], change=localizer)
    write_series(tmp_path / "thick", thick, ct_values(thick.shape), change=named("Abdomen 5mm"))
    write_series(tmp_path / "coronal", coronal, ct_values(coronal.shape), change=named("Abdomen cor"))
    write_series(tmp_path / "mr", thick, ct_values(thick.shape), change=named("Liver T2"), modality="MR")
    write_series(tmp_path / "thin", thin, ct_values(thin.shape), change=named("Abdomen 1mm portal"))
    series = scan(tmp_path).series
    assert series[0].description == "Abdomen 1mm portal"
    assert series[-1].description == "Scout"
    assert not series[-1].is_loadable
    assert "a localizer" in series[-1].reasons
    assert {"axial", "CT", "40 slices"} <= set(series[0].reasons)
    assert [s.score for s in series] == sorted((s.score for s in series), reverse=True)


@pytest.fixture
def without_two(tmp_path: Path) -> Path:
    """Slices 4 and 5 are missing."""
    paths = write_series(tmp_path, GRID, VALUES)
    paths[3].unlink()
    paths[4].unlink()
    return tmp_path


def test_missing_slices_are_located_and_refused(without_two: Path) -> None:
    series = scan(without_two).series[0]
    assert not series.is_loadable
    assert series.needs_regularise
    finding = next(f for f in series.findings if f.code == "missing-slices")
    assert finding.numbers["gap_mm"] == pytest.approx(7.5)
    assert finding.numbers["spacing_mm"] == pytest.approx(2.5)
    with pytest.raises(GeometryError, match=r"7\.50 mm between slices 3 and 4"):
        load(series)


def test_missing_slices_are_interpolated_when_allowed_and_it_is_recorded(without_two: Path) -> None:
    volume = load(scan(without_two).series[0], regularise=True)
    assert volume.grid.is_same_space(GRID)
    kept = [0, 1, 2, 5, 6, 7]
    assert np.array_equal(volume.values[kept], VALUES[kept])
    between = (2 * VALUES[2].astype(float) + VALUES[5]) / 3
    assert np.abs(volume.values[3] - between).max() <= 0.5 + 1e-6
    finding = next(f for f in volume.findings if f.code == "regularised")
    assert finding.numbers["interpolated_slices"] == 2
    assert finding.numbers["largest_gap_mm"] == pytest.approx(7.5)
    assert volume.source.dicom is not None
    assert not volume.source.dicom.is_on_grid


def moved(millimetres: dict[int, float], axis: int = 2):  # type: ignore[no-untyped-def]
    """Moves slices along an axis of the grid."""

    def change(ds: Dataset, k: int) -> None:
        place = np.zeros(3)
        place[axis] = millimetres.get(k, 0.0)
        offset = GRID.direction @ place
        ds.ImagePositionPatient = [f"{float(c) + o:.6f}" for c, o in zip(ds.ImagePositionPatient, offset, strict=True)]

    return change


def test_one_slice_out_of_place_is_refused_and_named(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES, change=moved({3: 0.8}))
    series = scan(tmp_path).series[0]
    with pytest.raises(GeometryError, match=r"1\.70 mm|3\.30 mm"):
        load(series)
    volume = load(series, regularise=True)
    assert volume.grid.spacing[2] == pytest.approx(2.5, abs=0.01)
    assert next(f for f in volume.findings if f.code == "regularised").numbers["largest_shift_mm"] > 0.7


def test_positions_rounded_to_two_decimals_are_accepted(tmp_path: Path) -> None:
    def rounded(ds: Dataset, k: int) -> None:
        ds.ImagePositionPatient = [f"{float(c):.2f}" for c in ds.ImagePositionPatient]

    write_series(tmp_path, GRID, VALUES, change=rounded)
    assert np.array_equal(load(scan(tmp_path).series[0]).values, VALUES)


def test_the_same_slice_twice_under_other_uids_is_refused_and_dropped_when_allowed(tmp_path: Path) -> None:
    uids = ("1.2.3", "1.2.3.4", "1.2.3.5")
    write_series(tmp_path, GRID, VALUES, uids=uids)
    one = Grid((1, *GRID.shape[1:]), GRID.lps_from_ijk)
    write_series(tmp_path / "again", one, VALUES[:1] + 3, uids=uids)
    series = scan(tmp_path).series[0]
    assert "duplicate-slices" in {f.code for f in series.findings}
    with pytest.raises(GeometryError, match="same place"):
        load(series)
    volume = load(series, regularise=True)
    assert volume.values.shape == VALUES.shape
    assert "regularised" in {f.code for f in volume.findings}


def test_copies_of_a_file_are_passed_over_and_said(tmp_path: Path) -> None:
    paths = write_series(tmp_path, GRID, VALUES)
    shutil.copy(paths[2], tmp_path / "z-copy.dcm")
    result = scan(tmp_path)
    assert reasons(result) == {"z-copy.dcm": f"it is a copy of {paths[2].name}"}
    assert np.array_equal(load(result.series[0]).values, VALUES)


def test_slices_that_all_claim_one_uid_are_still_told_apart_by_place(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES, change=lambda ds, k: setattr(ds, "SOPInstanceUID", "1.2.3"))
    assert np.array_equal(load(scan(tmp_path).series[0]).values, VALUES)


def smooth(grid: Grid) -> np.ndarray:
    """A function of place, linear so that interpolation gives it back exactly; int16."""
    places = np.indices(grid.shape).reshape(3, -1)[::-1].T
    lps = grid.to_lps(places)
    return np.rint(lps @ [3.0, 5.0, 2.0] + 200).astype(np.int16).reshape(grid.shape)


def test_a_tilted_gantry_is_straightened_and_every_value_stays_at_its_place(tmp_path: Path) -> None:
    tilt = np.radians(17.0)
    shape, spacing = (10, 24, 20), (0.9, 0.9, 3.0)
    sheared = np.eye(4)
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(tilt), -np.sin(tilt)])
    sheared[:3, 0], sheared[:3, 1], sheared[:3, 2] = row * spacing[0], column * spacing[1], [0, 0, spacing[2]]
    sheared[:3, 3] = (-12, 5, 40)
    grid = Grid(shape, sheared)
    values = smooth(grid)
    write_series(tmp_path, grid, values)
    series = scan(tmp_path).series[0]
    assert series.is_loadable
    volume = load(series)
    finding = next(f for f in volume.findings if f.code == "gantry-tilt")
    assert finding.numbers["degrees"] == pytest.approx(17.0, abs=0.05)
    assert finding.numbers["largest_shift_mm"] == pytest.approx(9 * 3.0 * np.sin(tilt), abs=0.05)
    axes = volume.grid.direction
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6
    inside = volume.values > volume.values.min() + 1
    expected = smooth(volume.grid)
    assert np.abs(volume.values[inside].astype(int) - expected[inside]).max() <= 1
    assert inside.mean() > 0.6
    assert volume.source.dicom is not None
    assert not volume.source.dicom.is_on_grid


def test_slices_shifted_sideways_at_random_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES, change=moved({2: 4.0, 5: -3.0}, axis=0))
    with pytest.raises(GeometryError, match="sideways"):
        load(scan(tmp_path).series[0])
    volume = load(scan(tmp_path).series[0], regularise=True)
    assert volume.grid.shape[2] > GRID.shape[2]


def test_two_patients_in_one_series_are_kept_apart(tmp_path: Path) -> None:
    uids = ("1.2.3", "1.2.3.4", "1.2.3.5")
    write_series(tmp_path / "a", GRID, VALUES, uids=uids)
    write_series(tmp_path / "b", GRID, VALUES, uids=uids, change=lambda ds, k: setattr(ds, "PatientID", "OTHER"))
    assert [s.frames for s in scan(tmp_path).series] == [8, 8]


def test_series_without_uids_are_grouped_by_what_else_they_share(tmp_path: Path) -> None:
    def blank(ds: Dataset, k: int) -> None:
        ds.SeriesInstanceUID = ds.StudyInstanceUID = ds.SOPInstanceUID = ""

    write_series(tmp_path, GRID, VALUES, change=blank)
    series = scan(tmp_path).series[0]
    assert series.key == "unnamed-1"
    assert np.array_equal(load(series).values, VALUES)
    assert "no-series-uid" in {f.code for f in series.findings}


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write_series(tmp_path / "a", GRID, VALUES)
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    result = scan(tmp_path)
    assert len(result.series) == 1
    assert result.series[0].frames == 8
    assert any("link" in r for r in reasons(result).values())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_named_pipe_does_not_hang_the_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert reasons(scan(tmp_path)) == {"pipe": "it is no ordinary file"}


def test_nothing_at_the_path_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="cannot be read"):
        scan(tmp_path / "nowhere")


def test_thumbnails_keep_proportion_and_show_something(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES)
    picture = thumbnail(scan(tmp_path).series[0], 64)
    assert picture.dtype == np.uint8
    assert picture.shape == (round(64 * 12 * 1.1 / (16 * 0.9)), 64) or max(picture.shape) == 64
    assert picture.std() > 5


def test_names_in_other_alphabets_are_decoded(tmp_path: Path) -> None:
    def japanese(ds: Dataset, k: int) -> None:
        ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        ds.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"

    write_series(tmp_path, GRID, VALUES, change=japanese)
    assert scan(tmp_path).series[0].patient.name == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_the_real_head_series_is_refused_as_uneven_and_loads_when_allowed(real_data: Path) -> None:
    series = scan(real_data / "dicom" / "ct_head_gantry_tilt").series[0]
    with pytest.raises(GeometryError, match="unevenly spaced"):
        load(series)
    volume = load(series, regularise=True)
    by_code = {f.code: f for f in volume.findings}
    assert by_code["gantry-tilt"].numbers["degrees"] == pytest.approx(18.5, abs=0.1)
    assert by_code["regularised"].numbers["largest_gap_mm"] == pytest.approx(7.0, abs=0.01)
    axes = volume.grid.direction
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6


def test_real_series_in_one_folder_are_ranked_abdomen_first(real_data: Path) -> None:
    result = scan(real_data / "dicom")
    assert [s.frames for s in result.series] == [87, 35, 30, 28]
    assert result.skipped == ()
