"""Write a volume as a classic CT or MR image series, one file per slice, on any grid that DICOM can state.

Classic CT Image Storage is PS3.3 A.3, MR Image Storage A.4; the place of a slice is the Image Plane module, C.7.6.2.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from ..domain.geometry import SAME_DIRECTION, Grid, unit
from ..domain.patient import Patient
from ..domain.volume import Modality, Volume
from ..errors import DiskError, GeometryError, ImageError, InputError
from ..progress import SILENT, Progress
from ..version import VERSION

AIR_INTERCEPT = -1024
"""Stored value 0 is this many HU, as most CT scanners have it."""
INT16 = np.iinfo(np.int16)
DS_LENGTH = 16
"""Longest decimal string, PS3.5 table 6.2-1."""
UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
SOP_CLASSES = {Modality.CT: CTImageStorage, Modality.MR: MRImageStorage}


@dataclass(frozen=True)
class SeriesOptions:
    """What the files say beside the image.

    Parameters
    ----------
    uid_seed
        The same seed gives the same UIDs; None gives new ones each time.
    study_instance_uid, frame_of_reference_uid
        To put the series into a study or a space that exists already; empty for new ones.
    transfer_syntax
        UID; uncompressed ones and those that pydicom can encode to losslessly with what is installed.
    """

    description: str = ""
    study_description: str = ""
    series_number: int = 1
    uid_seed: str | None = None
    study_instance_uid: str = ""
    frame_of_reference_uid: str = ""
    transfer_syntax: str = ExplicitVRLittleEndian
    manufacturer: str = "surgtwin"
    body_part: str = "ABDOMEN"


@dataclass(frozen=True, eq=False)
class _Stored:
    """Pixel values as stored, and how they become the image's values again: slope * stored + intercept."""

    pixels: NDArray[np.int16]
    slope: float
    intercept: float


def write_series(
    volume: Volume,
    folder: Path,
    *,
    description: str = "",
    patient: Patient | None = None,
    series_number: int = 1,
    options: SeriesOptions | None = None,
    progress: Progress = SILENT,
) -> tuple[Path, ...]:
    """Write `volume` into the new `folder`, slice k as file IM00001.dcm and on.

    The folder appears as a whole or not at all. Whole numbers within 16 bits are stored exactly; other values are
    rounded to 1/65535 of their range.

    Parameters
    ----------
    patient
        Written instead of the volume's own.
    options
        Everything else; its description and series number give way to the ones given here.

    Returns
    -------
    The files in the order of the k axis.

    Raises
    ------
    GeometryError
        If the rows and columns of the grid are not perpendicular: DICOM cannot state that.
    ImageError
        If the volume is neither CT nor MR, or its values are not finite.
    InputError
        If the folder holds files already.
    DiskError
        If the disk refuses.
    """
    chosen = options or SeriesOptions()
    if volume.modality not in SOP_CLASSES:
        raise ImageError(f"Only CT and MR can be written as a DICOM series; this image is {volume.modality}.")
    _check_axes(volume.grid)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder.name}' is there already and not empty; give a new folder.")
    writer = _SeriesWriter(volume, patient or volume.patient, chosen, description or chosen.description, series_number)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            names = writer.write(building, progress)
            building.chmod(0o755)
            if folder.exists():
                folder.rmdir()
            building.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise DiskError(f"The series could not be written: {os.strerror(error.errno or 0)}.") from error
    return tuple(folder / name for name in names)


def _check_axes(grid: Grid) -> None:
    cosine = float(grid.direction[:, 0] @ grid.direction[:, 1])
    if abs(cosine) > SAME_DIRECTION:
        raise GeometryError(
            f"Rows and columns of the grid meet at {np.degrees(np.arccos(cosine)):.2f} degrees; DICOM needs 90. "
            "Resample the image first."
        )


