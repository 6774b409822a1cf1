"""The first instance of a series without its pixels, as DICOM bytes: what derived objects take their modules from."""

from __future__ import annotations

import io
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING, Any

from ..errors import DicomError
from .elements import ElementWalk, HeaderBytes
from .file_ref import Sources, inflating, skip
from .frame import Instance
from .limits import MAX_HEADER_BYTES
from .quiet import quiet_pydicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, IndexError, NotImplementedError, OverflowError,
               StructError, RecursionError, EOFError, LookupError)  # fmt: skip
"""What pydicom raises on values that break their representation's rules."""


def source_header(instance: Instance) -> tuple[bytes, int]:
    """Part-10 bytes, explicit little endian, of all before the pixel data, and how many attributes were left out.

    Private attributes, and those whose value breaks the standard so that it cannot be written again, are left out.

    Raises
    ------
    DicomError
        If the header cannot be read again; the message is the bare reason.
    """
    with quiet_pydicom():
        dataset = _dataset(_bytes_before_pixels(instance), instance)
        for tag in [t for t in dataset.keys() if t.is_private]:  # noqa: SIM118 - a Dataset iterates over elements
            del dataset[tag]
        try:
            return _part10(dataset), 0
        except _UNREADABLE:
            dropped = _drop_unwritable(dataset)
            return _part10(dataset), dropped


def _bytes_before_pixels(instance: Instance) -> bytes:
    """The data set up to its pixel data, whose nesting was checked to be safe to recurse into."""
    header = instance.header
    with Sources() as sources, sources.open(instance.ref) as file:
        if not skip(file, header.data_start):
            raise DicomError("it is cut short")
        stream = inflating(file) if header.is_deflated else file
        head = HeaderBytes(stream, MAX_HEADER_BYTES)
        walk = ElementWalk(head, 0, header.encoding, wanted=(), sequences=_KnownSequences()).run()
        return head.data[: walk.position]


class _KnownSequences:
    """The tags that pydicom would read as sequences, so that the walk enters them all and counts their depth."""

    def __contains__(self, tag: object) -> bool:
        from pydicom.datadict import dictionary_VR

        try:
            return isinstance(tag, int) and dictionary_VR(tag) == "SQ"
        except KeyError:
            return False

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def _dataset(data: bytes, instance: Instance) -> Dataset:
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    encoding = instance.header.encoding
    try:
        dataset = read_dataset(io.BytesIO(data), not encoding.is_explicit, not encoding.is_big_endian)
    except _UNREADABLE as error:
        raise DicomError(f"its header cannot be read again ({type(error).__name__})") from error
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(instance.sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(instance.sop_instance_uid)
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    return dataset


def _part10(dataset: Dataset) -> bytes:
    from pydicom import dcmwrite

    target = io.BytesIO()
    dcmwrite(target, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    return target.getvalue()


def _drop_unwritable(dataset: Dataset) -> int:
    """Delete every attribute that cannot be written by itself; how many those were."""
    from pydicom.dataset import Dataset as NewDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    dropped = 0
    for tag in list(dataset.keys()):
        alone = NewDataset()
        target = DicomBytesIO()
        target.is_little_endian, target.is_implicit_VR = True, False
        try:
            alone[tag] = dataset[tag]
            write_dataset(target, alone)
        except _UNREADABLE:
            del dataset[tag]
            dropped += 1
    return dropped
