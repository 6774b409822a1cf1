"""A scanned series as a Volume: pixels in one array on a checked grid, with everything that was noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..domain.content_hash import combine_digests, content_sha256
from ..domain.finding import Finding, Severity
from ..domain.geometry import Grid
from ..domain.volume import DicomSource, Modality, SourceInfo, Volume, Window
from ..errors import DicomError, GeometryError
from ..progress import SILENT, Progress
from . import tags
from .acquired import acquired_time
from .frame import Frame
from .pixel_layout import GREY
from .read_pixels import Pixels, read_pixels
from .series import SeriesInfo
from .slice_order import SliceOrder, order_slices
from .source_header import source_header
from .stored_values import PADDING_AIR_HU
from .straighten import regularised_finding, straight_grid, straighten, tilt_finding
from .values import ascii_text, items, number, numbers

CLIPPED_ABOVE_HU = -125.0
"""A CT with nothing below this was clipped: it has no air, so lungs and skin cannot be found in it."""
_SUPERSEDED = frozenset({"gantry-tilt"})


@dataclass(frozen=True, eq=False)
class _Placed:
    """Values on their grid, the hash of both, and what was done to get there."""

    grid: Grid
    values: NDArray[Any]
    sha256: str
    findings: tuple[Finding, ...]
    is_on_grid: bool


def load(series: SeriesInfo, *, regularise: bool = False, progress: Progress = SILENT) -> Volume:
    """Read a series.

    Parameters
    ----------
    regularise
        Allow unevenly spaced, missing, duplicate or damaged slices to be resampled to even spacing; what was done is
        a finding of the volume. Without it such a series is refused.

    Raises
    ------
    GeometryError
        If the slices make no regular grid (and regularising is not allowed, or would invent too much).
    PixelError
        If pixels are missing, coloured, cut short or undecodable.
    MemoryLimitError
        If the volume does not fit into memory.
    """
    if series.refusal is not None and not (regularise and series.needs_regularise):
        raise type(series.refusal)(str(series.refusal))
    if series.order is None:
        raise GeometryError(f"The series {series.key} has no usable geometry.")
    order = _without_duplicates(series.order) if series.needs_regularise else series.order
    pixels = read_pixels(order.frames, series.modality, progress.part(0.0, 0.85))
    left_out = series.frames - len(order.frames)
    placed = _place(pixels, order, series, left_out, progress.part(0.85, 1.0))
    header, header_findings = _source_header(order)
    kept = tuple(f for f in series.findings if not (placed.is_on_grid is False and f.code in _SUPERSEDED))
    findings = (*kept, *placed.findings, *_value_findings(pixels, order, series.modality), *header_findings)
    return Volume(
        placed.grid,
        placed.values,
        series.modality,
        _source_info(series, order, placed, header),
        series.patient,
        frame_window(order.frames[len(order.frames) // 2]),
        findings,
    )


def _without_duplicates(order: SliceOrder) -> SliceOrder:
    """The first slice at each place."""
    repeated = set(order.duplicates.tolist())
    return order_slices([f for n, f in enumerate(order.frames) if n not in repeated]) if repeated else order


def _place(pixels: Pixels, order: SliceOrder, series: SeriesInfo, left_out: int, progress: Progress) -> _Placed:
    """On the slices' own grid if they make one, else resampled."""
    is_irregular = series.needs_regularise and not order.is_even
    if not is_irregular and order.is_upright:
        grid = order.grid()
        found = (_left_out_finding(left_out),) if left_out else ()
        return _Placed(grid, pixels.values, combine_digests(grid, pixels.digests), found, True)
    target = straight_grid(order, regularise=is_irregular)
    smallest = min(f.smallest for f in pixels.facts)
    outside = max(smallest, PADDING_AIR_HU) if series.modality is Modality.CT else smallest
    values = straighten(pixels.values, order, target, outside, progress)
    found = (tilt_finding(order, target),) if order.is_tilted else ()
    if series.needs_regularise:
        found = (*found, regularised_finding(order, target, left_out))
    return _Placed(target.grid, values, content_sha256(target.grid, values), found, False)


