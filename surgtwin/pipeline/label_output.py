"""A label map as a file: the ending decides the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..domain.confidence import FULL_CONFIDENCE, ConfidenceMap
from ..domain.finding import Finding
from ..domain.labels import LabelMap
from ..domain.volume import Volume
from ..errors import FormatError, TwinError
from ..formats.registry import write_labels

CONFIDENCE_ENDINGS = (".nii.gz", ".nii")
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


def check_confidence_path(path: Path) -> None:
    """Raise FormatError before any work if confidence is not written with that ending."""
    if not path.name.lower().endswith(CONFIDENCE_ENDINGS):
        raise FormatError(f"{path.name}: confidence is written as {' or '.join(CONFIDENCE_ENDINGS)}.")


def write_confidence_file(confidence: ConfidenceMap | None, path: Path) -> None:
    """Write the probability, 0 to 1, that the network's label is right, as float32 NIfTI; 0 where nothing is said.

    It lies on the confidence's own grid, not the image's: both files state their place.

    Raises
    ------
    FormatError
        If the ending is unknown.
    TwinError
        If there is no confidence.
    """
    from ..formats.nifti import write_nifti

    check_confidence_path(path)
    if confidence is None:
        raise TwinError(
            "The twin holds no confidence: its labels were given, several networks made them, or an earlier version "
            "of the program built it. Build it with a single model to get one."
        )
    write_nifti(path, confidence.grid, confidence.codes.astype(np.float32) / np.float32(FULL_CONFIDENCE))
