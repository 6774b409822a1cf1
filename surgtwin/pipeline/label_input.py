"""A label map from elsewhere, in place of the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..domain.finding import Finding, Severity
from ..domain.label_reading import LabelReading
from ..domain.labels import LabelMap
from ..domain.volume import Volume
from ..errors import FormatError, LabelError
from ..formats.labels_on_grid import labels_on_grid
from ..formats.names import read_names
from ..formats.registry import is_supported_image, read_labels_with_findings
from ..progress import SILENT, Progress
from .ports import Segmentation

_LISTED = 10


def given_labels(path: Path, volume: Volume, names: Path | None = None, progress: Progress = SILENT) -> Segmentation:
    """The labels of a NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT file on the volume's grid.

    Raises
    ------
    FormatError, LabelError
        If the file cannot be read, holds nothing, or lies elsewhere than the image.
    """
    progress.update(0.0)
    reading = read_any_labels(path, volume, names)
    progress.update(0.6)
    fitted, moved = labels_on_grid(reading.labels, volume.grid)
    if not any(np.any(layer) for layer in fitted.layers):
        raise LabelError(f"{path.name} has no label on any voxel of the image.")
    progress.update(1.0)
    methods = {s.name: "given labels" for s in fitted.structures}
    on_image = LabelMap(volume.grid, fitted.layers, fitted.structures)  # the file's grid may be rounded to float32
    return Segmentation(on_image, methods, {}, (*reading.findings, *moved))


def read_any_labels(path: Path, volume: Volume | None, names: Path | None = None) -> LabelReading:
    """Labels from any file we know, on the file's own grid (RTSTRUCT: on the volume's).

    Raises
    ------
    FormatError
        If the file is absent or no label map, or an RTSTRUCT is given without an image.
    """
    if not path.is_file():
        raise FormatError(f"There is no label file {path}.")
    given_names = read_names(names) if names is not None else None
    reading = _read(path, volume, given_names)
    return replace(reading, findings=(*reading.findings, *_unused_names(reading.labels, given_names or {})))


def _unused_names(labels: LabelMap, names: dict[int, str]) -> tuple[Finding, ...]:
    """Names for values that the label map does not hold: often the names of another map."""
    present = {s.label for s in labels.structures if labels.voxels(s)}
    unused = sorted(set(names) - present)
    if not unused:
        return ()
    listed = ", ".join(str(label) for label in unused[:_LISTED]) + (", ..." if len(unused) > _LISTED else "")
    message = f"--names names {len(unused)} labels that the label map does not hold: {listed}."
    severity = Severity.INFO if len(unused) < len(names) else Severity.WARNING
    return (Finding("names-unused", severity, message, numbers={"labels": float(len(unused))}),)


def _read(path: Path, volume: Volume | None, given_names: dict[int, str] | None) -> LabelReading:
    if is_supported_image(path):
        return read_labels_with_findings(path, names=given_names)
    from ..dicom.rtstruct import is_rtstruct, read_rtstruct_with_findings
    from ..dicom.seg import is_seg, read_seg_with_findings

    if is_seg(path):
        return read_seg_with_findings(path, names=given_names)
    if is_rtstruct(path):
        if volume is None:
            raise FormatError(f"{path.name} is an RTSTRUCT: its contours need the image they were drawn on.")
        return read_rtstruct_with_findings(path, volume.grid, names=given_names)
    raise FormatError(f"{path.name} is no label map we can read: NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT.")
