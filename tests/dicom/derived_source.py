"""A volume that comes from a DICOM series, made without files: the source that derived objects need."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import DicomSource, Modality, SourceInfo, Volume


def header_bytes(study: str, series: str, sop: str, frame: str) -> bytes:
    """Part-10 bytes of a CT instance without pixel data, with a patient and a study."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = sop
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, sop
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    if frame:
        dataset.FrameOfReferenceUID = frame
        dataset.PositionReferenceIndicator = ""
    dataset.PatientName, dataset.PatientID = "Müller^Grete", "A-17"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "19500101", "F", "074Y"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20240102", "101112", "S1"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = "ACC1", ""
    dataset.Modality, dataset.SeriesNumber = "CT", 3
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_volume(
    grid: Grid, *, frame: str | None = None, is_on_grid: bool = True, instances: int | None = None
) -> Volume:
    """A CT on `grid` whose slices are the instances of a series (or were made from so many instances)."""
    study, series = generate_uid(), generate_uid()
    frame = generate_uid() if frame is None else frame
    uids = tuple(generate_uid() for _ in range(instances or grid.shape[0]))
    source = DicomSource(
        study, series, CTImageStorage, uids, frame, header_bytes(study, series, uids[0], frame), is_on_grid
    )
    info = SourceInfo("dicom", "0" * 64, dicom=source)
    return Volume(grid, np.zeros(grid.shape, np.int16), Modality.CT, info)


def without_dicom(volume: Volume) -> Volume:
    return replace(volume, source=SourceInfo("nifti", "0" * 64))


def blobs(grid: Grid) -> LabelMap:
    """Two touching ellipsoids (one hollow), a tumour in it, and a body layer that overlaps all."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1) / (np.array(grid.shape) - 1) * 2 - 1
    first = np.linalg.norm((index - [0.1, -0.3, -0.2]) / [0.75, 0.5, 0.6], axis=-1)
    second = np.linalg.norm((index - [-0.1, 0.55, 0.3]) / [0.5, 0.35, 0.5], axis=-1)
    layer = np.zeros(grid.shape, np.uint16)
    layer[second < 1] = 700
    layer[(first < 1) & (first > 0.45)] = 2
    layer[first < 0.25] = 9
    body = (np.linalg.norm(index, axis=-1) < 1.05).astype(np.uint8)
    structures = (
        structure_for(2, "liver", origin="network"),
        structure_for(700, "kidney_left", origin="classical"),
        structure_for(9, "liver tumour", origin="person"),
        structure_for(1, "body", layer=1),
    )
    return LabelMap(grid, (layer, body), structures)
