"""What one DICOM file that arrived says of itself: whose it is, of which series, and how many there should be."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO

from ..dicom import tags
from ..dicom.header import Header, read_header
from ..dicom.pixel_layout import read_layout
from ..dicom.values import ascii_text, integer, text
from ..domain.patient import Patient
from ..errors import DicomError

MAX_UID = 64
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_MOST_TOLD = 100_000


@dataclass(frozen=True)
class Arrival:
    """One instance.

    Parameters
    ----------
    told_count
        How many instances its series has, if it says so (NumberOfSeriesRelatedInstances); else None.
    fault
        Why its pixels cannot be used; empty if they can, or if it has none.
    """

    sop_instance_uid: str
    sop_class_uid: str
    series_uid: str
    study_uid: str
    syntax: str
    patient: Patient
    modality: str
    description: str
    told_count: int | None
    fault: str


def read_arrival(stream: BinaryIO, size: int) -> Arrival:
    """Read the head of a DICOM file of `size` bytes.

    Raises
    ------
    DicomError
        With the bare reason, if it is no DICOM file, is damaged, or does not name itself and its series.
    """
    header = read_header(stream)
    e = header.elements
    charset = ascii_text(e, tags.CHARACTER_SET)
    told = integer(e, tags.NUMBER_OF_SERIES_RELATED_INSTANCES)
    return Arrival(
        _uid(ascii_text(e, tags.SOP_INSTANCE_UID) or header.media_sop_instance, "SOPInstanceUID"),
        _uid(ascii_text(e, tags.SOP_CLASS_UID) or header.media_sop_class, "SOPClassUID"),
        _uid(ascii_text(e, tags.SERIES_INSTANCE_UID), "SeriesInstanceUID"),
        _uid(ascii_text(e, tags.STUDY_INSTANCE_UID), "StudyInstanceUID"),
        header.syntax,
        Patient(
            text(e, tags.PATIENT_ID, charset),
            text(e, tags.ISSUER_OF_PATIENT_ID, charset),
            text(e, tags.PATIENT_NAME, charset),
            ascii_text(e, tags.PATIENT_BIRTH_DATE),
            ascii_text(e, tags.PATIENT_SEX),
        ),
        ascii_text(e, tags.MODALITY),
        text(e, tags.SERIES_DESCRIPTION, charset),
        told if told is not None and 0 < told <= _MOST_TOLD else None,
        _pixel_fault(header, size),
    )


def _uid(value: str, name: str) -> str:
    if not value or len(value) > MAX_UID:
        raise DicomError(f"it states no {name}" if not value else f"its {name} is longer than {MAX_UID} characters")
    return value


def _pixel_fault(header: Header, size: int) -> str:
    layout = read_layout(header, None if header.is_deflated else size)
    return "" if layout is None else layout.fault


def file_name_of(uid: str) -> str:
    """A name for files and folders: the UID, or a hash of what only claims to be one and could lead elsewhere."""
    if len(uid) <= MAX_UID and _UID.fullmatch(uid):
        return uid
    return "x" + hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()[:40]
