"""One 2-D image of a file with its place in the patient: the unit that series are put together from."""

from __future__ import annotations

from dataclasses import dataclass

from .elements import Elements
from .file_ref import FileRef
from .header import Header
from .pixel_layout import PixelLayout

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One DICOM file with pixels; `header` keeps the attributes that were read."""

    ref: FileRef
    header: Header
    layout: PixelLayout
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str

    @property
    def elements(self) -> Elements:
        return self.header.elements


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One 2-D image.

    Parameters
    ----------
    index
        Of the frame in its file, from 0.
    position
        ImagePositionPatient: LPS mm of the centre of the first pixel; None if absent or unusable.
    orientation
        ImageOrientationPatient: direction of a row (i axis) and of a column (j axis) in LPS.
    spacing
        PixelSpacing: distance of rows (along j) and of columns (along i), mm.
    slope, intercept
        value = stored * slope + intercept.
    number
        InstanceNumber, or the frame's place in its file: for messages and ties.
    traits
        What may tell the stacks of a series apart, in the order of `TRAITS`, in words ("echo 2"); "" where unknown.
    fault
        Why the pixels cannot be used; empty if they can.
    """

    instance: Instance
    index: int
    position: Vector | None
    orientation: tuple[float, float, float, float, float, float] | None
    spacing: tuple[float, float] | None
    slope: float
    intercept: float
    number: int
    traits: tuple[str, ...]
    fault: str = ""

    @property
    def name(self) -> str:
        """For messages: the file, and the frame where a file has several."""
        several = self.instance.layout.frames > 1
        return f"{self.instance.ref.name} frame {self.index + 1}" if several else self.instance.ref.name


TRAITS = (
    "stack", "temporal position", "acquisition", "echo", "image type", "b-value", "cardiac phase", "kernel", "KVP",
    "acquisition time", "series time",
)  # fmt: skip
"""Best first: the ones that the standard made for the purpose, then those that scanners use instead."""
