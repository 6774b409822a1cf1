"""Who a case is without naming the patient: pseudonyms, images without identity, messages without names."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath

from ..dicom.quiet import quiet_pydicom
from ..domain.patient import Patient
from ..domain.volume import DicomSource, Volume
from ..store.case_id import ALPHABET
from ..version import VERSION

CASE_LETTERS = 12
HIDDEN = "[name]"
_SHORTEST_NAME = 3
_KEPT = (
    "Modality", "Manufacturer", "ManufacturerModelName", "SliceThickness", "KVP", "ConvolutionKernel",
    "PatientPosition", "PatientSex", "MagneticFieldStrength", "ScanningSequence", "SequenceVariant", "RepetitionTime",
    "EchoTime",
)  # fmt: skip
"""Of a source's header: how the image was made, never who or where."""


def case_id_of(input_sha256: str) -> str:
    """The pseudonym of an input: always the same for the same bytes, such as "case-7F3K-92QD-HM4T" (60 bits)."""
    number = int(hashlib.sha256(f"surgtwin case {input_sha256}".encode("ascii")).hexdigest(), 16)
    letters = ""
    for _ in range(CASE_LETTERS):
        number, digit = divmod(number, len(ALPHABET))
        letters += ALPHABET[digit]
    return "-".join(("case", letters[:4], letters[4:8], letters[8:]))


def case_key(input_sha256: str, protocol_sha256: str, model_sha256: str) -> str:
    """Hash of everything that decides what is written for a case: input, protocol, model and program."""
    text = "\n".join((input_sha256, protocol_sha256, model_sha256, VERSION))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def without_identity(volume: Volume, case_id: str) -> Volume:
    """The image as that of a pseudonymous patient: no name, number, dates or descriptions; UIDs replaced by hashes.

    Descriptions go too, since people write names into them. Objects made from it fit each other, not the archive's own.
    """
    source = volume.source
    dicom = None if source.dicom is None else _pseudonymous_source(source.dicom, case_id)
    described = replace(source, description="", acquired_utc="", dicom=dicom)
    return replace(volume, patient=Patient(patient_id=case_id), source=described)


def _pseudonymous_source(source: DicomSource, case_id: str) -> DicomSource:
    return replace(
        source,
        study_instance_uid=_hashed_uid(source.study_instance_uid),
        series_instance_uid=_hashed_uid(source.series_instance_uid),
        sop_instance_uids=tuple(_hashed_uid(uid) for uid in source.sop_instance_uids),
        frame_of_reference_uid=_hashed_uid(source.frame_of_reference_uid),
        header=_pseudonymous_header(source, case_id),
    )


def _hashed_uid(uid: str) -> str:
    """Another UID, the same for the same one (PS3.5, B.2: 2.25 and a number below 2 to the 128)."""
    return f"2.25.{int(hashlib.sha256(uid.encode('utf-8')).hexdigest()[:32], 16)}" if uid else ""


def _pseudonymous_header(source: DicomSource, case_id: str) -> bytes:
    """A header made anew of attributes that name nobody: what is not listed does not get in."""
    if not source.header:
        return b""
    from pydicom import dcmread, dcmwrite
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    with quiet_pydicom():
        old = dcmread(io.BytesIO(source.header), force=True)
        new = Dataset()
        for keyword in _KEPT:
            if keyword in old:
                new[keyword] = old[keyword]
        new.PatientID = case_id
        new.PatientName = case_id
        new.PatientBirthDate = ""
        new.PatientIdentityRemoved = "YES"
        new.DeidentificationMethod = f"surgtwin {VERSION}: listed attributes kept, UIDs hashed"
        new.SOPClassUID = source.sop_class_uid
        new.SOPInstanceUID = _hashed_uid(source.sop_instance_uids[0]) if source.sop_instance_uids else ""
        new.StudyInstanceUID = _hashed_uid(source.study_instance_uid)
        new.SeriesInstanceUID = _hashed_uid(source.series_instance_uid)
        new.FrameOfReferenceUID = _hashed_uid(source.frame_of_reference_uid)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = UID(source.sop_class_uid)
        meta.MediaStorageSOPInstanceUID = UID(new.SOPInstanceUID)
        new.file_meta = meta
        new.preamble = b"\0" * 128
        target = io.BytesIO()
        dcmwrite(target, new, implicit_vr=False, little_endian=True, force_encoding=True)
    return target.getvalue()


def names_in(path: Path, patient: Patient | None = None) -> tuple[str, ...]:
    """What of an input may name the patient: its path, names of all in it, the patient's name, number, birth date."""
    return tuple({*content_names(path, patient), str(path), str(path.resolve()), *path.resolve().parts[1:]})


def content_names(path: Path, patient: Patient | None = None) -> tuple[str, ...]:
    """The same without the folders above: the same wherever the input lies."""
    found = {path.name, path.stem}
    for inside in _paths_in(path):
        found |= {str(inside), inside.stem, *inside.parts}
    if patient is not None:
        found |= {patient.patient_id, patient.name, patient.birth_date, *re.split(r"[\^=\s]+", patient.name)}
    return tuple(name for name in found if len(name) >= _SHORTEST_NAME)


def _paths_in(path: Path) -> list[PurePath]:
    """Files of a folder, members of a zip, relative to it."""
    if path.is_dir():
        return [p.relative_to(path) for p in path.rglob("*")]
    with suppress(OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return [PurePosixPath(name) for name in archive.namelist()]
    return []


def without_names(message: str, names: Iterable[str]) -> str:
    """A message in which each of the names is replaced, the longest first, whatever the case."""
    ordered = sorted(set(names), key=lambda name: (-len(name), name))
    if not ordered:
        return message
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in ordered)
    return re.sub(pattern, HIDDEN, message, flags=re.IGNORECASE)
