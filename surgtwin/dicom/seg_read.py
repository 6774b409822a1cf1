"""Read a DICOM Segmentation object into a label map on the grid that its own frames span."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.finding import Finding, Severity
from ..domain.geometry import MAX_VOXELS, SAME_POSITION_MM, FloatArray, Grid
from ..domain.label_layers import LayerBuilder, is_label, smallest_type, unique_names
from ..domain.label_reading import LabelReading
from ..domain.labels import Code, Colour, LabelMap, Structure
from ..domain.structure_table import link_parts, structure_for
from ..errors import DicomError, GeometryError, PixelError
from .derived import MANUFACTURER
from .pydicom_read import READ_ERRORS, read_object, sop_class_of
from .quiet import quiet_pydicom

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABELMAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
FRACTION = 0.5
"""A voxel belongs to a fractional segment from this share of its largest value on."""
MAX_UNEVEN_MM = 0.01
_TRACKING = re.compile(r"label (\d+) (.+)", re.DOTALL)


@dataclass(frozen=True)
class _Segment:
    number: int
    label: int
    name: str
    colour: Colour | None
    code: Code | None
    laterality: Code | None


@dataclass(frozen=True, eq=False)
class _Frames:
    """The grid, and for each frame its slice k and its segment (0 in a label map)."""

    grid: Grid
    slices: tuple[int, ...]
    segments: tuple[int, ...]


def is_seg(path: Path) -> bool:
    """True if the file is a DICOM Segmentation object."""
    return sop_class_of(path) in (SEGMENTATION, LABELMAP_SEGMENTATION)


def read_seg(path: Path, *, names: dict[int, str] | None = None) -> LabelMap:
    """The label map of a DICOM SEG; see `read_seg_with_findings`."""
    return read_seg_with_findings(path, names=names).labels


def read_seg_with_findings(path: Path, *, names: dict[int, str] | None = None) -> LabelReading:
    """The segments of a DICOM SEG as a label map; segments that overlap go into further layers.

    Labels are the segment numbers (in our own files, the labels they were written from).

    Parameters
    ----------
    names
        Label value -> name, kept verbatim; without it the SegmentLabels are used.

    Raises
    ------
    DicomError
        If the file is no SEG or lacks what it needs; GeometryError if its frames span no regular grid; PixelError if
        its pixels cannot be decoded.
    """
    dataset = read_object(path, "SEG")
    if str(dataset.get("SOPClassUID", "")) not in (SEGMENTATION, LABELMAP_SEGMENTATION):
        raise DicomError(f"'{path.name}' is no DICOM Segmentation object.")
    try:
        with quiet_pydicom():
            segments = _segments(dataset)
            frames = _frames(dataset, path)
            findings: tuple[Finding, ...] = ()
            if str(dataset.SegmentationType) == "LABELMAP":
                layers, placed = _read_label_map(dataset, frames, segments)
            else:
                threshold, findings = _threshold(dataset)
                layers, placed = _read_masks(dataset, frames, segments, threshold)
            labels = LabelMap(frames.grid, layers, _structures(placed, segments, names or {}))
    except READ_ERRORS as error:
        raise DicomError(f"'{path.name}' is a damaged DICOM SEG: attributes it needs are missing or broken.") from error
    return LabelReading(labels, findings)


def _segments(dataset: Any) -> dict[int, _Segment]:
    """Segment number -> segment. Our own files say the label it came from."""
    is_ours = str(dataset.get("ManufacturerModelName", "")) == MANUFACTURER
    found = {}
    for item in dataset.SegmentSequence:
        number = int(item.SegmentNumber)
        tracking = _TRACKING.fullmatch(str(item.get("TrackingID", ""))) if is_ours else None
        kind = item.SegmentedPropertyTypeCodeSequence[0] if item.get("SegmentedPropertyTypeCodeSequence") else None
        side = (kind.get("SegmentedPropertyTypeModifierCodeSequence") or [None])[0] if kind is not None else None
        if number == 0:  # background of a label map
            continue
        found[number] = _Segment(
            number,
            int(tracking.group(1)) if tracking else number,
            tracking.group(2) if tracking else str(item.get("SegmentLabel", "")).strip(),
            _colour(item),
            _code(kind),
            _code(side),
        )
    return found


def _code(item: Any) -> Code | None:
    if item is None or not item.get("CodeValue") or not item.get("CodingSchemeDesignator"):
        return None
    return Code(str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.get("CodeMeaning", "")))


def _colour(item: Any) -> Colour | None:
    if "RecommendedDisplayCIELabValue" not in item:
        return None
    import highdicom as hd

    stored = [int(v) for v in item.RecommendedDisplayCIELabValue]
    red, green, blue = hd.color.CIELabColor.from_dicom_value(stored).to_rgb(clip=True)
    return (int(red), int(green), int(blue))


def _frames(dataset: Any, path: Path) -> _Frames:
    shared = dataset.SharedFunctionalGroupsSequence[0] if dataset.get("SharedFunctionalGroupsSequence") else None
    groups = dataset.PerFrameFunctionalGroupsSequence

    def find(group: Any, keyword: str) -> Any:
        """The functional group of a frame, else the shared one."""
        sequence = group.get(keyword) or (shared.get(keyword) if shared is not None else None)
        if not sequence:
            raise DicomError(f"'{path.name}' lacks the {keyword} of a frame.")
        return sequence[0]

    orientation = np.array(find(groups[0], "PlaneOrientationSequence").ImageOrientationPatient, dtype=np.float64)
    for group in groups:
        other = np.array(find(group, "PlaneOrientationSequence").ImageOrientationPatient, dtype=np.float64)
        if np.abs(other - orientation).max() > SAME_POSITION_MM:
            raise GeometryError(f"'{path.name}' has frames in several orientations; only one can be read.")
    measures = find(groups[0], "PixelMeasuresSequence")
    positions = np.array(
        [find(g, "PlanePositionSequence").ImagePositionPatient for g in groups], dtype=np.float64
    ).reshape(-1, 3)
    stated = float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0.0)
    grid, slices = _span(path, dataset, orientation.reshape(2, 3), positions, measures.PixelSpacing, stated)
    segments = [0] * len(groups)
    if str(dataset.SegmentationType) != "LABELMAP":
        segments = [int(find(g, "SegmentIdentificationSequence").ReferencedSegmentNumber) for g in groups]
    return _Frames(grid, slices, tuple(segments))


def _span(
    path: Path, dataset: Any, cosines: FloatArray, positions: FloatArray, spacing: Any, stated_mm: float
) -> tuple[Grid, tuple[int, ...]]:
    """The grid of the frames' slices (empty ones may have been left out) and each frame's k."""
    normal = np.cross(cosines[0], cosines[1])
    heights = positions @ normal
    distinct = np.unique(np.round(heights / MAX_UNEVEN_MM)) * MAX_UNEVEN_MM
    gaps = np.diff(distinct)
    step = _slice_distance(gaps, abs(stated_mm))
    index = (heights - heights.min()) / step
    slices = np.rint(index).astype(int)
    along = positions - positions[int(np.argmin(heights))] - np.outer(slices * step, normal)
    if np.abs(along).max() > max(MAX_UNEVEN_MM, 1e-3 * step) * 2:
        raise GeometryError(f"'{path.name}' has unevenly spaced or shifted frames; they span no regular grid.")
    direction = np.column_stack([cosines[0], cosines[1], normal])
    shape = (int(slices.max()) + 1, int(dataset.Rows), int(dataset.Columns))
    if int(np.prod(shape, dtype=object)) > MAX_VOXELS:
        raise GeometryError(f"'{path.name}' spans {shape} voxels, which is not plausible.")
    sizes = (float(spacing[1]), float(spacing[0]), step)
    grid = Grid.from_axes(shape, positions[int(np.argmin(heights))], direction, sizes)
    return grid, tuple(int(k) for k in slices)


def _slice_distance(gaps: FloatArray, stated_mm: float) -> float:
    """Distance of slices: the stated one if all gaps are multiples of it, else the smallest gap."""
    if len(gaps) == 0:
        return stated_mm or 1.0
    if stated_mm > MAX_UNEVEN_MM:
        counts = np.rint(gaps / stated_mm)
        if counts.min() >= 1 and np.abs(gaps - counts * stated_mm).max() <= MAX_UNEVEN_MM * 2:
            return float(gaps.sum() / counts.sum()) if abs(gaps.sum() / counts.sum() - stated_mm) > 1e-4 else stated_mm
    return float(gaps.min())


def _threshold(dataset: Any) -> tuple[int, tuple[Finding, ...]]:
    """Stored value from which a voxel belongs to the segment, and what must be said about it."""
    if str(dataset.SegmentationType) != "FRACTIONAL":
        return 1, ()
    highest = int(dataset.get("MaximumFractionalValue", 255))
    kind = str(dataset.get("SegmentationFractionalType", "")).lower() or "fractional"
    message = f"The DICOM SEG holds {kind} values; voxels of {FRACTION:.0%} and more were taken."
    finding = Finding("seg-thresholded", Severity.WARNING, message, numbers={"threshold": FRACTION})
    return max(1, int(np.ceil(FRACTION * highest))), (finding,)


def _read_masks(
    dataset: Any, frames: _Frames, segments: dict[int, _Segment], threshold: int
) -> tuple[tuple[NDArray[Any], ...], list[tuple[int, int]]]:
    """Layers, and (segment number, layer) of each segment; one segment's frames are held at a time."""
    builder = LayerBuilder(frames.grid.shape)
    decode = _decoder(dataset, frames)
    placed = []
    for number, segment in segments.items():
        mine = [n for n, s in enumerate(frames.segments) if s == number]
        planes = [(frames.slices[n], decode(n) >= threshold) for n in mine]
        if not is_label(segment.label):
            raise DicomError(f"Segment number {segment.label} of the DICOM SEG is no label.")
        placed.append((number, builder.add(segment.label, planes)))
    return builder.layers(), placed


