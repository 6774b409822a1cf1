"""A label map from elsewhere, in place of the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..domain.labels import LabelMap
from ..domain.volume import Volume
from ..errors import FormatError, LabelError
from ..formats.labels_on_grid import labels_on_grid
from ..formats.names import read_names
from ..formats.registry import is_supported_image, read_labels
from ..progress import SILENT, Progress
from .ports import Segmentation


def given_labels(path: Path, volume: Volume, names: Path | None = None, progress: Progress = SILENT) -> Segmentation:
    """The labels of a NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT file on the volume's grid.

    Raises
    ------
    FormatError, LabelError
        If the file cannot be read, holds nothing, or lies elsewhere than the image.
    """
    progress.update(0.0)
    labels = read_any_labels(path, volume, names)
    progress.update(0.6)
    fitted, findings = labels_on_grid(labels, volume.grid)
    if not any(np.any(layer) for layer in fitted.layers):
        raise LabelError(f"{path.name} has no label on any voxel of the image.")
    progress.update(1.0)
    methods = {s.name: f"given labels: {path.suffix.lstrip('.') or 'file'}" for s in fitted.structures}
    return Segmentation(fitted, methods, {}, findings)


def read_any_labels(path: Path, volume: Volume | None, names: Path | None = None) -> LabelMap:
    """Labels from any file we know, on the file's own grid (RTSTRUCT: on the volume's)."""
    given_names = read_names(names) if names is not None else None
    if is_supported_image(path):
        return read_labels(path, names=given_names)
    from ..dicom.rtstruct import is_rtstruct, read_rtstruct
    from ..dicom.seg import is_seg, read_seg

    if is_seg(path):
        return read_seg(path, names=given_names)
    if is_rtstruct(path):
        if volume is None:
            raise FormatError(f"{path.name} is an RTSTRUCT: its contours need the image they were drawn on.")
        return read_rtstruct(path, volume.grid, names=given_names)
    raise FormatError(f"{path.name} is no label map we can read: NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT.")
