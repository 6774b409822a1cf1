"""Every error the program raises on purpose.

    SurgTwinError
    |-- InputError                 what was given is unusable            exit code 3
    |   |-- ImageError             an image file or series
    |   |   |-- DicomError         DICOM that cannot be read
    |   |   |   |-- NoSeriesError      no usable image series in the input
    |   |   |   |-- GeometryError      slices that do not make a regular grid
    |   |   |   `-- PixelError         pixel data missing, coloured, truncated, undecodable
    |   |   `-- FormatError        NIfTI, NRRD, MetaImage, surface and label files
    |   |-- LabelError             a label map that does not fit
    |   |-- MeshError              a surface that cannot be made or is not what it claims
    |   |-- PatientMismatchError   an attachment of another patient
    |   |-- ModelError             a network's folder that is unusable, or refused
    |   |-- SourceError            a live source that sends what can't be taken
    |   `-- TwinError              a twin folder
    |       |-- TwinExistsError        the output exists and overwriting was not asked for
    |       |-- TwinSchemaError        written by a newer program
    |       |-- TwinCorruptError       contents do not match their hash
    |       `-- TwinLockedError        another program writes to it
    |-- ResourceError              the machine, not the input            exit code 5
    |   |-- DiskError              no space, no permission, a file system that cannot hold a twin
    |   |-- MemoryLimitError       more memory than there is
    |   `-- DeviceError            the GPU or a library that is missing
    `-- Cancelled                  the person stopped it                 exit code 130

A message says what was found, what was needed and what to do. It never names the patient.
"""

from __future__ import annotations

from typing import ClassVar


class SurgTwinError(Exception):
    """Anything the program can explain. `exit_code` is what the command line answers."""

    exit_code: ClassVar[int] = 1


class InputError(SurgTwinError):
    exit_code = 3


class ImageError(InputError):
    pass


class DicomError(ImageError):
    pass


class NoSeriesError(DicomError):
    pass


class GeometryError(DicomError):
    pass


class PixelError(DicomError):
    pass


class FormatError(ImageError):
    pass


class LabelError(InputError):
    pass


class MeshError(InputError):
    pass


class PatientMismatchError(InputError):
    pass


class ModelError(InputError):
    pass


class SourceError(InputError):
    pass


class ReviewError(InputError):
    pass


class PlanError(InputError):
    """Carries the path of the field it is about, e.g. ``resections[0].surface.normal``; empty if none is to blame."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.reason = message
        self.field = field

    def within(self, parent: str) -> PlanError:
        """The same error seen from the object that holds the one it arose in."""
        inner = self.field if self.field.startswith("[") or not self.field else f".{self.field}"
        return PlanError(self.reason, f"{parent}{inner}")


class TwinError(InputError):
    pass


class TwinExistsError(TwinError):
    pass


class TwinSchemaError(TwinError):
    pass


class TwinCorruptError(TwinError):
    pass


class TwinLockedError(TwinError):
    pass


class ResourceError(SurgTwinError):
    exit_code = 5


class DiskError(ResourceError):
    pass


class MemoryLimitError(ResourceError):
    pass


class DeviceError(ResourceError):
    pass


class Cancelled(SurgTwinError):  # noqa: N818 - a request that was met, not a fault
    exit_code = 130

    def __init__(self, message: str = "Cancelled.") -> None:
        super().__init__(message)
