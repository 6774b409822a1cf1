"""Turn the contours of a DICOM RT Structure Set into a label map on an image's grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.finding import Finding, Severity
from ..domain.geometry import SAME_DIRECTION, FloatArray, Grid, unit
from ..domain.label_layers import LayerBuilder, is_label, unique_names
from ..domain.label_reading import LabelReading
from ..domain.labels import Code, Colour, LabelMap, Structure
from ..domain.structure_table import link_parts, structure_for
from ..errors import DicomError, LabelError
from .contours import fill
from .pydicom_read import READ_ERRORS, read_object, sop_class_of
from .quiet import quiet_pydicom
from .rtstruct_write import STRUCTURE_SET

PLANAR = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
SAME_PLANE_MM = 0.1
"""Contours closer than this along their normal lie in one plane."""
MAX_BEND_MM = 1.0
"""A contour whose points leave their plane by more is not planar."""
FINE = 0.5
"""Raster of contours that lie across the image's slices, in units of its smallest spacing."""
MAX_RASTER = 8192
_CONTOUR_DATA = 0x30060050


@dataclass(frozen=True, eq=False)
class _Region:
    number: int
    name: str
    colour: Colour | None
    code: Code | None
    contours: list[FloatArray] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Planes:
    """Contours of one region by plane: heights along the normal (ascending), and the loops (n, 3) mm at each."""

    normal: FloatArray
    heights: FloatArray
    loops: list[list[FloatArray]]
    thickness: float


def is_rtstruct(path: Path) -> bool:
    """True if the file is a DICOM RT Structure Set."""
    return sop_class_of(path) == STRUCTURE_SET


def read_rtstruct(path: Path, grid: Grid, *, names: dict[int, str] | None = None) -> LabelMap:
    """The label map of an RTSTRUCT on `grid`; see `read_rtstruct_with_findings`."""
    return read_rtstruct_with_findings(path, grid, names=names).labels


def read_rtstruct_with_findings(path: Path, grid: Grid, *, names: dict[int, str] | None = None) -> LabelReading:
    """The regions of an RTSTRUCT as voxels whose centre lies inside, on the grid of the image they were drawn on.

    Outlines of one region in one plane are combined by the even-odd rule, so that an outline within another is a
    hole. A slice of the grid takes the nearest plane of contours, up to half the distance of the planes away. Regions
    that overlap go into further layers. Labels are the ROI numbers, or 1, 2, ... where these are no labels.

    Parameters
    ----------
    names
        Label value -> name, kept verbatim; without it the ROI names are used.

    Raises
    ------
    DicomError
        If the file is no RTSTRUCT, or damaged.
    LabelError
        If no contour encloses a voxel of the grid.
    """
    dataset = read_object(path, "RTSTRUCT")
    if str(dataset.get("SOPClassUID", "")) != STRUCTURE_SET:
        raise DicomError(f"'{path.name}' is no DICOM RT Structure Set.")
    try:
        with quiet_pydicom():
            regions, skipped = _regions(dataset)
    except READ_ERRORS as error:
        raise DicomError(f"'{path.name}' is a damaged RTSTRUCT: attributes it needs are missing or broken.") from error
    builder = LayerBuilder(grid.shape)
    labels = _label_numbers(regions)
    layers = [builder.add(label, _voxels(r, grid)) for label, r in zip(labels, regions, strict=True)]
    result = builder.layers()
    if not any(np.any(layer) for layer in result):
        raise LabelError(f"'{path.name}' encloses no voxel of the image: it was drawn on another one.")
    structures = _structures(regions, labels, layers, names or {})
    return LabelReading(LabelMap(grid, result, structures), _said(skipped))


