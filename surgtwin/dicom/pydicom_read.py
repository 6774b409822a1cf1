"""A whole DICOM object by pydicom, with one typed error for everything that can be wrong with it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from ..errors import DicomError
from .header import read_header
from .limits import MAX_OBJECT_BYTES
from .quiet import quiet_pydicom
from .tags import SOP_CLASS_UID

READ_ERRORS = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, RuntimeError,
    struct.error, OverflowError,
)  # fmt: skip
"""What pydicom raises on damaged files (RecursionError is a RuntimeError; InvalidDicomError is none of its own)."""
_FIRST_GROUP = 0x0008


def read_object(path: Path, what: str) -> Any:
    """The data set of a file, after a walk within bounds. Raises DicomError naming the file."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with path.open("rb") as stream:
            is_deflated = read_header(stream, only_group=_FIRST_GROUP).is_deflated
            if not is_deflated:
                stream.seek(0)
                read_header(stream, limit=MAX_OBJECT_BYTES)
    except DicomError as error:
        raise DicomError(f"'{path.name}' cannot be read as a DICOM {what}: {error}.") from error
    except OSError as error:
        raise DicomError(f"'{path.name}' cannot be read: {error.strerror or type(error).__name__}.") from error
    if is_deflated:
        # pydicom would inflate it without a bound.
        raise DicomError(f"'{path.name}' is deflated as a whole. Save it as explicit little endian.")
    try:
        with quiet_pydicom():
            return dcmread(path)
    except (InvalidDicomError, *READ_ERRORS) as error:
        raise DicomError(f"'{path.name}' cannot be read as a DICOM {what}: it is damaged or something else.") from error


def sop_class_of(path: Path) -> str:
    """SOPClassUID of a file, or empty if it is no DICOM file. Reads no further than the first attributes."""
    try:
        with path.open("rb") as stream:
            if stream.read(132)[128:] != b"DICM":
                return ""
            stream.seek(0)
            value = read_header(stream, only_group=_FIRST_GROUP).elements.get(SOP_CLASS_UID)
    except (DicomError, OSError):
        return ""
    return value.rstrip(b"\0 ").decode("ascii", "replace") if isinstance(value, bytes) else ""
