"""Whether two markers that are fixed to each other still are: a tracker's set-up drifts, or is bumped."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ..domain.geometry import FloatArray

SAMPLES = 30
"""Of the beginning, and of the last moment: their medians are compared, so that noise does not count."""
ALLOWED_MM, ALLOWED_DEG = 1.0, 1.0


@dataclass(frozen=True)
class Drift:
    """How far a marker has moved against another since the beginning."""

    moved_mm: float
    turned_deg: float

    @property
    def is_bad(self) -> bool:
        return self.moved_mm > ALLOWED_MM or self.turned_deg > ALLOWED_DEG


class FixedPair:
    """Two markers that should not move against each other (a reference's two arms, a phantom and its frame)."""

    def __init__(self, first: str, second: str) -> None:
        self.first, self.second = first, second
        self._begin: list[FloatArray] = []
        self._last: deque[FloatArray] = deque(maxlen=SAMPLES)

    def put(self, first: FloatArray, second: FloatArray) -> None:
        """Poses (4, 4) of both at one time, in one tracker."""
        relation = np.asarray(np.linalg.inv(first) @ second)
        if len(self._begin) < SAMPLES:
            self._begin.append(relation)
        else:
            self._last.append(relation)

    @property
    def drift(self) -> Drift | None:
        """Since the beginning; None until there is enough to compare."""
        if len(self._last) < SAMPLES:
            return None
        before, now = np.array(self._begin), np.array(self._last)
        moved = np.median(now[:, :3, 3], axis=0) - np.median(before[:, :3, 3], axis=0)
        turned = _mean_turn(before).inv() * _mean_turn(now)
        return Drift(float(np.linalg.norm(moved)), float(np.degrees(turned.magnitude())))

    @property
    def sentence(self) -> str:
        """For a person: what is wrong; empty if nothing is, or nothing is known yet."""
        drift = self.drift
        if drift is None or not drift.is_bad:
            return ""
        return (
            f"{self.second} has moved by {drift.moved_mm:.1f} mm and {drift.turned_deg:.1f} degrees against "
            f"{self.first}, to which it is fixed: a marker was bumped, bent or soiled. Register again."
        )


def _mean_turn(matrices: FloatArray) -> Rotation:
    return Rotation.from_matrix(matrices[:, :3, :3]).mean()