def _regions(dataset: Any) -> tuple[list[_Region], int]:
    """Regions in the order of the file, and the number of contours that are no closed planar ones."""
    codes = {}
    for item in dataset.get("RTROIObservationsSequence", []):
        found = item.get("RTROIIdentificationCodeSequence")
        if found and found[0].get("CodeValue"):
            code = found[0]
            meaning = str(code.get("CodeMeaning", ""))
            codes[int(item.ReferencedROINumber)] = Code(str(code.CodeValue), str(code.CodingSchemeDesignator), meaning)
    drawn = {int(item.ReferencedROINumber): item for item in dataset.get("ROIContourSequence", [])}
    regions, skipped = [], 0
    for item in dataset.StructureSetROISequence:
        number = int(item.ROINumber)
        contours = drawn.get(number)
        region = _Region(number, str(item.get("ROIName", "")).strip(), _colour(contours), codes.get(number))
        for contour in (contours.get("ContourSequence") or []) if contours is not None else []:
            points = _points(contour)
            if str(contour.ContourGeometricType) in PLANAR and len(points) >= 3 and np.all(np.isfinite(points)):
                region.contours.append(points)
            else:
                skipped += 1
        regions.append(region)
    return regions, skipped


def _points(contour: Any) -> FloatArray:
    """(n, 3) mm. Read from the text: pydicom's number objects are slow, and long contours may have come as UN."""
    value = contour.get_item(_CONTOUR_DATA).value
    words = value.decode("ascii").split("\\") if isinstance(value, bytes) else value
    return np.array([float(w) for w in words], dtype=np.float64).reshape(-1, 3)


def _colour(item: Any) -> Colour | None:
    if item is None or not item.get("ROIDisplayColor"):
        return None
    red, green, blue = (min(255, max(0, int(v))) for v in item.ROIDisplayColor)
    return (red, green, blue)


def _label_numbers(regions: list[_Region]) -> list[int]:
    numbers = [r.number for r in regions]
    if len(set(numbers)) == len(numbers) and all(is_label(n) for n in numbers):
        return numbers
    return list(range(1, len(regions) + 1))


def _voxels(region: _Region, grid: Grid) -> list[tuple[int, NDArray[np.bool_]]]:
    """(k, mask) of the slices in which the region has voxels."""
    if not region.contours:
        return []
    planes = _planes(region.contours, grid)
    along = unit(np.cross(grid.direction[:, 0], grid.direction[:, 1]))
    if abs(float(along @ planes.normal)) > 1.0 - SAME_DIRECTION:
        found = _voxels_of_slices(planes, grid)
    else:
        found = _voxels_across(planes, grid)
    return [(k, mask) for k, mask in found if np.any(mask)]


def _planes(contours: list[FloatArray], grid: Grid) -> _Planes:
    """Contours sorted into planes. Raises LabelError if they are not planar, or lie in several directions."""
    normal = _normal(max(contours, key=len))
    if abs(float(normal @ grid.direction[:, 2])) > 0 and float(normal @ grid.direction[:, 2]) < 0:
        normal = -normal
    heights = [points @ normal for points in contours]
    if max(float(np.ptp(h)) for h in heights) > MAX_BEND_MM:
        raise LabelError("The contours of the RTSTRUCT do not lie in parallel planes; such contours cannot be filled.")
    order = np.argsort([float(h.mean()) for h in heights])
    levels: list[float] = []
    loops: list[list[FloatArray]] = []
    for n in order:
        height = float(heights[n].mean())
        if levels and height - levels[-1] < SAME_PLANE_MM:
            loops[-1].append(contours[n])
        else:
            levels.append(height)
            loops.append([contours[n]])
    gaps = np.diff(levels)
    spacing = _step_along(grid, normal)
    thickness = max(float(np.median(gaps)), spacing) if len(gaps) else spacing
    return _Planes(normal, np.array(levels), loops, thickness)


def _normal(points: FloatArray) -> FloatArray:
    """Unit normal of a contour by Newell's sum; a contour without area has none."""
    centred = points - points.mean(axis=0)
    total = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    if np.linalg.norm(total) < 1e-6:
        return np.array([0.0, 0.0, 1.0])
    return unit(total)


