"""A label map as a file: the ending decides the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..domain.finding import Finding
from ..domain.labels import LabelMap
from ..domain.volume import Volume
from ..errors import FormatError
from ..formats.registry import write_labels

LABEL_ENDINGS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".dcm")


def check_label_path(path: Path, *, as_rtstruct: bool = False) -> None:
    """Raise FormatError before any work if no format has that ending."""
    if not path.name.lower().endswith(LABEL_ENDINGS):
        raise FormatError(f"{path.name}: label maps are written as {', '.join(LABEL_ENDINGS)}.")
    if as_rtstruct and path.suffix.lower() != ".dcm":
        raise FormatError(f"{path.name}: an RTSTRUCT is a DICOM file; its name must end in .dcm.")


def write_label_file(
    labels: LabelMap,
    volume: Volume,
    path: Path,
    *,
    layer: int = 0,
    as_rtstruct: bool = False,
    model: dict[str, Any] | None = None,
) -> tuple[Finding, ...]:
    """Write `labels`, made on `volume`, in the format of the ending; answers what had to be said.

    Raises
    ------
    FormatError
        If the ending is unknown.
    DicomError
        If a DICOM object is asked for and the image does not come from DICOM.
    """
    check_label_path(path, as_rtstruct=as_rtstruct)
    if path.suffix.lower() != ".dcm":
        write_labels(labels, path, layer=layer)
        return ()
    if as_rtstruct:
        from ..dicom.rtstruct import write_rtstruct

        return write_rtstruct(labels, volume, path)
    from ..dicom.seg import write_seg

    name = str((model or {}).get("name", "")) or None
    return write_seg(labels, volume, path, algorithm=name)
