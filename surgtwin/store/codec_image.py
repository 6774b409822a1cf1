"""Images in JSON; their values and DICOM header are blobs."""

from __future__ import annotations

from ..domain.patient import Patient
from ..domain.volume import DicomSource, Modality, SourceInfo, Volume, Window
from .blobs import BlobRef, BlobStore
from .codec_finding import decode_findings, encode_findings
from .codec_values import Record, decode_grid, encode_grid, number, optional_number, plain


def encode_volume(volume: Volume, blobs: BlobStore) -> Record:
    window = volume.window
    return {
        "grid": encode_grid(volume.grid),
        "values": blobs.put_array(volume.values).as_json(),
        "modality": volume.modality.value,
        "source": _encode_source(volume.source, blobs),
        "patient": encode_patient(volume.patient),
        "window": None if window is None else plain({"width": window.width, "level": window.level}, "The window"),
        "findings": encode_findings(volume.findings),
    }


def decode_volume(record: Record, blobs: BlobStore, what: str) -> Volume:
    window = record["window"]
    return Volume(
        decode_grid(record["grid"]),
        blobs.read_array(BlobRef.from_json(record["values"]), f"the values of {what}"),
        Modality(record["modality"]),
        decode_source(record["source"], blobs, what),
        decode_patient(record["patient"]),
        None if window is None else Window(number(window["width"]), number(window["level"])),
        decode_findings(record["findings"]),
    )


def encode_patient(patient: Patient) -> Record:
    return {
        "patient_id": patient.patient_id,
        "issuer": patient.issuer,
        "name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
    }


def decode_patient(record: Record) -> Patient:
    return Patient(record["patient_id"], record["issuer"], record["name"], record["birth_date"], record["sex"])


def _encode_source(source: SourceInfo, blobs: BlobStore) -> Record:
    return {
        "kind": source.kind,
        "content_sha256": source.content_sha256,
        "description": source.description,
        "acquired_utc": source.acquired_utc,
        "slice_thickness_mm": plain(source.slice_thickness_mm, "The slice thickness"),
        "dicom": None if source.dicom is None else _encode_dicom(source.dicom, blobs),
    }


def decode_source(record: Record, blobs: BlobStore, what: str) -> SourceInfo:
    """Where an image came from; its DICOM header is read from its blob."""
    dicom = record["dicom"]
    return SourceInfo(
        record["kind"],
        record["content_sha256"],
        record["description"],
        record["acquired_utc"],
        None if dicom is None else _decode_dicom(dicom, blobs, what),
        optional_number(record["slice_thickness_mm"]),
    )


def _encode_dicom(dicom: DicomSource, blobs: BlobStore) -> Record:
    return {
        "study_instance_uid": dicom.study_instance_uid,
        "series_instance_uid": dicom.series_instance_uid,
        "sop_class_uid": dicom.sop_class_uid,
        "sop_instance_uids": list(dicom.sop_instance_uids),
        "frame_of_reference_uid": dicom.frame_of_reference_uid,
        "header": blobs.put_bytes(dicom.header).as_json() if dicom.header else None,
        "is_on_grid": dicom.is_on_grid,
    }


def _decode_dicom(record: Record, blobs: BlobStore, what: str) -> DicomSource:
    header = record["header"]
    return DicomSource(
        record["study_instance_uid"],
        record["series_instance_uid"],
        record["sop_class_uid"],
        tuple(record["sop_instance_uids"]),
        record["frame_of_reference_uid"],
        b"" if header is None else blobs.read_bytes(BlobRef.from_json(header), f"the DICOM header of {what}"),
        bool(record["is_on_grid"]),
    )
