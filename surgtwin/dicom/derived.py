"""What every object made from a series shares with it: patient, study, frame of reference, and references to it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from ..domain.finding import Finding, Severity
from ..domain.geometry import Grid
from ..domain.volume import DicomSource, Volume
from ..errors import DicomError, LabelError
from .pydicom_read import READ_ERRORS
from .quiet import quiet_pydicom

MANUFACTURER = "surgtwin"
UTF8 = "ISO_IR 192"
DS_DIGITS = 10
"""Decimals of a direction cosine: DICOM's decimal strings hold 16 characters."""
MM_DIGITS = 6
_MADE_UID = (
    "The series has no {}; one was made from the UID of its first instance. Other programs may not see that the "
    "derived object belongs to the images."
)
MAX_LO = 64
"""Characters in a LO value (PS3.5, 6.2)."""
_REQUIRED_BY_MODULES = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
                        "StudyDate", "StudyTime", "ReferringPhysicianName")  # fmt: skip
_OF_THE_PIXELS = ("NumberOfFrames", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence",
                  "DimensionIndexSequence", "DimensionOrganizationSequence")  # fmt: skip


def require_source(volume: Volume, what: str) -> tuple[DicomSource, tuple[Finding, ...]]:
    """The DICOM series behind a volume, complete enough to be referred to.

    UIDs of the study, the series and the frame of reference that an anonymiser removed are made anew, always the same
    for the same series, and said.

    Raises
    ------
    DicomError
        If the volume does not come from DICOM, or its instances have no UIDs.
    """
    source = volume.source.dicom
    if source is None or not source.header or not source.sop_instance_uids:
        raise DicomError(
            f"A {what} refers to the DICOM series it was made from, but this image comes from "
            f"{volume.source.kind.upper()}. Write the labels as .nii.gz or .seg.nrrd, or build the twin from DICOM."
        )
    if not all(source.sop_instance_uids) or not source.sop_class_uid:
        raise DicomError(f"A {what} refers to the images it was made from, but these have no SOP UIDs.")
    return _with_uids(source)


def _with_uids(source: DicomSource) -> tuple[DicomSource, tuple[Finding, ...]]:
    from pydicom.uid import generate_uid

    findings: list[Finding] = []
    made = {}
    for keyword, uid in (
        ("StudyInstanceUID", source.study_instance_uid),
        ("SeriesInstanceUID", source.series_instance_uid),
        ("FrameOfReferenceUID", source.frame_of_reference_uid),
    ):
        if not uid:
            made[keyword] = generate_uid(entropy_srcs=[source.sop_instance_uids[0], keyword])
            code = "frame-of-reference-generated" if keyword == "FrameOfReferenceUID" else "uid-generated"
            findings.append(Finding(code, Severity.WARNING, _MADE_UID.format(keyword)))
    complete = replace(
        source,
        study_instance_uid=source.study_instance_uid or made["StudyInstanceUID"],
        series_instance_uid=source.series_instance_uid or made["SeriesInstanceUID"],
        frame_of_reference_uid=source.frame_of_reference_uid or made["FrameOfReferenceUID"],
    )
    return complete, tuple(findings)


def require_same_grid(grid: Grid, volume: Volume) -> None:
    """Raises LabelError unless the labels lie on the volume's grid."""
    if not grid.is_same_space(volume.grid):
        raise LabelError("The labels do not lie on the grid of the image that they are written for.")


def template(source: DicomSource) -> Any:
    """Data set with the modules of the source's first instance, fit to derive objects from, in UTF-8."""
    from pydicom import dcmread

    try:
        with quiet_pydicom():
            dataset = dcmread(io.BytesIO(source.header), force=True)
            dataset.decode()
    except READ_ERRORS as error:
        raise DicomError("The header kept with the image cannot be read; load the DICOM series again.") from error
    for keyword in _OF_THE_PIXELS:
        if keyword in dataset:
            delattr(dataset, keyword)
    for keyword in _REQUIRED_BY_MODULES:
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    if dataset.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethodCodeSequence" not in dataset:
        dataset.DeidentificationMethod = dataset.get("DeidentificationMethod") or "not stated"  # required then
    dataset.SpecificCharacterSet = UTF8
    dataset.StudyInstanceUID = source.study_instance_uid
    dataset.SeriesInstanceUID = source.series_instance_uid
    dataset.FrameOfReferenceUID = source.frame_of_reference_uid
    return dataset


def row_and_column(grid: Grid) -> list[float]:
    """ImageOrientationPatient of the grid's slices."""
    return [round(float(v) + 0.0, DS_DIGITS) for v in (*grid.direction[:, 0], *grid.direction[:, 1])]


def slice_position(grid: Grid, k: int) -> list[float]:
    """ImagePositionPatient of slice k, mm."""
    return [round(float(v) + 0.0, MM_DIGITS) for v in grid.to_lps([0, 0, k])]


def pixel_spacing(grid: Grid) -> list[float]:
    """PixelSpacing: between rows (along j), then between columns (along i), mm."""
    return [round(grid.spacing[1], DS_DIGITS), round(grid.spacing[0], DS_DIGITS)]


def as_lo(text: str) -> str:
    """A name as a LO value: no backslash, no control characters, 64 bytes (some readers count bytes)."""
    clean = "".join(" " if ord(c) < ord(" ") else c for c in text.replace("\\", "/"))
    return clean.strip().encode("utf-8")[:MAX_LO].decode("utf-8", errors="ignore").strip()
