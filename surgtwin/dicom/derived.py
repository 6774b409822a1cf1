"""What every object made from a series shares with it: patient, study, frame of reference, and references to it."""

from __future__ import annotations

import io
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
MAX_LO = 64
"""Characters in a LO value (PS3.5, 6.2)."""
_REQUIRED_BY_MODULES = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
                        "StudyDate", "StudyTime", "ReferringPhysicianName")  # fmt: skip
_OF_THE_PIXELS = ("NumberOfFrames", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence",
                  "DimensionIndexSequence", "DimensionOrganizationSequence")  # fmt: skip


def require_source(volume: Volume, what: str) -> DicomSource:
    """The DICOM series behind a volume. Raises DicomError if there is none."""
    source = volume.source.dicom
    if source is None or not source.header or not source.sop_instance_uids:
        raise DicomError(
            f"A {what} refers to the DICOM series it was made from, but this image comes from "
            f"{volume.source.kind.upper()}. Write the labels as .nii.gz or .seg.nrrd, or build the twin from DICOM."
        )
    return source


def require_same_grid(grid: Grid, volume: Volume) -> None:
    """Raises LabelError unless the labels lie on the volume's grid."""
    if not grid.is_same_space(volume.grid):
        raise LabelError("The labels do not lie on the grid of the image that they are written for.")


def template(source: DicomSource) -> tuple[Any, tuple[Finding, ...]]:
    """Data set with the modules of the source's first instance, fit to derive objects from, in UTF-8.

    Returns
    -------
    Dataset, findings
        A missing FrameOfReferenceUID is made from the series' UID, so that all objects derived from it share one.
    """
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    findings: list[Finding] = []
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
    dataset.SpecificCharacterSet = UTF8
    dataset.StudyInstanceUID = source.study_instance_uid
    dataset.SeriesInstanceUID = source.series_instance_uid
    frame = source.frame_of_reference_uid or str(dataset.get("FrameOfReferenceUID") or "")
    if not frame:
        frame = generate_uid(entropy_srcs=[source.series_instance_uid, "FrameOfReferenceUID"])
        findings.append(_made_frame())
    dataset.FrameOfReferenceUID = frame
    return dataset, tuple(findings)


def _made_frame() -> Finding:
    return Finding(
        "frame-of-reference-generated", Severity.WARNING,
        "The series has no FrameOfReferenceUID; one was made from its SeriesInstanceUID. Other programs may not see "
        "that the derived object lies on the images.",
    )  # fmt: skip


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
