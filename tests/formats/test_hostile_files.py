"""Damaged, lying and foreign files: one typed error that names the file, at once and without memory."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surgtwin.errors import FormatError, InputError, SurgTwinError
from surgtwin.formats.names import read_names
from surgtwin.formats.registry import read_labels, read_volume

ENDINGS = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"]


def good_bytes(tmp_path: Path, ending: str) -> bytes:
    values = (np.arange(4 * 5 * 6).reshape(4, 5, 6) - 60).astype(np.int16)
    path = tmp_path / f"good{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    return path.read_bytes()


def assert_refused(path: Path, match: str = ".") -> None:
    with pytest.raises(FormatError, match=match) as caught:
        read_volume(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "content", [b"", b"\n", b"hello, I am text\n" * 40, b"\x1f\x8b", b"\x00" * 1000, b"\xff" * 1000]
)
def test_what_is_no_image_is_refused(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"odd{ending}"
    path.write_bytes(content)
    assert_refused(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_every_truncation_is_refused(tmp_path: Path, ending: str) -> None:
    whole = good_bytes(tmp_path, ending)
    path = tmp_path / f"cut{ending}"
    for length in {*range(0, len(whole) - 12, 7), len(whole) // 2}:
        path.write_bytes(whole[:length])
        assert_refused(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_folder_or_nothing_under_the_name_is_refused(tmp_path: Path, ending: str) -> None:
    assert_refused(tmp_path / f"missing{ending}", "not a file")
    (tmp_path / f"folder{ending}").mkdir()
    assert_refused(tmp_path / f"folder{ending}", "not a file")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), ending=st.sampled_from([".nii", ".nrrd", ".mha"]))
def test_mutated_files_are_read_or_refused_but_never_crash(tmp_path: Path, data: st.DataObject, ending: str) -> None:
    raw = bytearray(good_bytes(tmp_path, ending))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, min(len(raw), 400) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"mutated{ending}"
    path.write_bytes(bytes(raw))
    for read in (read_volume, read_labels):
        try:
            read(path)
        except SurgTwinError as error:
            assert isinstance(error, InputError) or "memory" in str(error)


def nifti_with(tmp_path: Path, values: np.ndarray, patches: dict[int, bytes]) -> Path:
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "image.nii")
    raw = bytearray((tmp_path / "image.nii").read_bytes())
    for at, patch in patches.items():
        raw[at : at + len(patch)] = patch
    (tmp_path / "image.nii").write_bytes(bytes(raw))
    return tmp_path / "image.nii"


SMALL = np.zeros((4, 5, 6), np.int16)


@pytest.mark.parametrize(
    ("patches", "reason"),
    [
        ({344: b"xxxx"}, "not a NIfTI"),
        ({344: b"ni1\0"}, "hdr/.img pair"),
        ({40: struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1)}, "not plausible"),
        ({40: struct.pack("<8h", 3, 900, 900, 900, 1, 1, 1, 1)}, "truncated"),
        ({40: struct.pack("<8h", 3, -4, 5, 6, 1, 1, 1, 1)}, "not plausible"),
        ({40: struct.pack("<8h", 99, 4, 5, 6, 1, 1, 1, 1)}, "99 dimensions"),
        ({40: struct.pack("<8h", 2, 20, 6, 1, 1, 1, 1, 1)}, "2 dimensions"),
        ({40: struct.pack("<8h", 4, 2, 2, 2, 15, 1, 1, 1)}, "not one 3-D image"),
        ({70: struct.pack("<h", 128)}, "RGB"),
        ({70: struct.pack("<h", 1792)}, "complex"),
        ({70: struct.pack("<h", 77)}, "unknown data type"),
        ({108: struct.pack("<f", np.nan)}, "not plausible"),
        ({108: struct.pack("<f", -5)}, "not plausible"),
        ({280: struct.pack("<f", np.nan)}, "finite"),
        ({280: struct.pack("<f", 0.0)}, "spacing"),
        ({292: struct.pack("<f", -3.6e16)}, "begins at"),
        ({284: struct.pack("<f", 0.4)}, "sheared"),
        ({254: b"\0\0", 252: b"\1\0", 256: struct.pack("<f", 3.0)}, "qform"),
    ],
)
def test_nifti_headers_that_lie(tmp_path: Path, patches: dict[int, bytes], reason: str) -> None:
    assert_refused(nifti_with(tmp_path, SMALL, patches), reason)


def test_vectors_colours_and_time_series_are_refused(tmp_path: Path) -> None:
    rgb = sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True)
    series = sitk.GetImageFromArray(np.zeros((2, 4, 5, 6), np.int16), isVector=False)
    for name, image in (("rgb", rgb), ("series", series)):
        for ending in (".nii", ".nrrd", ".mha"):
            sitk.WriteImage(image, str(tmp_path / f"{name}{ending}"))
            assert_refused(tmp_path / f"{name}{ending}")


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 1400, 1400, 1400, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    struct.pack_into("<h", header, 252, 1)
    header[344:348] = b"n+1\0"
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(bytes(header) + b"\0" * 100_000))
    assert_refused(path, "truncated")


def test_what_is_packed_is_unpacked_no_further_than_the_sizes_say(tmp_path: Path) -> None:
    packed = gzip.compress(b"\0" * 64 * 2**20)
    path = tmp_path / "bomb.nrrd"
    path.write_bytes(NRRD_START.replace(b"raw", b"gzip") + NRRD_PLACE + b"\n" + packed)
    tracemalloc.start()
    try:
        assert read_volume(path).grid.shape == (6, 5, 4)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


NRRD_START = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 5 6\nendian: little\nencoding: raw\n"
NRRD_PLACE = b"space: LPS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
NRRD_DATA = b"\n" + b"\0" * 240


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (NRRD_START, "neither 'space directions' nor 'spacings'"),
        (NRRD_START.replace(b"raw", b"hex") + NRRD_PLACE, "encoding"),
        (NRRD_START.replace(b"short", b"block") + NRRD_PLACE, "type 'block'"),
        (NRRD_START.replace(b"endian: little\n", b"") + NRRD_PLACE, "byte order"),
        (NRRD_START.replace(b"4 5 6", b"4 5") + NRRD_PLACE, "do not fit"),
        (NRRD_START.replace(b"4 5 6", b"4 5 x") + NRRD_PLACE, "broken 'sizes'"),
        (NRRD_START.replace(b"4 5 6", b"99999 99999 99999") + NRRD_PLACE, "not plausible"),
        (NRRD_START.replace(b"4 5 6", b"4 5 7") + NRRD_PLACE, "truncated"),
        (NRRD_START + NRRD_PLACE.replace(b"(0,1,0)", b"(1,0,0)"), "one plane|sheared"),
        (NRRD_START + NRRD_PLACE.replace(b"(0,1,0)", b"(0,1)"), "three numbers"),
        (NRRD_START + NRRD_PLACE.replace(b"(0,1,0) ", b""), "one vector"),
        (NRRD_START + NRRD_PLACE.replace(b"(0,1,0)", b"(0,nan,0)"), "finite"),
        (NRRD_START + NRRD_PLACE.replace(b"(0,1,0)", b"(0,inf,0)"), "finite"),
        (NRRD_START + NRRD_PLACE.replace(b"(0,1,0)", b"(0,1e300,0)"), "spacing"),
        (NRRD_START + NRRD_PLACE + b'space units: "furlong" "furlong" "furlong"\n', "furlong"),
        (NRRD_START + NRRD_PLACE + b"data file: /etc/hostname\n", "another folder"),
        (NRRD_START + NRRD_PLACE + b"data file: ../x.raw\n", "another folder"),
        (NRRD_START + NRRD_PLACE + b"data file: LIST\n", "several files"),
        (NRRD_START + NRRD_PLACE + b"data file: gone.raw\n", "not beside it"),
        (NRRD_START + NRRD_PLACE + b"this is no header line\n", "header line"),
        (NRRD_START + NRRD_PLACE + b"space: LPS\n", "twice"),
        (NRRD_START + NRRD_PLACE + b"line skip: 999999999999\n", "line skip"),
        (NRRD_START + NRRD_PLACE + b"byte skip: -7\n", "byte skip"),
        (NRRD_START.replace(b"raw", b"gzip") + NRRD_PLACE + b"byte skip: 3\n", "byte skip"),
        (NRRD_START.replace(b"raw", b"text") + NRRD_PLACE, "does not hold 120 numbers"),
        (NRRD_START.replace(b"4 5 6", b"4 5 1e300") + NRRD_PLACE, "broken 'sizes'"),
        (NRRD_START.replace(b"4 5 6", b"4 5 inf") + NRRD_PLACE, "broken 'sizes'"),
        (NRRD_START.replace(b"4 5 6", b"4 5 0") + NRRD_PLACE, "not plausible"),
    ],
)
def test_nrrd_headers_that_lie(tmp_path: Path, header: bytes, reason: str) -> None:
    path = tmp_path / "image.nrrd"
    path.write_bytes(header + NRRD_DATA)
    assert_refused(path, reason)


MHA = (
    b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
    b"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\nDimSize = 4 5 6\n"
    b"ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"NDims = 3", b"NDims = 2", "do not fit"),
        (b"DimSize = 4 5 6", b"DimSize = 4 5 -6", "not a 3-D image"),
        (b"DimSize = 4 5 6", b"DimSize = 99999 99999 99999", "not plausible"),
        (b"DimSize = 4 5 6", b"DimSize = 4 5 7", "truncated"),
        (b"MET_SHORT", b"MET_STRING", "no single numbers"),
        (b"ElementType", b"ElementNumberOfChannels = 3\nElementType", "3 numbers in each voxel"),
        (b"BinaryData = True", b"BinaryData = False", "text"),
        (b"0 1 0 0 0 1\n", b"0 1 0 0 0\n", "9 numbers"),
        (b"= 1 0 0 0 1", b"= 1 0.3 0 0 1", "sheared"),
        (b"ElementSpacing = 1 1 1", b"ElementSpacing = 1 1 0", "spacing"),
        (b"ElementSpacing = 1 1 1", b"ElementSpacing = 1 1 1e300", "spacing"),
        (b"ElementSpacing = 1 1 1\n", b"", "no ElementSpacing"),
        (b"LOCAL", b"/etc/hostname", "another folder"),
        (b"LOCAL", b"slice%03d.raw 1 6 1", "several files"),
        (b"ElementType", b"Seq_Frame0000_Timestamp = 1\nElementType", "tracked recording"),
        (b"ObjectType = Image", b"ObjectType = Mesh", "not an image"),
    ],
)
def test_metaimage_headers_that_lie(tmp_path: Path, old: bytes, new: bytes, reason: str) -> None:
    path = tmp_path / "image.mha"
    path.write_bytes(MHA + b"\0" * 240)
    assert read_volume(path).grid.shape == (6, 5, 4)
    path.write_bytes(MHA.replace(old, new, 1) + b"\0" * 240)
    assert_refused(path, reason)


@pytest.mark.parametrize(("flipped", "cut"), [(20, 30), (20, 0), (0, 0), (200, 0), (None, 30), (None, 200)])
def test_damaged_compression_is_refused(
    tmp_path: Path, flipped: int | None, cut: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of each of these files ITK makes an image, and a line on stderr: why MetaImage is not read by it."""
    packed = bytearray(zlib.compress(np.random.default_rng(0).bytes(240)))
    if flipped is not None:
        packed[flipped] ^= 0xFF
    packed = packed[: len(packed) - cut]
    size = f"CompressedData = True\nCompressedDataSize = {len(packed)}".encode()
    path = tmp_path / "image.mha"
    path.write_bytes(MHA.replace(b"CompressedData = False", size) + bytes(packed))
    assert_refused(path)
    assert capfd.readouterr() == ("", "")