class _SeriesWriter:
    """Holds what all slices share, and writes them one by one."""

    def __init__(
        self, volume: Volume, patient: Patient, options: SeriesOptions, description: str, series_number: int
    ) -> None:
        self._grid = volume.grid
        self._options = options
        self._uids = _Uids(options.uid_seed)
        self._stored = _stored(volume)
        self._shared = Dataset()
        _add_patient(self._shared, patient)
        _add_study(self._shared, volume, options, self._uids)
        _add_series(self._shared, volume, options, self._uids, description, series_number)
        _add_plane(self._shared, self._grid)
        _add_pixel_format(self._shared, volume, self._stored)

    def write(self, folder: Path, progress: Progress) -> list[str]:
        names = []
        count = self._grid.shape[0]
        for k in range(count):
            progress.update(k / count, "Writing DICOM")
            name = f"IM{k + 1:05d}.dcm"
            self._save(self._slice(k), folder / name)
            names.append(name)
        return names

    def _slice(self, k: int) -> Dataset:
        ds = Dataset()
        ds.update(self._shared)
        ds.SOPInstanceUID = self._uids.make("instance", k)
        ds.InstanceNumber = k + 1
        position = self._grid.to_lps([0, 0, k])
        ds.ImagePositionPatient = [_ds(c) for c in position]
        ds.SliceLocation = _ds(float(position @ _normal(self._grid)))
        ds.PixelData = np.ascontiguousarray(self._stored.pixels[k]).astype("<i2").tobytes()
        ds["PixelData"].VR = "OW"
        return ds

    def _save(self, ds: Dataset, path: Path) -> None:
        syntax = self._options.transfer_syntax
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = ds.SOPClassUID
        meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        meta.ImplementationClassUID = self._uids.implementation
        meta.ImplementationVersionName = f"SURGTWIN_{VERSION}"[:16]
        ds.file_meta = meta
        if syntax in UNCOMPRESSED:
            meta.TransferSyntaxUID = syntax
            if syntax == ExplicitVRBigEndian:
                ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        else:
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            _compress(ds, syntax)
        little = syntax != ExplicitVRBigEndian
        ds.save_as(
            path,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=little,
            enforce_file_format=True,
        )


def _compress(ds: Dataset, syntax: str) -> None:
    try:
        ds.compress(syntax, generate_instance_uid=False)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise ImageError(
            f"Slices of {ds.Rows} x {ds.Columns} cannot be encoded in transfer syntax {syntax}; "
            "write them uncompressed."
        ) from error


class _Uids:
    """New UIDs, or ones that follow from a seed."""

    implementation = generate_uid(entropy_srcs=["surgtwin", "implementation"])

    def __init__(self, seed: str | None) -> None:
        self._seed = seed
        self._run = generate_uid()

    def make(self, what: str, number: int = 0) -> str:
        root = self._run if self._seed is None else self._seed
        return str(generate_uid(entropy_srcs=["surgtwin", root, what, str(number)]))


def _stored(volume: Volume) -> _Stored:
    """The values as signed 16 bits. MR has no rescale of its own, so whole numbers that fit are left as they are."""
    values = volume.values
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError("The image holds values that are not finite numbers; DICOM cannot store them.")
    is_whole = values.dtype.kind in "iu" or _is_whole(values)
    intercept = AIR_INTERCEPT if volume.modality is Modality.CT and low >= AIR_INTERCEPT else 0
    if is_whole and INT16.min <= low - intercept and high - intercept <= INT16.max:
        return _Stored(_shifted(values, intercept), 1.0, float(intercept))
    if is_whole and high - low <= INT16.max - INT16.min:
        middle = int(low) - INT16.min
        return _Stored(_shifted(values, middle), 1.0, float(middle))
    return _scaled(values, low, high)


def _is_whole(values: NDArray[Any]) -> bool:
    return all(bool(np.all(slab == np.rint(slab))) for slab in values)


def _shifted(values: NDArray[Any], intercept: int) -> NDArray[np.int16]:
    pixels = np.empty(values.shape, dtype=np.int16)
    for k, slab in enumerate(values):
        pixels[k] = (slab.astype(np.int64) if slab.dtype.kind in "iu" else np.rint(slab)) - intercept
    return pixels


def _scaled(values: NDArray[Any], low: float, high: float) -> _Stored:
    slope = float(_ds(max((high - low) / (INT16.max - INT16.min), 1e-12) * (1 + 1e-6)))
    intercept = float(_ds((high + low) / 2))
    pixels = np.empty(values.shape, dtype=np.int16)
    for k, slab in enumerate(values):
        pixels[k] = np.clip(np.rint((slab.astype(np.float64) - intercept) / slope), INT16.min, INT16.max)
    return _Stored(pixels, slope, intercept)


