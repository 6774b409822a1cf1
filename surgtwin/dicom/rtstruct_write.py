"""Write structures as closed contours on the slices of their image: a DICOM RT Structure Set."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_file import write_atomically
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Grid
from ..domain.labels import Code, LabelMap, Structure
from ..domain.volume import DicomSource, Volume
from ..errors import LabelError
from ..version import VERSION
from .contours import outlines
from .derived import MANUFACTURER, UTF8, as_lo, require_same_grid, require_source, template
from .quiet import quiet_pydicom

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
SERIES_NUMBER = 9002
DECIMALS = 4
"""Of a contour point in mm: finer than any image, and short enough for DICOM's decimal strings."""
_CONTOUR_DATA = 0x30060050
_PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "PatientAge",
    "PatientSize", "PatientWeight",
)  # fmt: skip


def write_rtstruct(labels: LabelMap, volume: Volume, path: Path) -> tuple[Finding, ...]:
    """Write every structure that has voxels as one region of interest, outlined on each slice of the image.

    Raises
    ------
    DicomError
        If `volume` does not come from DICOM.
    LabelError
        If the labels lie on another grid, or there is no voxel to write.
    """
    source, findings = require_source(volume, "DICOM RTSTRUCT")
    require_same_grid(labels.grid, volume)
    structures = [s for s in labels.structures if labels.voxels(s)]
    if not structures:
        raise LabelError("There is no labelled voxel to write into a DICOM RTSTRUCT.")
    header = template(source)
    with quiet_pydicom():
        dataset = _modules(header)
        dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(header, source)]
        _add_regions(dataset, labels, structures, header, source)
        write_atomically(path, lambda temporary: dataset.save_as(temporary, enforce_file_format=True))
    left_out = [s.name for s in labels.structures if not labels.voxels(s)]
    if left_out:
        message = f"Without voxels, so not in the RTSTRUCT: {', '.join(left_out)}."
        findings = (*findings, Finding("empty-structures", Severity.INFO, message))
    return findings


def _item(**values: Any) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _modules(header: Any) -> Any:
    """Patient, study, series, equipment, structure set: everything but the regions."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ImplicitVRLittleEndian, generate_uid

    dataset = Dataset()
    dataset.SpecificCharacterSet = UTF8
    for keyword in _PATIENT_AND_STUDY:
        if keyword in header:
            dataset[keyword] = header[keyword]
    now = datetime.now()
    dataset.SOPClassUID = STRUCTURE_SET
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = generate_uid(prefix=None)
    dataset.SeriesNumber = SERIES_NUMBER
    dataset.SeriesDescription = "Structures (surgtwin)"
    dataset.OperatorsName = ""
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = VERSION
    dataset.InstanceNumber = 1
    dataset.StructureSetLabel = "SURGTWIN"
    dataset.StructureSetDate = dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.StructureSetTime = dataset.InstanceCreationTime = now.strftime("%H%M%S")
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.FrameOfReferenceUID = header.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = header.get("PositionReferenceIndicator", "")
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    # Explicit VR has 16 bits for the length of a contour: too few for a long one.
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset


def _frame_of_reference(header: Any, source: DicomSource) -> Any:
    images = [_reference(source, uid) for uid in source.sop_instance_uids]
    series = _item(SeriesInstanceUID=source.series_instance_uid, ContourImageSequence=images)
    study = _item(
        ReferencedSOPClassUID=DETACHED_STUDY,
        ReferencedSOPInstanceUID=source.study_instance_uid,
        RTReferencedSeriesSequence=[series],
    )
    return _item(FrameOfReferenceUID=header.FrameOfReferenceUID, RTReferencedStudySequence=[study])


def _reference(source: DicomSource, uid: str) -> Any:
    return _item(ReferencedSOPClassUID=source.sop_class_uid, ReferencedSOPInstanceUID=uid)


def _add_regions(dataset: Any, labels: LabelMap, structures: list[Structure], header: Any, source: DicomSource) -> None:
    """Regions, their contours, and what they are. A region's number is its label if no layer repeats one."""
    numbers = [s.label for s in structures]
    if len(set(numbers)) != len(numbers):
        numbers = list(range(1, len(structures) + 1))
    dataset.StructureSetROISequence = [
        _item(
            ROINumber=number,
            ReferencedFrameOfReferenceUID=header.FrameOfReferenceUID,
            ROIName=as_lo(s.name),
            ROIGenerationAlgorithm="MANUAL" if s.origin == "person" else "AUTOMATIC",
        )
        for number, s in zip(numbers, structures, strict=True)
    ]
    dataset.ROIContourSequence = [
        _item(
            ROIDisplayColor=list(s.colour),
            ContourSequence=_contours(labels, s, source),
            ReferencedROINumber=number,
        )
        for number, s in zip(numbers, structures, strict=True)
    ]
    dataset.RTROIObservationsSequence = [
        _observation(n, number, s)
        for n, (number, s) in enumerate(zip(numbers, structures, strict=True), start=1)
    ]  # fmt: skip


def _observation(n: int, number: int, structure: Structure) -> Any:
    item = _item(ObservationNumber=n, ReferencedROINumber=number, RTROIInterpretedType="", ROIInterpreter="")
    if structure.code is not None:
        item.RTROIIdentificationCodeSequence = [_code(structure.code)]
    return item


def _code(code: Code) -> Any:
    return _item(CodeValue=code.value, CodingSchemeDesignator=code.scheme, CodeMeaning=code.meaning)


def _contours(labels: LabelMap, structure: Structure, source: DicomSource) -> list[Any]:
    layer = labels.layers[structure.layer]
    is_slice_by_slice = source.is_on_grid and len(source.sop_instance_uids) == labels.grid.shape[0]
    items = []
    for k, plane in enumerate(layer):
        for loop in outlines(plane == structure.label):
            items.append(_contour(labels.grid, k, loop, source if is_slice_by_slice else None))
    return items


def _contour(grid: Grid, k: int, loop: FloatArray, source: DicomSource | None) -> Any:
    from pydicom.dataelem import DataElement

    points = grid.to_lps(np.column_stack([loop, np.full(len(loop), k)]))
    item = _item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(loop))
    # As text: a number object for each coordinate would take minutes for a whole skeleton.
    text = [f"{v:.{DECIMALS}f}" for v in points.ravel().tolist()]
    item[_CONTOUR_DATA] = DataElement(_CONTOUR_DATA, "DS", text, already_converted=True)
    if source is not None:
        item.ContourImageSequence = [_reference(source, source.sop_instance_uids[k])]
    return item
