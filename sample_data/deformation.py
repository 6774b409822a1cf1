"""Known smooth deformations of the patient, for testing registration: where every point goes, and where it came from.

A deformation maps a point q of the patient at rest to q + u(q). Coordinates are those of the patient frame of the
phantom: LPS directions, mm, origin at the aorta at the height of the kidneys' centres.
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
DIFFERENCE_MM = 0.05


class Deformation(Protocol):
    """A displacement field with a name for the record."""

    @property
    def name(self) -> str: ...

    @property
    def max_mm(self) -> float:
        """No point moves further."""
        ...

    def displacement(self, points: Points) -> Points:
        """u (..., 3) in mm at points (..., 3) at rest."""
        ...


@dataclass(frozen=True)
class Still:
    """No deformation."""

    name: str = "none"
    max_mm: float = 0.0

    def displacement(self, points: Points) -> Points:
        return np.zeros_like(points)


@dataclass(frozen=True)
class Breathing:
    """Breathing in: the organs go caudally by up to `amplitude_mm`, most under the diaphragm, not at all at the spine.

    Only z is displaced, and ever less towards the pelvis, the back and the flanks.
    """

    amplitude_mm: float
    name: str = "breathing"
    center_z_mm: float = 85.0
    reach_z_mm: float = 85.0
    reach_x_mm: float = 135.0
    back_y_mm: float = 38.0
    back_width_mm: float = 12.0

    @property
    def max_mm(self) -> float:
        return abs(self.amplitude_mm)

    def displacement(self, points: Points) -> Points:
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        fall = np.exp(-(((z - self.center_z_mm) / self.reach_z_mm) ** 2) - (x / self.reach_x_mm) ** 4)
        front = 0.5 - 0.5 * np.tanh((y - self.back_y_mm) / (2 * self.back_width_mm))
        u = np.zeros_like(points)
        u[..., 2] = -self.amplitude_mm * fall * front
        return u


@dataclass(frozen=True)
class Insufflation:
    """Gas in the abdomen: the anterior wall lifts by up to `amplitude_mm`, the organs behind sink by a fifth of it."""

    amplitude_mm: float
    name: str = "insufflation"
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

    def displacement(self, points: Points) -> Points:
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        fall = np.exp(-(((z - self.center_z_mm) / self.reach_z_mm) ** 2) - (x / self.reach_x_mm) ** 2)
        wall = 0.5 - 0.5 * np.tanh((y - self.front_y_mm) / (2 * self.front_width_mm))
        sink = 0.2 * np.exp(-(((y - self.sink_y_mm) / self.sink_width_mm) ** 2))
        u = np.zeros_like(points)
        u[..., 1] = self.amplitude_mm * fall * (sink - wall)
        return u


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
    return points + deformation.displacement(points)


def invert(deformation: Deformation, points: Points) -> Points:
    """Where points (..., 3) of the deformed patient were at rest, to `INVERSE_TOLERANCE_MM`.

    Fixed-point iteration damped by half, which converges for every field whose Jacobian stays between 0 and 4.

    Raises
    ------
    InputError
        If the deformation folds space, so that there is no inverse.
    """
    if deformation.max_mm == 0:
        return points
    rest = points - deformation.displacement(points)
    for _ in range(MAX_ITERATIONS):
        residual = points - apply(deformation, rest)
        if np.abs(residual).max(initial=0.0) < INVERSE_TOLERANCE_MM:
            return rest
        rest = rest + residual * _damping(deformation, rest)[..., None]
    raise InputError(f"A deformation '{deformation.name}' of {deformation.max_mm:g} mm folds space: it has no inverse.")


def _damping(deformation: Deformation, points: Points) -> npt.NDArray[np.float64]:
    """Newton's step for a field that displaces along one axis: 1 / (1 + du/ds); kept within 0.1 to 2."""
    return np.clip(1.0 / np.maximum(jacobian(deformation, points), 1e-3), 0.1, 2.0)


def jacobian(deformation: Deformation, points: Points) -> npt.NDArray[np.float64]:
    """Determinant (...,) of the mapping's derivative at points (..., 3): the local change of volume."""
    columns = []
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = DIFFERENCE_MM
        ahead, behind = apply(deformation, points + step), apply(deformation, points - step)
        columns.append((ahead - behind) / (2 * DIFFERENCE_MM))
    return np.asarray(np.linalg.det(np.stack(columns, axis=-1)))
