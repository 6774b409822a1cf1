"""Input that is damaged, absurd or hostile: one typed error or one skipped file each, and never a wrong volume."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from surgtwin.dicom.load import load
from surgtwin.dicom.scan import scan
from surgtwin.dicom.thumbnail import thumbnail
from surgtwin.errors import DicomError, GeometryError, PixelError, SurgTwinError
from tests.conftest import make_oblique_grid
from tests.dicom.series_writer import ct_values, write_series

GRID = make_oblique_grid((8, 12, 16))
VALUES = ct_values(GRID.shape)
BUNDLED = sorted(
    f for f in (Path(pydicom.__file__).parent / "data").rglob("*") if f.is_file() and not f.suffix.startswith(".py")
)
PEAK_MIB = 200
"""Of a process that scans a bomb: the libraries, and a few times the largest header that is read."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def series_files(tmp_path: Path) -> list[Path]:
    """Eight sound slices, in the order of their place."""
    return write_series(tmp_path / "case", GRID, VALUES)


def loads_or_is_refused(folder: Path) -> list[np.ndarray]:
    """The volumes that can be made of an input; whatever else happens must be a typed error."""
    volumes = []
    try:
        found = scan(folder).series
    except SurgTwinError:
        return []
    for series in found:
        for regularise in (False, True):
            try:
                volumes.append(load(series, regularise=regularise).values)
                thumbnail(series, 16)
            except SurgTwinError as error:
                assert "Secret" not in str(error)
                assert "SECRET" not in str(error)
    return volumes


def test_a_file_cut_at_any_byte_never_gives_a_wrong_volume(series_files: list[Path]) -> None:
    folder, victim = series_files[0].parent, series_files[4]
    whole = victim.read_bytes()
    assert scan(folder).series[0].is_loadable
    cuts = [*range(0, len(whole) - 384, 53), *range(len(whole) - 390, len(whole) - 1, 19), len(whole) - 1]
    for cut in cuts:
        victim.write_bytes(whole[:cut])
        result = scan(folder)
        series = result.series[0]
        assert not series.is_loadable, cut
        with pytest.raises((GeometryError, PixelError)):
            load(series)
        codes = {f.code for f in series.findings}
        assert codes & {"missing-slices", "damaged-slices"}
    victim.write_bytes(whole[: len(whole) - 200])
    with pytest.raises(PixelError, match=f"{victim.name}: it is cut short"):
        load(scan(folder).series[0])
    volume = load(scan(folder).series[0], regularise=True)
    assert volume.grid.is_same_space(GRID)
    untouched = [0, 1, 2, 3, 5, 6, 7]
    assert np.array_equal(volume.values[untouched], VALUES[untouched])


def test_a_damaged_header_at_the_end_of_a_stack_is_said(series_files: list[Path]) -> None:
    series_files[-1].write_bytes(series_files[-1].read_bytes()[:700])
    series = scan(series_files[0].parent).series[0]
    assert series.shape_kji == (7, 12, 16)
    assert "damaged-files-nearby" in {f.code for f in load(series).findings}