def _left_out_finding(left_out: int) -> Finding:
    message = f"{left_out} duplicate or damaged slices were left out, as allowed; the others are evenly spaced."
    return Finding("regularised", Severity.WARNING, message, numbers={"left_out": float(left_out)})


def _source_header(order: SliceOrder) -> tuple[bytes, tuple[Finding, ...]]:
    try:
        header, dropped = source_header(order.frames[0].instance)
    except DicomError as error:
        message = f"The header of the series cannot be passed on ({error}): DICOM objects cannot be derived from it."
        return b"", (Finding("no-source-header", Severity.WARNING, message),)
    if not dropped:
        return header, ()
    message = f"{dropped} attributes of the series break the standard and are not passed on to derived objects."
    return header, (Finding("attributes-dropped", Severity.INFO, message, numbers={"dropped": float(dropped)}),)


def _value_findings(pixels: Pixels, order: SliceOrder, modality: Modality) -> tuple[Finding, ...]:
    found = []
    smallest = min(f.smallest for f in pixels.facts)
    if modality is Modality.CT and smallest >= CLIPPED_ABOVE_HU:
        message = (
            f"The smallest value is {smallest:g} HU: the values were clipped. Without air there are no lungs and no "
            "skin to find, and bone may be cut off too."
        )
        found.append(Finding("clipped-ct", Severity.WARNING, message, numbers={"smallest_hu": smallest}))
    padded = sum(f.padded for f in pixels.facts)
    if padded:
        message = f"{padded} pixels outside the scanner's field (padding) were set to air, {PADDING_AIR_HU:g} HU."
        found.append(Finding("padding-to-air", Severity.INFO, message, numbers={"pixels": float(padded)}))
    first = order.frames[0]
    if first.instance.layout.photometric == GREY[0]:
        done = "Hounsfield units do not depend on it" if modality is Modality.CT else "they were inverted"
        message = f"The images are stored to be shown with bright and dark exchanged (MONOCHROME1): {done}."
        found.append(Finding("monochrome1", Severity.INFO, message))
    if len({(f.slope, f.intercept) for f in order.frames}) > 1:
        message = "The slices have different rescale factors; each was rescaled with its own."
        found.append(Finding("rescale-varies", Severity.INFO, message))
    return tuple(found)


def _source_info(series: SeriesInfo, order: SliceOrder, placed: _Placed, header: bytes) -> SourceInfo:
    instance = order.frames[0].instance
    elements = instance.elements
    uids = dict.fromkeys(f.instance.sop_instance_uid for f in order.frames)
    dicom = DicomSource(
        series.study_instance_uid,
        series.series_instance_uid,
        instance.sop_class_uid,
        tuple(uids),
        ascii_text(elements, tags.FRAME_OF_REFERENCE_UID),
        header,
        placed.is_on_grid,
    )
    return SourceInfo(
        "dicom",
        placed.sha256,
        series.description,
        acquired_time(elements),
        dicom,
        _thickness(order.frames[0]),
    )


def _thickness(frame: Frame) -> float | None:
    elements = frame.instance.elements
    shared = items(elements, tags.SHARED_GROUPS)
    measures = items(shared[0], tags.PIXEL_MEASURES) if shared else ()
    return number(measures[0] if measures else elements, tags.SLICE_THICKNESS)


def frame_window(frame: Frame) -> Window | None:
    """The display window that a frame states, if it is usable; the first, if it states several."""
    elements = frame.instance.elements
    shared = items(elements, tags.SHARED_GROUPS)
    voi = items(shared[0], tags.FRAME_VOI_LUT) if shared else ()
    stated = voi[0] if voi else elements
    level, width = numbers(stated, tags.WINDOW_CENTER), numbers(stated, tags.WINDOW_WIDTH)
    return Window(width[0], level[0]) if level and width and width[0] >= 1 else None
