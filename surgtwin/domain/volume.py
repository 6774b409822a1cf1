"""An image of the patient: values on a grid, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from ..errors import ImageError
from .finding import Finding
from .geometry import Grid, frozen
from .patient import Patient


class Modality(StrEnum):
    CT = "CT"
    MR = "MR"
    OTHER = "OTHER"


@dataclass(frozen=True)
class Window:
    """A display window in the image's units."""

    width: float
    level: float


@dataclass(frozen=True)
class DicomSource:
    """The DICOM series a volume was read from: what a derived object must refer to.

    Parameters
    ----------
    header
        A DICOM file (part 10, explicit little endian) of the first instance without its pixel data: patient, study,
        series and equipment modules for objects derived from it.
    sop_instance_uids
        One per instance, in the order of the volume's k axis (a single one for a multi-frame object).
    is_on_grid
        True if slice k of the volume is instance k unchanged; False after regularising or tilt correction.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...]
    frame_of_reference_uid: str = ""
    header: bytes = b""
    is_on_grid: bool = True


@dataclass(frozen=True)
class SourceInfo:
    """Where an image came from, without anything that names the patient."""

    kind: str
    """'dicom', 'nifti', 'nrrd', 'metaimage' or 'synthetic'."""
    content_sha256: str
    """Of the values and the grid: the same image gives the same hash whatever the container."""
    description: str = ""
    """SeriesDescription or empty."""
    acquired_utc: str = ""
    dicom: DicomSource | None = None
    slice_thickness_mm: float | None = None


@dataclass(frozen=True, eq=False)
class Volume:
    """An image on a grid.

    Parameters
    ----------
    values
        [k, j, i], int16, uint16, uint8, int32 or float32; CT in Hounsfield units. Made read-only.
    window
        The series' own display window, if it states one.
    findings
        What was noticed and done while reading (tilt corrected, slices regularised, attributes missing).

    Raises
    ------
    ImageError
        If the array does not have the grid's shape.
    """

    grid: Grid
    values: NDArray[Any]
    modality: Modality
    source: SourceInfo
    patient: Patient = field(default_factory=Patient)
    window: Window | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise ImageError(f"The values have shape {self.values.shape}, but the grid has {self.grid.shape}.")
        if self.values.dtype.kind not in "iuf":
            raise ImageError(f"Values of type {self.values.dtype} are not an image.")
        object.__setattr__(self, "values", frozen(self.values))
