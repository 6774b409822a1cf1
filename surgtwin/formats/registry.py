"""Which file formats hold images and label maps, and the one door to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.content_hash import content_sha256
from ..domain.finding import Finding, Severity
from ..domain.label_layers import is_label, unique_names
from ..domain.label_reading import LabelReading
from ..domain.labels import LabelMap, Structure
from ..domain.structure_table import link_parts, structure_for
from ..domain.value_range import clipped_ct_finding, guess_modality
from ..domain.volume import Modality, SourceInfo, Volume
from ..errors import FormatError, LabelError
from ..progress import SILENT, Progress
from .label_values import as_labels
from .metaimage import read_metaimage, write_metaimage
from .nifti import read_nifti, write_nifti
from .nrrd import read_nrrd, write_nrrd
from .raw_image import RawImage
from .seg_nrrd import NamedSegment, is_segmentation, parse_segments, segment_pairs


@dataclass(frozen=True)
class ImageFormat:
    """One row: the endings of a format and its reader."""

    name: str
    endings: tuple[str, ...]
    read: Callable[[Path], RawImage]


FORMATS = (
    ImageFormat("NIfTI", (".nii", ".nii.gz"), read_nifti),
    ImageFormat("NRRD", (".nrrd", ".nhdr"), read_nrrd),
    ImageFormat("MetaImage", (".mha", ".mhd"), read_metaimage),
)
LABEL_ENDINGS = (".nii", ".nii.gz", ".seg.nrrd", ".nrrd", ".mha")
"""What `write_labels` writes."""


def is_supported_image(path: Path) -> bool:
    """True if the name ends as an image format's does; the file is not opened."""
    return _format_of(path) is not None


def read_volume(path: Path, *, modality: Modality | None = None, progress: Progress = SILENT) -> Volume:
    """The image of a NIfTI, NRRD or MetaImage file on its grid in LPS mm.

    Parameters
    ----------
    modality
        What the image is; without it the values decide, and a finding says so.

    Raises
    ------
    FormatError
        If the file is not what its name says, is damaged, or is not one scalar 3-D image.
    MemoryLimitError
        If its values would not fit into memory.
    """
    progress.update(0.0, "Reading the image")
    raw = _read(path)
    if len(raw.layers) != 1:
        raise FormatError(f"'{path.name}' is a segmentation in {len(raw.layers)} layers, not an image.")
    progress.update(0.8)
    findings = list(raw.findings)
    values = _image_values(raw.layers[0], path, findings)
    if modality is None:
        modality, guessed = guess_modality(values)
        findings.append(guessed)
    clipped = clipped_ct_finding(values) if modality is Modality.CT else None
    if clipped is not None:
        findings.append(clipped)
    progress.update(0.9)
    source = SourceInfo(raw.kind, content_sha256(raw.grid, values))
    progress.update(1.0)
    return Volume(raw.grid, values, modality, source, findings=tuple(findings))


def read_labels(path: Path, *, names: dict[int, str] | None = None) -> LabelMap:
    """The label map of a file on its own grid; see `read_labels_with_findings`."""
    return read_labels_with_findings(path, names=names).labels


def read_labels_with_findings(path: Path, *, names: dict[int, str] | None = None) -> LabelReading:
    """The label map of a NIfTI, NRRD (also Slicer's .seg.nrrd) or MetaImage file on its own grid.

    Parameters
    ----------
    names
        Label value -> name, kept verbatim. Without it the file's own names are used, else "label 4".

    Raises
    ------
    FormatError
        If the file cannot be read or holds no labels.
    """
    raw = _read(path)
    layers = tuple(as_labels(layer, path) for layer in raw.layers)
    segments = parse_segments(raw.fields, path) if is_segmentation(raw.fields) else ()
    present = [sorted(set(np.unique(layer).tolist()) - {0}) for layer in layers]
    structures = _structures(present, segments, names or {})
    try:
        return LabelReading(LabelMap(raw.grid, layers, structures), raw.findings)
    except LabelError as error:
        raise FormatError(f"'{path.name}': {error}") from error


