"""Mirrored patches: front to back, up to down, and left to right with left and right organs named anew.

A mirrored patient has a liver on the left. Mirroring left to right is therefore off unless a configuration asks for it,
and refused where it could only teach a wrong anatomy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from surgtwin.errors import InputError

MIRROR_AXES = {"up-down": 0, "front-back": 1, "left-right": 2}
"""The array axis of each mirror; arrays are [k, j, i] with i to Left, j to Posterior, k to Superior."""
ONE_SIDED = (
    "liver",
    "spleen",
    "gallbladder",
    "stomach",
    "aorta",
    "vena cava",
    "pancreas",
    "heart",
    "duodenum",
    "colon",
)
"""Single organs that every patient has on one known side, found as words in a structure's name."""
MIRROR_CHANCE = 0.5


@dataclass(frozen=True)
class Mirroring:
    """The array axes that patches are mirrored along, and what each label value is called after left-right."""

    axes: tuple[int, ...]
    renamed: tuple[int, ...]

    def apply(self, image: Tensor, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return image and labels ``[k, j, i]`` mirrored along each axis with an even chance."""
        chosen = [axis for axis in self.axes if rng.random() < MIRROR_CHANCE]
        if MIRROR_AXES["left-right"] in chosen:
            labels = torch.tensor(self.renamed, dtype=torch.uint8)[labels.long()]
        return image.flip(chosen), labels.flip(chosen)


def plan_mirroring(names: Sequence[str], labels: Mapping[str, int]) -> Mirroring | None:
    """Return how patches with these labels are mirrored, None when no axis is named.

    Raises
    ------
    InputError
        If an axis has an unknown name, or left-right would put an organ on the side where no patient has it:
        a "left X" without its "right X", or one-sided organs such as the liver and not one pair to tell sides by.
    """
    unknown = [name for name in names if name not in MIRROR_AXES]
    if unknown:
        raise InputError(f"There is no mirror {', '.join(unknown)}; there are: {', '.join(MIRROR_AXES)}.")
    if not names:
        return None
    swapped = swapped_labels(labels) if "left-right" in names else {}
    if "left-right" in names:
        _check_sides(labels, swapped)
    table = [swapped.get(value, value) for value in range(max(labels.values()) + 1)]
    return Mirroring(tuple(sorted({MIRROR_AXES[name] for name in names})), tuple(table))


def swapped_labels(labels: Mapping[str, int]) -> dict[int, int]:
    """Return the value each "left X" or "right X" takes when left and right change places.

    Raises
    ------
    InputError
        If one side of a pair has no label.
    """
    by_words = {_words(name): value for name, value in labels.items()}
    swapped = {}
    for name, value in labels.items():
        words = _words(name)
        if "left" not in words and "right" not in words:
            continue
        other = tuple({"left": "right", "right": "left"}.get(word, word) for word in words)
        if other not in by_words:
            raise InputError(
                f"Patches cannot be mirrored left-right: {name!r} has no {' '.join(other)!r} to change places with."
            )
        swapped[value] = by_words[other]
    return swapped


def _words(name: str) -> tuple[str, ...]:
    return tuple(name.lower().replace("_", " ").split())


def _check_sides(labels: Mapping[str, int], swapped: Mapping[int, int]) -> None:
    one_sided = [name for name in labels if any(word in " ".join(_words(name)) for word in ONE_SIDED)]
    if one_sided and not swapped:
        raise InputError(
            f"Patches cannot be mirrored left-right: {', '.join(one_sided)} would be learnt on the wrong side, and no "
            "label has a left and a right. Take 'left-right' out of mirror_swap."
        )
