"""How likely a series is the one to build a twin from: a thin axial CT of the abdomen first, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.volume import Modality
from . import tags
from .frame import Frame
from .slice_check import SliceCheck
from .values import ascii_text

_ABDOMEN = ("ABD", "LIVER", "LEBER", "HEPAT", "KIDNEY", "RENAL", "PANCREA", "PELVIS", "PORTAL", "VENOUS")
_ELSEWHERE = ("HEAD", "BRAIN", "SKULL", "NECK", "SPINE", "KNEE", "FOOT", "HAND", "CARDIAC", "LUNG", "CHEST", "THORAX")
_SHARP_KERNELS = ("LUNG", "BONE", "BONEPLUS", "EDGE", "B60", "B70", "B80", "I70", "BL57", "BR60", "BR69", "BV60")
AXIAL_COSINE = 0.8
"""A normal within about 37 degrees of head-foot makes a stack axial."""


@dataclass(frozen=True)
class Rank:
    score: float
    reasons: tuple[str, ...]


def rank_stack(frames: list[Frame], check: SliceCheck, modality: Modality, words: str) -> Rank:
    """Score one stack.

    Parameters
    ----------
    words
        Description, protocol and body part, for their vocabulary.
    """
    points: list[tuple[float, str]] = [_modality(modality), *_kind(frames[0])]
    points += _usable(check, len(frames))
    if check.order is not None:
        normal = check.order.normal
        points += _plane(float(abs(normal[2])))
        points += _size(check.order.spacing_mm, len(frames), float(np.ptp(check.order.heights_mm)))
    points += _words(words.upper(), ascii_text(frames[0].instance.elements, tags.CONVOLUTION_KERNEL).upper())
    return Rank(round(sum(p for p, _ in points), 1), tuple(reason for p, reason in points if reason))


def _modality(modality: Modality) -> tuple[float, str]:
    return {
        Modality.CT: (30.0, "CT"),
        Modality.MR: (22.0, "MR"),
        Modality.OTHER: (0.0, "neither CT nor MR"),
    }[modality]


def _kind(frame: Frame) -> list[tuple[float, str]]:
    kind = frame.traits[4].upper() or ascii_text(frame.instance.elements, tags.IMAGE_TYPE).upper()
    points = []
    if "LOCALIZER" in kind or "SCOUT" in kind:
        points.append((-60.0, "a localizer"))
    if "DERIVED" in kind or "SECONDARY" in kind:
        points.append((-10.0, "derived, not acquired"))
    if "MIP" in kind or "PROJECTION" in kind:
        points.append((-20.0, "a projection"))
    return points


def _usable(check: SliceCheck, frames: int) -> list[tuple[float, str]]:
    if check.refusal is None:
        return [(100.0, "")]
    if check.needs_regularise:
        return [(50.0, "irregular slices: needs regularising")]
    return [(0.0, "cannot be loaded" if frames > 1 else "a single image")]


def _plane(along_body: float) -> list[tuple[float, str]]:
    return [(15.0, "axial")] if along_body >= AXIAL_COSINE else [(0.0, "not axial")]


def _size(spacing_mm: float, slices: int, length_mm: float) -> list[tuple[float, str]]:
    thin = 15.0 if spacing_mm <= 1.5 else 12.0 if spacing_mm <= 3.0 else 7.0 if spacing_mm <= 5.5 else 0.0
    word = "thin" if spacing_mm <= 3.0 else "thick"
    many = 15.0 * min(slices, 300) / 300
    long_enough = 10.0 if length_mm >= 150 else 0.0 if length_mm >= 60 else -10.0
    return [
        (thin, f"{word} slices ({spacing_mm:.2f} mm)"),
        (many, f"{slices} slices"),
        (long_enough, f"covers {length_mm:.0f} mm"),
    ]


def _words(words: str, kernel: str) -> list[tuple[float, str]]:
    points = []
    if any(w in words for w in _ABDOMEN):
        points.append((12.0, "named after the abdomen"))
    elif any(w in words for w in _ELSEWHERE):
        points.append((-12.0, "named after another region"))
    if any(kernel.startswith(k) for k in _SHARP_KERNELS):
        points.append((-8.0, f"sharp kernel {kernel}"))
    return points
