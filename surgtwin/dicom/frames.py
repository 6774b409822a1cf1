"""The frames of a file: one of a classic image, many of an enhanced multi-frame object (PS3.3, C.7.6.16)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from ..errors import DicomError
from . import tags
from .elements import Elements
from .file_ref import FileRef
from .frame import Frame, Instance, Vector
from .header import Header, NotAnImageError
from .pixel_layout import read_layout
from .values import ascii_text, double, integer, items, number, numbers, raw

_SLICE_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("2", "2.1", "4", "4.1"))
"""CT and MR images, classic and enhanced: without pixels they are damaged."""
_MIN_SLOPE = 1e-12
_MAX_RESCALE = 1e9
_MAX_COSINE = 2.0
_MAX_POSITION_MM = 1e5
"""Further away than any scanner's room is large: such a position is an error."""


def read_instance(ref: FileRef, header: Header) -> Instance:
    """The instance that a file holds.

    Raises
    ------
    NotAnImageError
        With the bare reason, if it holds no image.
    DicomError
        If it should hold one by its SOP class.
    """
    elements = header.elements
    modality = ascii_text(elements, tags.MODALITY)
    sop_class = ascii_text(elements, tags.SOP_CLASS_UID) or header.media_sop_class
    layout = read_layout(header, None if header.is_deflated else ref.size)
    if layout is None:
        kind = DicomError if sop_class in _SLICE_CLASSES else NotAnImageError
        raise kind(f"it has no pixel data{f' (modality {modality})' if modality.isalnum() else ''}")
    return Instance(
        ref,
        header,
        layout,
        sop_class,
        ascii_text(elements, tags.SOP_INSTANCE_UID) or header.media_sop_instance,
        ascii_text(elements, tags.SERIES_INSTANCE_UID),
        ascii_text(elements, tags.STUDY_INSTANCE_UID),
        modality,
    )


def frames_of(instance: Instance) -> list[Frame]:
    """The frames of an instance, in the order of the file."""
    per_frame = items(instance.elements, tags.PER_FRAME_GROUPS)
    if not per_frame:
        # A file whose pixels are unusable anyway needs no 100 000 frames to say so.
        count = 1 if instance.layout.fault else instance.layout.frames
        return [_classic_frame(instance, index) for index in range(count)]
    shared = items(instance.elements, tags.SHARED_GROUPS)
    common = shared[0] if shared else {}
    found = [_enhanced_frame(instance, index, own, common) for index, own in enumerate(per_frame)]
    # The functional groups have been read; they are by far the largest part of such a header.
    instance.elements.pop(tags.PER_FRAME_GROUPS, None)
    if len(found) != instance.layout.frames:
        fault = f"it describes {len(found)} frames, but states {instance.layout.frames}"
        return [_faulty(frame, fault) for frame in found]
    return found


def _faulty(frame: Frame, fault: str) -> Frame:
    return replace(frame, fault=fault)


def _classic_frame(instance: Instance, index: int) -> Frame:
    elements, big = instance.elements, instance.header.encoding.is_big_endian
    slope, intercept, fault = _rescale(elements)
    position = orientation = None
    if instance.layout.frames == 1:
        position = _position(elements)
        orientation = _orientation(elements)
    if items(elements, tags.MODALITY_LUT):
        fault = "its values go through a modality look-up table, which is not supported"
    b_value = double(elements, tags.DIFFUSION_B_VALUE, big)
    traits = (
        "",
        _trait("temporal position", ascii_text(elements, tags.TEMPORAL_POSITION)),
        _trait("acquisition", ascii_text(elements, tags.ACQUISITION_NUMBER)),
        _trait("echo", ascii_text(elements, tags.ECHO_NUMBERS))
        or _trait("echo time", ascii_text(elements, tags.ECHO_TIME), "ms"),
        _trait("image type", ascii_text(elements, tags.IMAGE_TYPE)),
        _trait("b-value", "" if b_value is None else f"{b_value:g}"),
        _trait("trigger time", ascii_text(elements, tags.TRIGGER_TIME), "ms"),
        _trait("kernel", ascii_text(elements, tags.CONVOLUTION_KERNEL)),
        _trait("tube voltage", ascii_text(elements, tags.KVP), "kV"),
        _trait("acquisition time", ascii_text(elements, tags.ACQUISITION_TIME)),
        _trait("series time", ascii_text(elements, tags.SERIES_TIME)),
    )
    return Frame(
        instance,
        index,
        position,
        orientation,
        cast("tuple[float, float] | None", numbers(elements, tags.PIXEL_SPACING, 2)),
        slope,
        intercept,
        integer(elements, tags.INSTANCE_NUMBER) or 0,
        traits,
        instance.layout.fault or fault,
    )


