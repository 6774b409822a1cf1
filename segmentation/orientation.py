"""Turning an image's array so that its axes run the way a network was trained, and back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

SIDES = "LPSRAI"
"""Positive ends of the LPS axes, then their opposites."""


@dataclass(frozen=True)
class Reorientation:
    """A permutation and reversal of array axes [k, j, i]; never a resampling.

    Parameters
    ----------
    axes
        For each axis of the turned array, the axis of the original.
    reversed_axes
        Which axes of the turned array run backwards.
    """

    axes: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    def apply(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a view of the original array on the turned axes."""
        return self._flip(np.transpose(array, self.axes))

    def undo(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a view of the turned array on the original axes."""
        return np.transpose(self._flip(array), np.argsort(self.axes))

    def apply_to_spacing(self, spacing: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return the spacing [k, j, i] of the turned array."""
        a, b, c = self.axes
        return (spacing[a], spacing[b], spacing[c])

    def _flip(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[tuple(slice(None, None, -1) if r else slice(None) for r in self.reversed_axes)]


AS_STORED = Reorientation((0, 1, 2), (False, False, False))


def reorientation_to(codes: str, direction: npt.NDArray[np.float64]) -> Reorientation:
    """Return how to turn an array so that its axes (i, j, k) run nearest to ``codes``.

    Parameters
    ----------
    codes
        Three of L P S R A I, e.g. "LPS": i towards the left, j towards the back, k towards the head.
    direction
        ``[3, 3]``, columns are the unit vectors of the image's i, j, k axes in LPS.
    """
    # Rows: wanted axes i, j, k; columns: the image's axes i, j, k; entries: cosine between the two.
    cosines = np.stack([direction[SIDES.index(c) % 3] * (1 if SIDES.index(c) < 3 else -1) for c in codes])
    best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[n, p[n]]) for n in range(3)))
    axes = [2 - best[2 - a] for a in range(3)]
    reverse = [bool(cosines[2 - a, best[2 - a]] < 0) for a in range(3)]
    return Reorientation((axes[0], axes[1], axes[2]), (reverse[0], reverse[1], reverse[2]))
