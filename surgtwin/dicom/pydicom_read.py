"""A whole DICOM object by pydicom, with one typed error for everything that can be wrong with it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from ..errors import DicomError
from .quiet import quiet_pydicom

READ_ERRORS = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, RuntimeError,
    struct.error, OverflowError,
)  # fmt: skip
"""What pydicom raises on damaged files (RecursionError is a RuntimeError; InvalidDicomError is none of its own)."""
DEFLATED = "1.2.840.10008.1.2.1.99"


def read_object(path: Path, what: str) -> Any:
    """The data set of a file. Raises DicomError naming the file."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with quiet_pydicom():
            if str(dcmread(path, specific_tags=[0x00080016], stop_before_pixels=True).file_meta.TransferSyntaxUID) == (
                DEFLATED
            ):
                raise DicomError(f"'{path.name}' is deflated as a whole. Save it as explicit little endian.")
            return dcmread(path)
    except (InvalidDicomError, *READ_ERRORS) as error:
        raise DicomError(f"'{path.name}' cannot be read as a DICOM {what}: it is damaged or something else.") from error


def sop_class_of(path: Path) -> str:
    """SOPClassUID of a file, or empty if it is no DICOM file."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with path.open("rb") as stream:
            if stream.read(132)[128:] != b"DICM":
                return ""
        with quiet_pydicom():
            return str(dcmread(path, specific_tags=[0x00080016], stop_before_pixels=True).get("SOPClassUID", ""))
    except (InvalidDicomError, *READ_ERRORS):
        return ""