def test_one_wrong_bit_in_packed_values_is_noticed(tmp_path: Path) -> None:
    """Stored without compression, so that only the checksum can tell."""
    plain = good_bytes(tmp_path, ".nii")
    packed = {".nii.gz": gzip.compress(plain, 0), ".nrrd": gzip.compress(plain[-240:], 0)}
    packed[".mha"] = zlib.compress(plain[-240:], 0)
    nrrd_header = NRRD_START.replace(b"raw", b"gzip") + NRRD_PLACE + b"\n"
    headers = {".nrrd": nrrd_header, ".mha": MHA.replace(b"CompressedData = False", b"CompressedData = True")}
    for ending, data in packed.items():
        path = tmp_path / f"image{ending}"
        path.write_bytes(headers.get(ending, b"") + data)
        assert np.array_equal(read_volume(path).values.ravel(), np.arange(120) - 60)
        wrong = bytearray(data)
        wrong[-60] ^= 0x10
        path.write_bytes(headers.get(ending, b"") + wrong)
        assert_refused(path, "damaged")


def test_nothing_is_printed_while_refusing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for ending in ENDINGS:
        path = tmp_path / f"odd{ending}"
        path.write_bytes(b"no image at all" * 100)
        assert_refused(path)
    assert capfd.readouterr() == ("", "")