DAMAGE = {
    "empty": (lambda data: b"", "it is empty"),
    "no pixels": (lambda data: data[: data.index(b"\xe0\x7f\x10\x00")], "it has no pixel data"),
    "before its series UID": (lambda data: data[: data.index(b"\x20\x00\x0e\x00") + 4], "it is cut short"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_refusal_of_a_gap_names_the_damaged_files_beside_it(series_files: list[Path], kind: str) -> None:
    damage, reason = DAMAGE[kind]
    within = series_files[2:5]
    for path in within:
        path.write_bytes(damage(path.read_bytes()))
    (within[0].parent / ".nomedia").touch()
    with pytest.raises(GeometryError) as refused:
        load(scan(within[0].parent).series[0])
    first, second, third = sorted(p.name for p in within)
    assert "between slices 2 and 3" in str(refused.value)
    assert f"3 DICOM files in the folder of this series are damaged ({first}: {reason}" in str(refused.value)
    assert f"; {second}: {reason}" in str(refused.value)
    assert "; and 1 more)" in str(refused.value)
    assert third not in str(refused.value)


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_last_file_is_said_of_the_shorter_volume(series_files: list[Path], kind: str) -> None:
    last = series_files[-1]
    last.write_bytes(DAMAGE[kind][0](last.read_bytes()))
    volume = load(scan(last.parent).series[0])
    assert last.name in next(f.message for f in volume.findings if f.code == "damaged-files-nearby")


def test_a_file_that_shrinks_between_scan_and_load_is_named(series_files: list[Path]) -> None:
    series = scan(series_files[0].parent).series[0]
    series_files[3].write_bytes(series_files[3].read_bytes()[:-100])
    with pytest.raises(PixelError, match=series_files[3].name):
        load(series)


def test_the_other_series_of_a_folder_still_load(series_files: list[Path], tmp_path: Path) -> None:
    bad = write_series(tmp_path / "case" / "bad", GRID, VALUES)
    for path in bad:
        path.write_bytes(path.read_bytes()[:-300])
    result = scan(tmp_path / "case")
    assert [s.is_loadable for s in result.series] == [True, False]
    assert np.array_equal(load(result.series[0]).values, VALUES)
    with pytest.raises(PixelError, match="cut short"):
        load(result.series[1])


def put(keyword: str, value: object, vr: str | None = None):  # type: ignore[no-untyped-def]
    """Sets an attribute of every slice without pydicom's checks."""

    def change(ds: Dataset, k: int) -> None:
        tag = pydicom.tag.Tag(pydicom.datadict.tag_for_keyword(keyword))
        ds[tag] = DataElement(tag, vr or pydicom.datadict.dictionary_VR(tag), value, validation_mode=IGNORE)

    return change


@pytest.mark.parametrize(
    ("keyword", "value", "vr", "said"),
    [
        ("Rows", 65535, "US", "not plausible"),
        ("Columns", 65535, "US", "not plausible"),
        ("Rows", 0, "US", "not plausible"),
        ("Rows", 13, "US", "bytes of pixel data"),
        ("Rows", 10, "US", "bytes of pixel data"),
        ("BitsAllocated", 8, "US", "which cannot be"),
        ("BitsAllocated", 1, "US", "1 bits"),
        ("BitsAllocated", 64, "US", "64 bits"),
        ("BitsStored", 17, "US", "cannot be"),
        ("HighBit", 3, "US", "high bit"),
        ("NumberOfFrames", "1000000000", "LO", "not plausible"),
        ("NumberOfFrames", "-3", "LO", "not plausible"),
        ("PixelSpacing", "-1\\1", "LO", "PixelSpacing"),
        ("PixelSpacing", "0\\0", "LO", "PixelSpacing"),
        ("PixelSpacing", "nan\\1", "LO", "PixelSpacing"),
        ("PixelSpacing", "1e30\\1", "LO", "PixelSpacing"),
        ("PixelSpacing", "abc", "LO", "PixelSpacing"),
        ("ImagePositionPatient", "nan\\0\\0", "LO", "ImagePositionPatient"),
        ("ImagePositionPatient", "1e308\\0\\0", "LO", "ImagePositionPatient"),
        ("ImagePositionPatient", "0\\0", "LO", "ImagePositionPatient"),
        ("ImagePositionPatient", "0\\0\\0", "LO", "same place"),
        ("ImageOrientationPatient", "0\\0\\0\\0\\0\\0", "LO", "right angle"),
        ("ImageOrientationPatient", "1\\0\\0\\1\\0\\0", "LO", "right angle"),
        ("ImageOrientationPatient", "1e200\\0\\0\\0\\1e200\\0", "LO", "ImageOrientationPatient"),
        ("ImageOrientationPatient", "one", "LO", "ImageOrientationPatient"),
        ("RescaleSlope", "0", "LO", "RescaleSlope"),
        ("RescaleSlope", "nan", "LO", "RescaleSlope"),
        ("RescaleSlope", "1e300", "LO", "RescaleSlope"),
        ("RescaleIntercept", "none", "LO", "RescaleIntercept"),
        ("PhotometricInterpretation", "PALETTE COLOR", "CS", "colour"),
        ("Modality", "SEG", "CS", "segmentation"),
    ],
)  # fmt: skip
def test_absurd_attributes_are_refused_and_named(
    tmp_path: Path, keyword: str, value: object, vr: str, said: str
) -> None:
    write_series(tmp_path, GRID, VALUES, change=put(keyword, value, vr))
    series = scan(tmp_path).series[0]
    assert not series.is_loadable
    for regularise in (False, True):
        with pytest.raises(DicomError, match=said):
            load(series, regularise=regularise)


def test_one_slice_of_another_size_leaves_a_gap_that_is_refused(tmp_path: Path) -> None:
    def odd(ds: Dataset, k: int) -> None:
        if k == 3:
            ds.Rows, ds.Columns = 16, 12

    write_series(tmp_path, GRID, VALUES, change=odd)
    found = scan(tmp_path).series
    assert not any(s.is_loadable for s in found)


def test_images_without_pixels_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES, change=lambda ds, k: delattr(ds, "PixelData"))
    result = scan(tmp_path)
    assert result.series == ()
    assert {s.reason for s in result.skipped} == {"it has no pixel data (modality CT)"}


@pytest.mark.parametrize("content", [b"", b"\0", b"\0" * 132, b"\0" * 128 + b"DICM", b"DICM" * 100, b"{}" * 500])
def test_files_of_nothing_are_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.dcm").write_bytes(content)
    for path in (tmp_path, tmp_path / "x.dcm"):
        result = scan(path)
        assert result.series == ()
        assert len(result.skipped) == 1
        assert result.skipped[0].reason


def in_bounds(path: Path, mebibytes: int = 1500) -> dict[str, object]:
    """Scan and load in a process that may not take more memory than that; what came of it, and its peak."""
    code = """
import json, re, resource, sys
from pathlib import Path
from surgtwin.dicom.load import load
from surgtwin.dicom.scan import scan
from surgtwin.errors import SurgTwinError
out = {"loaded": 0, "errors": []}
try:
    result = scan(Path(sys.argv[1]))
    out["skipped"] = [s.reason for s in result.skipped]
    out["names"] = [str(s.path) for s in result.skipped]
    for series in result.series:
        try:
            load(series, regularise=True)
            out["loaded"] += 1
        except SurgTwinError as error:
            out["errors"].append(str(error))
except SurgTwinError as error:
    out["errors"].append(str(error))
status = Path("/proc/self/status")  # ru_maxrss is that of the process that started this one, if it was larger
own = re.search(r"VmHWM:\\s+(\\d+)", status.read_text()) if status.exists() else None
out["peak_mib"] = (int(own.group(1)) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
print(json.dumps(out))
"""
    limit = mebibytes * 2**20
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    found: dict[str, object] = json.loads(done.stdout)
    assert float(found["peak_mib"]) < PEAK_MIB  # type: ignore[arg-type]
    return found


META = b"\0" * 128 + b"DICM"


def meta(syntax: bytes) -> bytes:
    uid = syntax + b"\0" * (len(syntax) % 2)
    return META + b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid


def bomb(start: bytes, mebibytes: int) -> bytes:
    """A raw deflate stream of `start` and that many mebibytes of zeros."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(b"\0" * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed + zeros * mebibytes + packer.flush()


def test_a_deflated_bomb_is_not_inflated(tmp_path: Path) -> None:
    packed = bomb(b"\x09\x00\x10\x00OB\0\0" + (2**31).to_bytes(4, "little"), mebibytes=2000)
    assert len(packed) < 2**22
    (tmp_path / "bomb.dcm").write_bytes(meta(DeflatedExplicitVRLittleEndian.encode()) + packed)
    found = in_bounds(tmp_path)
    assert found["skipped"] == ["its header is larger than 64 MiB or damaged"]


def test_a_deflated_image_with_a_bomb_behind_it_is_read_no_further_than_needed(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES, syntax=DeflatedExplicitVRLittleEndian, change=put("InstitutionName", "x"))
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        at = data.index(b"1.2.840.10008.1.2.1.99")
        start = at + 22
        path.write_bytes(data[:start] + bomb(zlib.decompress(data[start:], -15), mebibytes=2000))
    in_bounds(tmp_path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("a.dcm", "w", force_zip64=True) as member:
            member.write(meta(b"1.2.840.10008.1.2.1") + b"\x09\x00\x10\x00OB\0\0" + (2**31).to_bytes(4, "little"))
            for _ in range(300):
                member.write(b"\0" * 2**20)
        with archive.open("b.bin", "w") as member:
            for _ in range(300):
                member.write(b"\0" * 2**20)
    found = in_bounds(tmp_path / "bomb.zip")
    assert found["skipped"] == ["its header is larger than 64 MiB or damaged", "it is not a DICOM file"]


@pytest.mark.parametrize("syntax", [b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2"])
@pytest.mark.parametrize("depth", [40, 200_000])
def test_deeply_nested_sequences_are_refused(tmp_path: Path, syntax: bytes, depth: int) -> None:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    explicit = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
    implicit = b"\x08\x00\x40\x11\xff\xff\xff\xff"
    opening = (explicit if syntax.endswith(b".1") else implicit) + item
    (tmp_path / "deep.dcm").write_bytes(meta(syntax) + opening * depth)
    assert in_bounds(tmp_path)["skipped"] == ["its sequences are nested deeper than 32"]


def test_a_sound_image_with_a_deep_sequence_of_stated_length_loads_without_it(tmp_path: Path) -> None:
    def nest(depth: int) -> Dataset:
        inner = Dataset()
        inner.CodeValue = "x"
        for _ in range(depth):
            outer = Dataset()
            outer.ConceptNameCodeSequence = [inner]
            inner = outer
        return inner

    def change(ds: Dataset, k: int) -> None:
        ds.ProcedureCodeSequence = [nest(60)]

    write_series(tmp_path, GRID, VALUES, change=change)
    volume = load(scan(tmp_path).series[0])
    assert np.array_equal(volume.values, VALUES)
    assert "no-source-header" in {f.code for f in volume.findings}


def test_millions_of_tiny_elements_end(tmp_path: Path) -> None:
    (tmp_path / "many.dcm").write_bytes(meta(b"1.2.840.10008.1.2.1") + b"\x09\x00\x10\x00LO\0\0" * 4_000_000)
    assert in_bounds(tmp_path)["skipped"] == ["it holds more than 1000000 data elements before its pixel data"]


def test_names_inside_a_zip_cannot_lead_out_of_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("../../evil.txt", "/etc/evil", "C:\\evil", "a/../../b", "bad\nname"):
            archive.writestr(name, b"hello, not dicom")
    result = scan(tmp_path / "x.zip")
    for skipped in result.skipped:
        assert not skipped.path.is_absolute()
        assert ".." not in skipped.path.parts
        assert str(skipped.path).isprintable()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zip"]


def test_a_zip_with_a_damaged_member_is_refused_by_name(series_files: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in series_files:
            archive.write(file, file.name)
        offset = archive.getinfo(series_files[4].name).header_offset
    data = bytearray(path.read_bytes())
    data[offset + 30 + len(series_files[4].name) + series_files[4].stat().st_size - 5] ^= 0xFF
    path.write_bytes(data)
    result = scan(path)
    assert [(str(s.path), s.reason[:25]) for s in result.skipped] == [
        (series_files[4].name, "it is damaged inside the "),
    ]
    with pytest.raises(GeometryError, match="between slices 4 and 5"):
        load(result.series[0])


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.95])
def test_a_cut_zip_is_refused(series_files: list[Path], tmp_path: Path, keep: float) -> None:
    shutil.make_archive(str(tmp_path / "x"), "zip", series_files[0].parent)
    path = tmp_path / "x.zip"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)] or b"PK\x03\x04")
    with pytest.raises(DicomError, match=r"x\.zip cannot be read"):
        scan(path)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_passed_over(series_files: list[Path]) -> None:
    series_files[0].chmod(0)
    assert "cannot be read" in scan(series_files[0].parent).skipped[0].reason


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """One of: bytes changed, cut, a piece taken out, a piece doubled."""
    changed = bytearray(data)
    kind = random.integers(0, 4)
    if kind == 0 or len(data) < 16:
        for at in random.integers(0, max(len(data), 1), 8):
            if changed:
                changed[at] = random.integers(0, 256)
    elif kind == 1:
        del changed[random.integers(1, len(data)) :]
    else:
        start = int(random.integers(0, len(data) - 8))
        size = int(random.integers(1, 64))
        piece = changed[start : start + size]
        changed[start : start + size] = b"" if kind == 2 else piece * 2
    return bytes(changed)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda p: p.name)
def test_mutated_copies_of_pydicoms_files_give_typed_errors_only(path: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    data = path.read_bytes()
    loads_or_is_refused(path)
    for number in range(4):
        (tmp_path / f"{number}{path.suffix}").write_bytes(mutated(data, random))
    loads_or_is_refused(tmp_path)


def test_a_series_with_a_mutated_slice_never_crashes(series_files: list[Path]) -> None:
    random = np.random.default_rng(5)
    victim = series_files[4]
    whole = victim.read_bytes()
    for _ in range(120):
        victim.write_bytes(mutated(whole[: len(whole) - 384], random) + whole[len(whole) - 384 :])
        loads_or_is_refused(victim.parent)


def test_damaged_compressed_frames_end_in_a_pixel_error(tmp_path: Path) -> None:
    from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

    grid = make_oblique_grid((3, 40, 48))
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):

        def compress(ds: Dataset, k: int, syntax: str = syntax) -> None:
            ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            ds.compress(syntax, generate_instance_uid=False)

        folder = tmp_path / syntax
        paths = write_series(folder, grid, ct_values(grid.shape), change=compress, syntax=syntax)
        data = paths[1].read_bytes()
        pixels = data.rindex(b"\xe0\x7f\x10\x00")
        for cut in (40, 200, len(data) - pixels - 60):
            paths[1].write_bytes(data[:-cut])
            with pytest.raises(PixelError, match=paths[1].name):
                load(scan(folder).series[0])
        # Cut within the frame, but with the structure around it whole.
        end = data[-8:]
        body = data[pixels + 20 : -8]
        item = len(body) // 4 * 2
        head = data[: pixels + 12] + b"\xfe\xff\x00\xe0\0\0\0\0"
        cut_frame = body[8 : item + 8]
        paths[1].write_bytes(head + b"\xfe\xff\x00\xe0" + len(cut_frame).to_bytes(4, "little") + cut_frame + end)
        with pytest.raises(PixelError, match=paths[1].name):
            load(scan(folder).series[0])


@pytest.mark.slow
def test_a_damaged_jpeg_cannot_end_the_program(tmp_path: Path) -> None:
    from pydicom.uid import JPEGLosslessSV1

    from surgtwin.dicom.file_ref import FileRef
    from surgtwin.dicom.fragments import split_frames
    from surgtwin.dicom.frames import read_instance
    from surgtwin.dicom.header import read_header
    from surgtwin.dicom.jpeg_decoder import JpegDecoders
    from tests.dicom.test_load_values import compress_by_gdcm

    grid = make_oblique_grid((2, 40, 48))
    paths = write_series(tmp_path, grid, ct_values(grid.shape))
    compress_by_gdcm(tmp_path, JPEGLosslessSV1)
    with paths[0].open("rb") as stream:
        header = read_header(stream)
    layout = read_instance(FileRef(paths[0], "x", paths[0].stat().st_size), header).layout
    frame = split_frames(paths[0].read_bytes()[layout.place.offset :], 1)[0]
    random = np.random.default_rng(3)
    errors = 0
    with JpegDecoders() as jpeg:
        for _ in range(25):
            damaged = bytearray(frame)
            for at in random.integers(2, 200, 3):
                damaged[at] = random.integers(0, 256)
            try:
                jpeg.decode(bytes(damaged), layout)
            except PixelError:
                errors += 1
        assert jpeg.decode(frame, layout).shape == (40, 48)
    assert errors > 5
