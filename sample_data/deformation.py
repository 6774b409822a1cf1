"""Known smooth deformations of the patient, for testing registration: where every point goes, and where it came from.

A deformation maps a point q of the patient at rest to q + u(q), u along one axis. Coordinates are those of the
patient frame of the phantom: LPS directions, mm, origin at the aorta at the height of the kidneys' centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from surgtwin.errors import InputError

Points = npt.NDArray[np.float64]
INVERSE_TOLERANCE_MM = 1e-4
MAX_ITERATIONS = 60
DIFFERENCE_MM = 0.01
MIN_STRETCH = 0.05
"""Least stretch of a deformation that counts as invertible."""
_FOLDS = "A deformation '{}' of {:g} mm folds space: it has no inverse. Make it smaller."


class Deformation(Protocol):
    """A displacement field with a name for the record."""

    @property
    def name(self) -> str: ...

    @property
    def max_mm(self) -> float:
        """No point moves further."""
        ...

    @property
    def axis(self) -> int:
        """The one axis (0, 1, 2 for x, y, z) along which points move."""
        ...

    def along(self, points: Points) -> npt.NDArray[np.float64]:
        """Displacement (...,) in mm along that axis at points (..., 3) at rest."""
        ...


@dataclass(frozen=True)
class Still:
    """No deformation."""

    name: str = "none"
    max_mm: float = 0.0
    axis: int = 2

    def along(self, points: Points) -> npt.NDArray[np.float64]:
        return np.zeros(points.shape[:-1])


@dataclass(frozen=True)
class Breathing:
    """Breathing in: the organs go caudally by up to `amplitude_mm`, most under the diaphragm, not at all at the spine.

    Only z is displaced, and ever less towards the pelvis, the back and the flanks.
    """

    amplitude_mm: float
    name: str = "breathing"
    axis: int = 2
    center_z_mm: float = 85.0
    reach_z_mm: float = 85.0
    reach_x_mm: float = 135.0
    back_y_mm: float = 38.0
    back_width_mm: float = 12.0

    @property
    def max_mm(self) -> float:
        return abs(self.amplitude_mm)

    def along(self, points: Points) -> npt.NDArray[np.float64]:
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        fall = np.exp(-(((z - self.center_z_mm) / self.reach_z_mm) ** 2) - ((x / self.reach_x_mm) ** 2) ** 2)
        front = 0.5 - 0.5 * np.tanh((y - self.back_y_mm) / (2 * self.back_width_mm))
        return np.asarray(-self.amplitude_mm * fall * front)


@dataclass(frozen=True)
class Insufflation:
    """Gas in the abdomen: the anterior wall lifts by up to `amplitude_mm`, the organs behind sink by a fifth of it."""

    amplitude_mm: float
    name: str = "insufflation"
    axis: int = 1
    center_z_mm: float = -5.0
    reach_z_mm: float = 110.0
    reach_x_mm: float = 105.0
    front_y_mm: float = -72.0
    front_width_mm: float = 8.0
    sink_y_mm: float = -30.0
    sink_width_mm: float = 28.0

    @property
    def max_mm(self) -> float:
        return 1.2 * abs(self.amplitude_mm)

    def along(self, points: Points) -> npt.NDArray[np.float64]:
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        fall = np.exp(-(((z - self.center_z_mm) / self.reach_z_mm) ** 2) - (x / self.reach_x_mm) ** 2)
        wall = 0.5 - 0.5 * np.tanh((y - self.front_y_mm) / (2 * self.front_width_mm))
        sink = 0.2 * np.exp(-(((y - self.sink_y_mm) / self.sink_width_mm) ** 2))
        return np.asarray(self.amplitude_mm * fall * (sink - wall))


def parse(text: str) -> Deformation:
    """A deformation written as "breathing:10" or "insufflation:25" (mm), or "none". Raises InputError."""
    if text in ("", "none"):
        return Still()
    name, _, amount = text.partition(":")
    kinds: dict[str, type[Breathing] | type[Insufflation]] = {"breathing": Breathing, "insufflation": Insufflation}
    try:
        return kinds[name](float(amount))
    except (KeyError, ValueError) as error:
        raise InputError(f"Unknown deformation '{text}': give breathing:MM or insufflation:MM.") from error


def apply(deformation: Deformation, points: Points) -> Points:
    """Where points (..., 3) at rest go."""
    moved = np.array(points, dtype=np.float64)
    moved[..., deformation.axis] += deformation.along(moved)
    return moved


def invert(deformation: Deformation, points: Points) -> Points:
    """Where points (..., 3) of the deformed patient were at rest, to `INVERSE_TOLERANCE_MM`.

    Newton's method along the one axis that is displaced, on those points that still move.

    Raises
    ------
    InputError
        If the deformation folds space, so that there is no inverse.
    """
    rest = np.array(points, dtype=np.float64)
    flat, axis = rest.reshape(-1, 3), deformation.axis
    active = np.flatnonzero(np.abs(deformation.along(flat)) > INVERSE_TOLERANCE_MM)
    target = flat[active, axis]
    q = flat[active]
    for _ in range(MAX_ITERATIONS):
        if len(active) == 0:
            return rest
        u = deformation.along(q)
        residual = target - q[:, axis] - u
        ahead = q.copy()
        ahead[:, axis] += DIFFERENCE_MM
        stretch = 1.0 + (deformation.along(ahead) - u) / DIFFERENCE_MM
        q[:, axis] += residual / np.maximum(stretch, MIN_STRETCH)
        flat[active] = q
        still = np.abs(residual) > INVERSE_TOLERANCE_MM
        active, target, q = active[still], target[still], q[still]
    raise InputError(_FOLDS.format(deformation.name, deformation.max_mm))


def check_invertible(deformation: Deformation) -> None:
    """Raise InputError if the deformation folds space anywhere in and around a body."""
    if deformation.max_mm == 0:
        return
    steps = (np.arange(-200, 201, 20.0), np.arange(-160, 161, 4.0), np.arange(-200, 261, 4.0))
    if float(jacobian(deformation, np.stack(np.meshgrid(*steps), axis=-1)).min()) < MIN_STRETCH:
        raise InputError(_FOLDS.format(deformation.name, deformation.max_mm))


def jacobian(deformation: Deformation, points: Points) -> npt.NDArray[np.float64]:
    """Determinant (...,) of the mapping's derivative at points (..., 3): the local change of volume.

    Only one axis is displaced, so the determinant is the stretch along it.
    """
    step = np.zeros(3)
    step[deformation.axis] = DIFFERENCE_MM
    slope = (deformation.along(points + step) - deformation.along(points - step)) / (2 * DIFFERENCE_MM)
    return np.asarray(1.0 + slope)
