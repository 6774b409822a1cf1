"""What tells the stacks of one series apart, in words for the person who has to choose one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from . import tags
from .frame import TRAITS, Frame
from .rank import AXIAL_COSINE
from .values import ascii_text

_PLANES = ("sagittal", "coronal", "axial")


def told_apart(stacks: Sequence[Sequence[Frame]]) -> list[str]:
    """For each stack the fewest traits that tell it from the others, as "acquisition 2"; "" where nothing does."""
    told: list[tuple[str, ...]] = [() for _ in stacks]
    for words in _candidates(stacks):
        finer = [(*before, word) for before, word in zip(told, words, strict=True)]
        if len(set(finer)) > len(set(told)):
            told = finer
    return [", ".join(word for word in words if word) for words in told]


def _candidates(stacks: Sequence[Sequence[Frame]]) -> Iterator[list[str]]:
    """A word for each stack, or "" where it has no one value: best trait first."""
    yield [_common(stack, _orientation) for stack in stacks]
    for trait in range(len(TRAITS)):
        yield [_common(stack, lambda frame, trait=trait: frame.traits[trait]) for stack in stacks]  # type: ignore[misc]
    yield [_common(stack, _raster) for stack in stacks]
    # Their values would say nothing, or name the patient.
    yield _numbered("patient", [ascii_text(s[0].instance.elements, tags.PATIENT_ID) for s in stacks])
    yield _numbered(
        "frame of reference", [ascii_text(s[0].instance.elements, tags.FRAME_OF_REFERENCE_UID) for s in stacks]
    )


def _common(stack: Sequence[Frame], word_of: Callable[[Frame], str]) -> str:
    words = {word_of(frame) for frame in stack}
    return words.pop() if len(words) == 1 else ""


def _numbered(what: str, values: list[str]) -> list[str]:
    seen = list(dict.fromkeys(values))
    return [f"{what} {seen.index(value) + 1}" for value in values]


def _orientation(frame: Frame) -> str:
    if frame.orientation is None:
        return ""
    normal = np.abs(np.cross(frame.orientation[:3], frame.orientation[3:]))
    along = int(np.argmax(normal))
    return f"orientation {_PLANES[along] if normal[along] >= AXIAL_COSINE else 'oblique'}"


def _raster(frame: Frame) -> str:
    layout = frame.instance.layout
    pixel = "" if frame.spacing is None else f" pixels of {frame.spacing[1]:.3g} x {frame.spacing[0]:.3g} mm"
    return f"{layout.columns} x {layout.rows}{pixel}"