def test_a_segmentation_in_layers_is_no_image(tmp_path: Path) -> None:
    header = {"space": "LPS", "kinds": ["list", "domain", "domain", "domain"], "space origin": [0, 0, 0],
              "space directions": [[np.nan] * 3, [1, 0, 0], [0, 1, 0], [0, 0, 1]]}  # fmt: skip
    nrrd.write(str(tmp_path / "two.seg.nrrd"), np.zeros((2, 3, 4, 5), np.uint8), header)
    assert_refused(tmp_path / "two.seg.nrrd", "segmentation in 2 layers")


@pytest.mark.parametrize(
    "text",
    ["", "not json", "[]", "3", '{"0": "a"}', '{"70000": "a"}', '{"x": "a"}', '{"1": ""}', '{"1": 5}',
     '{"1": "a", "1": "b"}', '{"1": "a", "2": "a"}', '{"-1": "a"}', "[" * 100_000],
)  # fmt: skip
def test_lists_of_names_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "names.json").write_text(text)
    with pytest.raises(FormatError, match=r"names\.json"):
        read_names(tmp_path / "names.json")


@pytest.mark.parametrize("zero", ["background", "Background", "BACKGROUND"])
def test_zero_may_be_called_background_and_is_no_structure(tmp_path: Path, zero: str) -> None:
    (tmp_path / "names.json").write_text(f'{{"0": "{zero}", "1": "liver"}}')
    assert read_names(tmp_path / "names.json") == {1: "liver"}


def test_names_are_kept_verbatim(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text('{"1": "Leber ü", "300": " portal vein "}', encoding="utf-8")
    assert read_names(tmp_path / "names.json") == {1: "Leber ü", 300: " portal vein "}