def write_labels(labels: LabelMap, path: Path, *, layer: int = 0) -> None:
    """Write a label map; the ending decides the format. Values are written unchanged, without patient data.

    `.seg.nrrd` keeps every layer with names, colours and codes; the others hold one `layer` and no names.

    Raises
    ------
    FormatError
        If the ending is unknown.
    LabelError
        If there is no such layer.
    DiskError
        If the file cannot be written.
    """
    if not 0 <= layer < len(labels.layers):
        raise LabelError(f"There is no layer {layer}; the label map has {len(labels.layers)}.")
    name = path.name.lower()
    values = labels.layers[layer]
    if name.endswith(".seg.nrrd"):
        write_nrrd(path, labels.grid, labels.layers, segment_pairs(labels, labels.structures))
    elif name.endswith((".nii", ".nii.gz")):
        write_nifti(path, labels.grid, values)
    elif name.endswith(".nrrd"):
        write_nrrd(path, labels.grid, (values,))
    elif name.endswith(".mha"):
        write_metaimage(path, labels.grid, values)
    else:
        raise FormatError(f"'{path.name}': label maps are written as {', '.join(LABEL_ENDINGS)}.")


def _format_of(path: Path) -> ImageFormat | None:
    name = path.name.lower()
    return next((f for f in FORMATS if name.endswith(f.endings)), None)


def _read(path: Path) -> RawImage:
    found = _format_of(path)
    if found is None:
        known = ", ".join(ending for f in FORMATS for ending in f.endings)
        raise FormatError(f"'{path.name}' is no image file that we know; known endings are {known}.")
    try:
        if not path.is_file():
            raise FormatError(f"'{path.name}' is not a file.")
        if path.stat().st_size == 0:
            raise FormatError(f"'{path.name}' is empty.")
        return found.read(path)
    except OSError as error:
        raise FormatError(f"'{path.name}' cannot be read: {error.strerror or 'it is damaged'}.") from error


def _image_values(values: NDArray[Any], path: Path, findings: list[Finding]) -> NDArray[Any]:
    """Values in one of the types that a Volume has; what is not finite is replaced by the lowest value, and said."""
    if values.dtype.kind == "f":
        return _finite_floats(values, path, findings)
    if values.dtype in (np.dtype(np.int16), np.dtype(np.uint16), np.dtype(np.uint8), np.dtype(np.int32)):
        return values
    if values.dtype == np.dtype(np.int8):
        return values.astype(np.int16)
    limits = np.iinfo(np.int32)
    if int(values.min()) < limits.min or int(values.max()) > limits.max:
        raise FormatError(f"'{path.name}' holds whole numbers beyond 32 bits, which are no image.")
    return values.astype(np.int32)


def _finite_floats(values: NDArray[Any], path: Path, findings: list[Finding]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        single = values.astype(np.float32, copy=False)
    finite = np.isfinite(single)
    missing = int(finite.size - np.count_nonzero(finite))
    if missing == 0:
        return single
    if missing == finite.size:
        raise FormatError(f"'{path.name}' holds no finite value.")
    lowest = single[finite].min()
    findings.append(
        Finding(
            "values-not-finite",
            Severity.WARNING,
            f"{missing} voxels held no finite number (NaN or infinite); they were given the lowest value, {lowest:g}.",
            numbers={"voxels": float(missing), "replaced_by": float(lowest)},
        )
    )
    return np.where(finite, single, lowest)


def _structures(
    present: list[list[int]], segments: tuple[NamedSegment, ...], names: dict[int, str]
) -> tuple[Structure, ...]:
    """One structure for each label that is there or described; names given outrank names in the file."""
    described = {(s.layer, s.label): s for s in segments if s.layer < len(present) and is_label(s.label)}
    keys = sorted(set(described) | {(n, label) for n, labels in enumerate(present) for label in labels})
    wanted = []
    for layer, label in keys:
        in_file = described.get((layer, label))
        wanted.append(names.get(label) or (in_file.name if in_file else "") or f"label {label}")
    unique = unique_names(wanted, [label for _, label in keys])
    return link_parts([
        _structure(layer, label, name, described.get((layer, label)))
        for (layer, label), name in zip(keys, unique, strict=True)
    ])  # fmt: skip


def _structure(layer: int, label: int, name: str, segment: NamedSegment | None) -> Structure:
    """Completed from the table; colour and code that the file states come first."""
    from_table = structure_for(label, name, layer=layer)
    if segment is None:
        return from_table
    return Structure(
        label, name, segment.colour or from_table.colour, from_table.code or segment.code, from_table.laterality,
        from_table.part_of, layer,
    )  # fmt: skip