def _ds(value: float) -> str:
    """A number as a decimal string of at most 16 characters, with as many digits as fit."""
    number = float(value) + 0.0
    for digits in range(15, 0, -1):
        text = f"{number:.{digits}g}"
        if len(text) <= DS_LENGTH:
            return "0" if float(text) == 0 else text
    raise ImageError(f"The number {number} cannot be written as a DICOM decimal string.")


def _normal(grid: Grid) -> NDArray[np.float64]:
    return unit(np.cross(grid.direction[:, 0], grid.direction[:, 1]))


def _add_patient(ds: Dataset, patient: Patient) -> None:
    """Patient module (C.7.1.1); an empty value where nothing is known."""
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = patient.name
    ds.PatientID = patient.patient_id
    if patient.issuer:
        ds.IssuerOfPatientID = patient.issuer
    ds.PatientBirthDate = patient.birth_date
    ds.PatientSex = patient.sex


def _add_study(ds: Dataset, volume: Volume, options: SeriesOptions, uids: _Uids) -> None:
    """General Study (C.7.2.1), times from the volume's own."""
    date, time = _date_and_time(volume.source.acquired_utc)
    ds.StudyInstanceUID = options.study_instance_uid or uids.make("study")
    ds.StudyID = "1"
    ds.StudyDate, ds.StudyTime = date, time
    ds.SeriesDate, ds.SeriesTime = date, time
    ds.AcquisitionDate, ds.AcquisitionTime = date, time
    ds.ContentDate, ds.ContentTime = date, time
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    if options.study_description:
        ds.StudyDescription = options.study_description


def _date_and_time(utc: str) -> tuple[str, str]:
    """DICOM date and time of an ISO 8601 time, or empty strings."""
    digits = "".join(c for c in utc if c.isdigit())
    return (digits[:8], digits[8:14]) if len(digits) >= 14 else ("", "")


def _add_series(
    ds: Dataset, volume: Volume, options: SeriesOptions, uids: _Uids, description: str, series_number: int
) -> None:
    """General Series, Frame of Reference, General Equipment, and the CT or MR Image module's own attributes."""
    ds.SOPClassUID = SOP_CLASSES[volume.modality]
    ds.Modality = str(volume.modality)
    ds.SeriesInstanceUID = uids.make("series", series_number)
    ds.SeriesNumber = series_number
    if description:
        ds.SeriesDescription = description[:64]
    ds.BodyPartExamined = options.body_part
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = options.frame_of_reference_uid or uids.make("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer = options.manufacturer
    ds.ManufacturerModelName = "surgtwin"
    ds.SoftwareVersions = VERSION
    ds.AcquisitionNumber = 1
    if volume.modality is Modality.CT:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.KVP = "120"
        return
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.ScanningSequence = "RM"
    ds.SequenceVariant = "NONE"
    ds.ScanOptions = ""
    ds.MRAcquisitionType = "3D"
    ds.RepetitionTime = ""
    ds.EchoTime = ""
    ds.EchoTrainLength = ""


def _add_plane(ds: Dataset, grid: Grid) -> None:
    """Image Plane module: the rows run along i, the columns along j, whatever way k goes."""
    i, j, k = grid.spacing
    between = abs(float(grid.direction[:, 2] @ _normal(grid))) * k
    ds.ImageOrientationPatient = [_ds(c) for c in (*grid.direction[:, 0], *grid.direction[:, 1])]
    ds.PixelSpacing = [_ds(j), _ds(i)]
    ds.SliceThickness = _ds(between)
    if ds.Modality == "MR":
        ds.SpacingBetweenSlices = _ds(between)


def _add_pixel_format(ds: Dataset, volume: Volume, stored: _Stored) -> None:
    """Image Pixel module, rescale, and the display window."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = volume.grid.shape[1], volume.grid.shape[2]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    if volume.modality is Modality.CT:
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _ds(stored.intercept), _ds(stored.slope), "HU"
    elif (stored.slope, stored.intercept) != (1.0, 0.0):
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _ds(stored.intercept), _ds(stored.slope), "US"
    if volume.window is not None:
        ds.WindowCenter, ds.WindowWidth = _ds(volume.window.level), _ds(volume.window.width)