def _rescale(elements: Elements) -> tuple[float, float, str]:
    """Slope, intercept and what is wrong with them."""
    if tags.RESCALE_SLOPE not in elements and tags.RESCALE_INTERCEPT not in elements:
        return 1.0, 0.0, ""
    slope, intercept = number(elements, tags.RESCALE_SLOPE), number(elements, tags.RESCALE_INTERCEPT)
    if slope is None and not ascii_text(elements, tags.RESCALE_SLOPE):
        slope = 1.0
    if intercept is None and not ascii_text(elements, tags.RESCALE_INTERCEPT):
        intercept = 0.0
    if slope is None or intercept is None or not _is_plausible(slope, intercept):
        return 1.0, 0.0, "its RescaleSlope or RescaleIntercept is not a usable number"
    return slope, intercept, ""


def _is_plausible(slope: float, intercept: float) -> bool:
    return _MIN_SLOPE <= math.fabs(slope) <= _MAX_RESCALE and math.fabs(intercept) <= _MAX_RESCALE


def _position(elements: Elements) -> Vector | None:
    """ImagePositionPatient, if it is three numbers within reason."""
    found = numbers(elements, tags.IMAGE_POSITION, 3)
    if found is None or max(map(math.fabs, found)) > _MAX_POSITION_MM:
        return None
    return cast("Vector", found)


def _orientation(elements: Elements) -> tuple[float, float, float, float, float, float] | None:
    """ImageOrientationPatient, if it is six numbers that can be direction cosines."""
    found = numbers(elements, tags.IMAGE_ORIENTATION, 6)
    if found is None or max(map(math.fabs, found)) > _MAX_COSINE:
        return None
    return cast("tuple[float, float, float, float, float, float]", found)


def _enhanced_frame(instance: Instance, index: int, own: Elements, common: Elements) -> Frame:
    def group(tag: int) -> Elements:
        found = items(own, tag) or items(common, tag)
        return found[0] if found else {}

    content, value = group(tags.FRAME_CONTENT), group(tags.PIXEL_VALUE_TRANSFORMATION)
    slope, intercept, fault = _rescale(value or instance.elements)
    return Frame(
        instance,
        index,
        _position(group(tags.PLANE_POSITION)),
        _orientation(group(tags.PLANE_ORIENTATION)),
        cast("tuple[float, float] | None", numbers(group(tags.PIXEL_MEASURES), tags.PIXEL_SPACING, 2)),
        slope,
        intercept,
        index + 1,
        _enhanced_traits(instance, content, group),
        instance.layout.fault or fault,
    )


def _enhanced_traits(instance: Instance, content: Elements, group: Callable[[int], Elements]) -> tuple[str, ...]:
    big = instance.header.encoding.is_big_endian
    frame_type = group(tags.CT_FRAME_TYPE) or group(tags.MR_FRAME_TYPE)
    echo = double(group(tags.MR_ECHO), tags.EFFECTIVE_ECHO_TIME, big)
    b_value = double(group(tags.MR_DIFFUSION), tags.DIFFUSION_B_VALUE, big)
    phase = double(group(tags.CARDIAC_SYNCHRONIZATION), tags.CARDIAC_PERCENTAGE, big)
    return (
        _trait("stack", ascii_text(content, tags.STACK_ID)),
        _trait("temporal position", _whole(raw(content, tags.TEMPORAL_POSITION_INDEX), big)),
        _trait("acquisition", _whole(raw(content, tags.FRAME_ACQUISITION_NUMBER), big)),
        _trait("echo time", "" if echo is None else f"{echo:g}", "ms"),
        _trait("image type", ascii_text(frame_type, tags.FRAME_TYPE)),
        _trait("b-value", "" if b_value is None else f"{b_value:g}"),
        _trait("cardiac phase", "" if phase is None else f"{phase:g}", "%"),
        *[""] * 4,
    )


def _trait(name: str, value: str, unit: str = "") -> str:
    """A trait in words that a person is shown, as "echo time 4.6 ms"; "" without a value."""
    shown = "".join(c for c in value if c.isprintable())
    return f"{name} {shown}{' ' if unit else ''}{unit}" if shown else ""


def _whole(value: bytes, is_big_endian: bool) -> str:
    """A US or UL value in digits; "" if absent."""
    return str(int.from_bytes(value, "big" if is_big_endian else "little")) if value else ""
