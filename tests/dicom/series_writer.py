"""A small writer of DICOM series for the tests: every attribute can be changed, left out or broken."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from surgtwin.domain.geometry import Grid

Change = Callable[[Dataset, int], None]


def ct_values(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """int16 HU [k, j, i]: noise on a ramp, so that no two slices, rows or columns are alike; air at a corner."""
    random = np.random.default_rng(seed)
    k, j, i = np.indices(shape)
    values = random.integers(-40, 40, shape) + 300 * k / shape[0] + 200 * j / shape[1] - 100 * i / shape[2]
    values[:, :2, :2] = -1000
    return values.astype(np.int16)


def slice_dataset(values: np.ndarray, grid: Grid, k: int, uids: tuple[str, str, str], modality: str = "CT") -> Dataset:
    """Slice k as a classic image: 12 bits in 16, unsigned, intercept -1024."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = uids
    ds.Modality, ds.SeriesNumber, ds.SeriesDescription = modality, 4, "Abdomen"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Secret^Name", "SECRET-ID", "19500101", "F"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = "20200101", "120000", "", ""
    ds.ReferringPhysicianName, ds.Manufacturer = "", "test"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.AcquisitionNumber, ds.InstanceNumber, ds.PatientPosition = 1, k + 1, "HFS"
    position = grid.to_lps([0, 0, k])
    ds.ImagePositionPatient = [f"{c:.10g}" for c in position]
    directions = [*grid.direction[:, 0], *grid.direction[:, 1]]
    ds.ImageOrientationPatient = [f"{c:.12g}"[:16] for c in directions]
    ds.PixelSpacing = [f"{grid.spacing[1]:.10g}", f"{grid.spacing[0]:.10g}"]
    ds.SliceThickness = f"{grid.spacing[2]:.10g}"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = values.shape[1:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.WindowCenter, ds.WindowWidth = ["40", "300"], ["400", "1500"]
    ds.PixelData = (values[k].astype(np.int32) + 1024).astype("<u2").tobytes()
    return ds


def write_file(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "")
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the point of many tests is to write what must not be written
        if syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
            little = syntax != ExplicitVRBigEndian
            implicit = syntax == ImplicitVRLittleEndian
            ds.preamble = b"\0" * 128
            dcmwrite(path, ds, implicit_vr=implicit, little_endian=little, force_encoding=True)
        else:
            ds.preamble = b"\0" * 128
            dcmwrite(path, ds)
    return path


def write_series(
    folder: Path,
    grid: Grid,
    values: np.ndarray,
    *,
    change: Change | None = None,
    syntax: str = ExplicitVRLittleEndian,
    modality: str = "CT",
    uids: tuple[str, str, str] | None = None,
    name: str = "slice{:03d}.dcm",
) -> list[Path]:
    """One file a slice, the names in shuffled order; `change(ds, k)` may alter each data set."""
    uids = uids or (generate_uid(), generate_uid(), generate_uid())
    names = np.random.default_rng(1).permutation(len(values))
    paths = []
    for k in range(len(values)):
        ds = slice_dataset(values, grid, k, uids, modality)
        if change is not None:
            change(ds, k)
        paths.append(write_file(ds, folder / name.format(names[k]), syntax))
    return paths
