"""A stack of frames as a SeriesInfo: who, what, how large, whether it can be loaded and how well it fits the task."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.patient import Patient
from ..domain.volume import Modality
from ..errors import DicomError
from . import tags
from .frame import Frame
from .rank import rank_stack
from .series import SeriesInfo
from .slice_check import SliceCheck, check_slices
from .values import ascii_text, integer, number, text

NOT_IMAGES = {
    "SEG": "a segmentation, not an image; give it as labels",
    "RTDOSE": "a dose distribution, not an image",
    "RTSTRUCT": "a set of contours, not an image; give it as labels",
    "PR": "a presentation state, not an image",
    "SR": "a report, not an image",
    "DOC": "a document, not an image",
    "OT": "",
}


def describe_stack(frames: list[Frame], stack: str, *, unnamed: int = 0) -> SeriesInfo:
    """What the scan tells of one stack; `unnamed` as in SeriesInfo."""
    first = min(frames, key=lambda f: (f.number, f.instance.ref.name, f.index))
    instance = first.instance
    elements = instance.elements
    charset = ascii_text(elements, tags.CHARACTER_SET)
    series_number = integer(elements, tags.SERIES_NUMBER)
    title = "The series" if series_number is None else f"Series {series_number}"
    check = _check(frames, title, instance.modality)
    modality = modality_of(instance.modality)
    description = text(elements, tags.SERIES_DESCRIPTION, charset)
    body_part = ascii_text(elements, tags.BODY_PART_EXAMINED)
    study_description = text(elements, tags.STUDY_DESCRIPTION, charset)
    words = f"{description} {body_part} {ascii_text(elements, tags.PROTOCOL_NAME)} {study_description}"
    rank = rank_stack(frames, check, modality, words)
    order = check.order
    shape = spacing = None
    if order is not None:
        shape = (len(order.frames), instance.layout.rows, instance.layout.columns)
        spacing = (*order.pixel_mm, order.spacing_mm)
    files = {f.instance.ref: None for f in (order.frames if order else frames)}
    return SeriesInfo(
        series_instance_uid=instance.series_instance_uid,
        study_instance_uid=instance.study_instance_uid,
        stack=stack,
        description=description,
        modality=modality,
        modality_tag=instance.modality,
        patient=read_patient(first),
        shape_kji=shape,
        spacing=spacing,
        files=tuple(ref.shown_path for ref in files),
        frames=len(frames),
        score=rank.score,
        reasons=rank.reasons,
        findings=(*check.findings, *_attribute_findings(first, modality, check)),
        refusal=check.refusal,
        needs_regularise=check.needs_regularise,
        study_description=study_description,
        body_part=body_part,
        series_number=series_number,
        unnamed=unnamed,
        stack_frames=tuple(frames),
        order=order,
    )


def modality_of(tag: str) -> Modality:
    return Modality(tag) if tag in (Modality.CT, Modality.MR) else Modality.OTHER


def read_patient(frame: Frame) -> Patient:
    """The patient module of the frame's file."""
    elements = frame.instance.elements
    charset = ascii_text(elements, tags.CHARACTER_SET)
    return Patient(
        text(elements, tags.PATIENT_ID, charset),
        text(elements, tags.ISSUER_OF_PATIENT_ID, charset),
        text(elements, tags.PATIENT_NAME, charset),
        ascii_text(elements, tags.PATIENT_BIRTH_DATE),
        ascii_text(elements, tags.PATIENT_SEX),
    )


def _check(frames: list[Frame], title: str, modality: str) -> SliceCheck:
    if NOT_IMAGES.get(modality):
        return SliceCheck(None, refusal=DicomError(f"{title} is {NOT_IMAGES[modality]}."))
    return check_slices(frames, title)


def _attribute_findings(first: Frame, modality: Modality, check: SliceCheck) -> list[Finding]:
    """Attributes that the geometry does not need, and that are missing or at odds with it."""
    elements = first.instance.elements
    found: list[Finding] = []
    if check.order is None:
        return found
    if not first.instance.series_instance_uid:
        message = "The files have no SeriesInstanceUID: those of one folder and description are taken for one series."
        found.append(Finding("no-series-uid", Severity.INFO, message))
    if not ascii_text(elements, tags.FRAME_OF_REFERENCE_UID):
        message = "The series has no FrameOfReferenceUID: it cannot be shown to share a space with other series."
        found.append(Finding("no-frame-of-reference", Severity.INFO, message))
    if not ascii_text(elements, tags.PATIENT_POSITION) and not _is_enhanced(first):
        message = "The series does not state the patient's position (head or feet first, supine or prone)."
        found.append(Finding("no-patient-position", Severity.INFO, message))
    if modality is Modality.CT and first.slope == 1.0 and first.intercept == 0.0 and not _has_rescale(first):
        message = "The series has no RescaleSlope and RescaleIntercept: its values are taken as Hounsfield units."
        found.append(Finding("no-rescale", Severity.WARNING, message))
    tilt = number(elements, tags.GANTRY_DETECTOR_TILT)
    if tilt and check.order.is_upright and abs(tilt) > 1.0 and not check.order.is_tilted:
        message = (
            f"A gantry tilt of {tilt:.1f} degrees is stated, but the slices stand above each other: none is corrected."
        )
        found.append(Finding("tilt-not-seen", Severity.INFO, message, numbers={"degrees": tilt}))
    return found


def _is_enhanced(frame: Frame) -> bool:
    return tags.SHARED_GROUPS in frame.instance.elements


def _has_rescale(frame: Frame) -> bool:
    return tags.RESCALE_SLOPE in frame.instance.elements or _is_enhanced(frame)
