"""SEG and RTSTRUCT files that would fill the memory or the stack are refused by name, within bounds."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RTStructureSetStorage
from pydicom.uid import SegmentationStorage as SegStorage

from surgtwin.dicom.rtstruct import is_rtstruct, read_rtstruct
from surgtwin.dicom.seg import is_seg, read_seg
from surgtwin.errors import DicomError
from tests.conftest import make_oblique_grid

GRID = make_oblique_grid((4, 5, 6))
READERS = [
    pytest.param(SegStorage, is_seg, read_seg, id="seg"),
    pytest.param(RTStructureSetStorage, is_rtstruct, lambda path: read_rtstruct(path, GRID), id="rtstruct"),
]
PEAK_BYTES = 16 * 2**20
"""Of the memory that Python hands out while a bomb is refused."""


def uid_element(tag: bytes, uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return tag + b"UI" + len(value).to_bytes(2, "little") + value


def file_of(syntax: str, body: bytes) -> bytes:
    return b"\0" * 128 + b"DICM" + uid_element(b"\x02\x00\x10\x00", syntax) + body


def sop_class(uid: str) -> bytes:
    return uid_element(b"\x08\x00\x16\x00", uid)


@pytest.mark.parametrize(("uid", "is_one", "read"), READERS)
def test_a_deflated_bomb_is_refused_uninflated(tmp_path: Path, uid: str, is_one, read) -> None:
    path = tmp_path / "bomb.dcm"
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    long_text = b"\x08\x00\x70\x10UT\0\0" + (2**31).to_bytes(4, "little")
    packed = packer.compress(sop_class(uid) + long_text)
    packed += b"".join(packer.compress(b"\0" * 2**20) for _ in range(300)) + packer.flush()
    path.write_bytes(file_of(DeflatedExplicitVRLittleEndian, packed))
    tracemalloc.start()
    try:
        is_one(path)
        with pytest.raises(DicomError, match=r"bomb\.dcm"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < PEAK_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("uid", "is_one", "read"), READERS)
def test_a_sound_deflated_object_is_told_what_to_do(tmp_path: Path, uid: str, is_one, read) -> None:
    path = tmp_path / "packed.dcm"
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(sop_class(uid) + b"\x10\x00\x10\x00PN\0\0") + packer.flush()
    path.write_bytes(file_of(DeflatedExplicitVRLittleEndian, packed))
    assert is_one(path)
    with pytest.raises(DicomError, match=r"packed\.dcm.*explicit little endian"):
        read(path)


@pytest.mark.parametrize("depth", [40, 100_000])
@pytest.mark.parametrize(("uid", "is_one", "read"), READERS)
def test_deep_nesting_is_refused(tmp_path: Path, uid: str, is_one, read, depth: int) -> None:
    opening = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path = tmp_path / "deep.dcm"
    path.write_bytes(file_of(ExplicitVRLittleEndian, sop_class(uid) + opening * depth))
    assert is_one(path)
    with pytest.raises(DicomError, match=r"deep\.dcm.*nested deeper than 32"):
        read(path)


@pytest.mark.parametrize(("uid", "is_one", "read"), READERS)
def test_millions_of_elements_are_refused(tmp_path: Path, uid: str, is_one, read) -> None:
    path = tmp_path / "many.dcm"
    path.write_bytes(file_of(ExplicitVRLittleEndian, sop_class(uid) + b"\x09\x00\x10\x00LO\0\0" * 1_100_000))
    assert is_one(path)
    with pytest.raises(DicomError, match=r"many\.dcm.*data elements"):
        read(path)