def _step_along(grid: Grid, normal: FloatArray) -> float:
    """Distance along `normal` from a slice of the grid to the next, mm."""
    return float(np.abs(normal @ grid.lps_from_ijk[:3, :3]).max())


def _nearest_plane(planes: _Planes, heights: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the plane for each height, -1 if none is within half the planes' distance."""
    right = np.clip(np.searchsorted(planes.heights, heights), 1, max(1, len(planes.heights) - 1))
    left = right - 1
    right = np.minimum(right, len(planes.heights) - 1)
    nearer = np.abs(planes.heights[right] - heights) < np.abs(planes.heights[left] - heights)
    index = np.where(nearer, right, left)
    reach = planes.thickness / 2 + SAME_PLANE_MM / 2
    return np.where(np.abs(planes.heights[index] - heights) <= reach, index, -1)


def _voxels_of_slices(planes: _Planes, grid: Grid) -> list[tuple[int, NDArray[np.bool_]]]:
    """Contours parallel to the slices: filled on the grid's own pixels."""
    rows, columns = grid.shape[1:]
    heights = np.array([grid.to_lps([0, 0, k]) @ planes.normal for k in range(grid.shape[0])])
    found = []
    for k, n in enumerate(_nearest_plane(planes, heights).tolist()):
        if n >= 0:
            loops = [grid.to_ijk(points)[:, :2] for points in planes.loops[n]]
            found.append((k, fill(loops, rows, columns)))
    return found


def _voxels_across(planes: _Planes, grid: Grid) -> list[tuple[int, NDArray[np.bool_]]]:
    """Contours across the slices: filled on a fine raster in their own planes, then asked at each voxel's centre."""
    axis = np.eye(3)[int(np.argmin(np.abs(planes.normal)))]
    across = unit(np.cross(planes.normal, axis))
    basis = np.stack([across, np.cross(planes.normal, across)])
    points = np.concatenate([p @ basis.T for loops in planes.loops for p in loops])
    low, extent = points.min(axis=0), float(np.ptp(points, axis=0).max())
    pixel = max(FINE * min(grid.spacing), extent / MAX_RASTER)
    columns, rows = (int(n) for n in np.ceil(np.ptp(points, axis=0) / pixel) + 1)
    rasters = [fill([(p @ basis.T - low) / pixel for p in loops], rows, columns) for loops in planes.loops]
    j, i = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[2]), indexing="ij")
    found = []
    for k in range(grid.shape[0]):
        places = grid.to_lps(np.stack([i, j, np.full_like(i, k)], axis=-1))
        plane = _nearest_plane(planes, places @ planes.normal)
        u, v = np.moveaxis(np.rint((places @ basis.T - low) / pixel).astype(np.int64), -1, 0)
        inside = (plane >= 0) & (u >= 0) & (v >= 0) & (u < columns) & (v < rows)
        mask = np.zeros(i.shape, dtype=bool)
        for n in np.unique(plane[inside]).tolist():
            here = inside & (plane == n)
            mask[here] = rasters[n][v[here], u[here]]
        found.append((k, mask))
    return found


def _structures(
    regions: list[_Region], labels: list[int], layers: list[int], names: dict[int, str]
) -> tuple[Structure, ...]:
    wanted = [names.get(label) or r.name or f"label {label}" for label, r in zip(labels, regions, strict=True)]
    made = []
    for name, label, layer, r in zip(unique_names(wanted, labels), labels, layers, regions, strict=True):
        row = structure_for(label, name, layer=layer)
        made.append(
            Structure(label, name, r.colour or row.colour, row.code or r.code, row.laterality, row.part_of, layer)
        )
    return link_parts(made)


def _said(skipped: int) -> tuple[Finding, ...]:
    if not skipped:
        return ()
    message = f"{skipped} contours of the RTSTRUCT are points or open lines, which enclose nothing; they were left out."
    return (Finding("contours-left-out", Severity.INFO, message, numbers={"contours": float(skipped)}),)
