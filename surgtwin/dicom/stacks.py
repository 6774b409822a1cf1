"""Stacks of a series: frames that can form one volume, told apart by shape, place and, where they overlap, by trait."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from . import tags
from .frame import TRAITS, Frame
from .values import ascii_text

SAME_ORIENTATION = 2e-3
"""Largest difference of a direction cosine within a stack."""
SAME_PIXEL_SPACING = 1e-3
"""Largest relative difference of PixelSpacing within a stack."""
_PLACE_MM = 0.01
_MOST_GROUPS = 2
"""A trait tells phases apart only if it makes no more than this many groups for each slice at one place."""


def split_into_stacks(frames: Sequence[Frame]) -> list[list[Frame]]:
    """The stacks of one series, in a stable order."""
    stacks = [stack for alike in _alike(frames) for stack in _without_overlap(alike)]
    return sorted(stacks, key=lambda stack: min((f.number, f.instance.ref.name, f.index) for f in stack))


def _alike(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames of the same kind, size, pixel spacing and orientation."""
    groups: list[list[Frame]] = []
    by_kind: dict[Hashable, list[list[Frame]]] = defaultdict(list)
    for frame in frames:
        candidates = by_kind[_kind(frame)]
        home = next((g for g in candidates if _is_parallel(g[0], frame)), None)
        if home is None:
            home = []
            candidates.append(home)
            groups.append(home)
        home.append(frame)
    return groups


def _kind(frame: Frame) -> Hashable:
    instance = frame.instance
    layout = instance.layout
    return (
        instance.modality,
        instance.sop_class_uid,
        layout.rows,
        layout.columns,
        layout.samples,
        layout.photometric,
        ascii_text(instance.elements, tags.FRAME_OF_REFERENCE_UID),
        ascii_text(instance.elements, tags.PATIENT_ID),
        frame.position is None,
        frame.orientation is None,
        frame.spacing is None,
        "LOCALIZER" in ascii_text(instance.elements, tags.IMAGE_TYPE).upper(),
    )


def _is_parallel(a: Frame, b: Frame) -> bool:
    if a.orientation is None or b.orientation is None:
        return a.orientation is b.orientation
    if max(abs(p - q) for p, q in zip(a.orientation, b.orientation, strict=True)) > SAME_ORIENTATION:
        return False
    if a.spacing is None or b.spacing is None:
        return a.spacing is b.spacing
    return all(abs(p - q) <= SAME_PIXEL_SPACING * abs(p) for p, q in zip(a.spacing, b.spacing, strict=True))


def _without_overlap(frames: list[Frame]) -> list[list[Frame]]:
    """Split by a trait as long as several slices lie at one place and a trait tells them apart."""
    most = max(Counter(_places(frames)).values())
    if most == 1:
        return [frames]
    overlap = _overlap(frames)
    best: list[list[Frame]] | None = None
    for trait in range(len(TRAITS)):
        groups = _by_trait(frames, trait)
        if not 2 <= len(groups) <= _MOST_GROUPS * most:
            continue
        left = sum(_overlap(g) for g in groups)
        if left < overlap:
            overlap, best = left, groups
    if best is None:
        return [frames]
    return [stack for group in best for stack in _without_overlap(group)]


def _places(frames: Sequence[Frame]) -> list[Hashable]:
    """A key for each frame that frames at the same place share."""
    if frames[0].position is None or frames[0].orientation is None:
        return list(range(len(frames)))
    row, column = np.asarray(frames[0].orientation[:3]), np.asarray(frames[0].orientation[3:])
    heights = np.asarray([f.position for f in frames], dtype=np.float64) @ np.cross(row, column)
    order = np.argsort(heights, kind="stable")
    places = np.zeros(len(frames), dtype=int)
    places[order[1:]] = np.cumsum(np.diff(heights[order]) > _PLACE_MM)
    return [int(place) for place in places]


def _overlap(frames: Sequence[Frame]) -> int:
    """How many frames lie at a place that another one holds already."""
    return len(frames) - len(set(_places(frames)))


def _by_trait(frames: Sequence[Frame], trait: int) -> list[list[Frame]]:
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.traits[trait]].append(frame)
    return [groups[key] for key in sorted(groups)]