def _read_label_map(
    dataset: Any, frames: _Frames, segments: dict[int, _Segment]
) -> tuple[tuple[NDArray[Any], ...], list[tuple[int, int]]]:
    layer = np.zeros(frames.grid.shape, dtype=np.uint16)
    decode = _decoder(dataset, frames)
    background = int(dataset.get("PixelPaddingValue", 0))
    for n, k in enumerate(frames.slices):
        plane = decode(n)
        layer[k] = np.where(plane == background, 0, plane)
    for number in np.unique(layer).tolist():
        if number and number not in segments:
            segments[number] = _Segment(number, number, "", None, None, None)
    return (smallest_type(layer),), [(number, 0) for number in segments]


def _decoder(dataset: Any, frames: _Frames) -> Callable[[int], NDArray[Any]]:
    """Function from a frame's number to its stored values [j, i]; only one frame is decoded at a time."""
    from pydicom.pixels import pixel_array
    from pydicom.uid import UID

    rows, columns = frames.grid.shape[1:]
    is_native = not UID(str(dataset.file_meta.TransferSyntaxUID)).is_encapsulated
    if int(dataset.BitsAllocated) == 1 and is_native:
        data = np.frombuffer(dataset.PixelData, dtype=np.uint8)
        size = rows * columns
        if data.size * 8 < size * len(frames.slices):
            raise PixelError("The pixel data of the DICOM SEG are cut short.")

        def unpack(n: int) -> NDArray[Any]:
            first, last = n * size, (n + 1) * size
            bits = np.unpackbits(data[first // 8 : (last + 7) // 8], bitorder="little")
            return bits[first % 8 : first % 8 + size].reshape(rows, columns)

        return unpack

    def decode(n: int) -> NDArray[Any]:
        return np.asarray(pixel_array(dataset, index=n)).reshape(rows, columns)

    return decode


def _structures(
    placed: list[tuple[int, int]], segments: dict[int, _Segment], names: dict[int, str]
) -> tuple[Structure, ...]:
    listed = [(segments[number], layer) for number, layer in placed]
    wanted = [names.get(s.label) or s.name or f"label {s.label}" for s, _ in listed]
    unique = unique_names(wanted, [s.label for s, _ in listed])
    made = []
    for (segment, layer), name in zip(listed, unique, strict=True):
        row = structure_for(segment.label, name, layer=layer)
        made.append(
            Structure(
                row.label, row.name, segment.colour or row.colour, row.code or segment.code,
                row.laterality or segment.laterality, row.part_of, layer,
            )
        )  # fmt: skip
    return link_parts(made)
