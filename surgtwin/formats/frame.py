"""The two patient frames that files are written in. Inside the program there is only LPS."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from ..domain.geometry import FloatArray, frozen, transform_points


class Frame(StrEnum):
    """Which way x and y point: to the Left and Posterior (DICOM, ITK), or to the Right and Anterior (NIfTI, Slicer)."""

    LPS = "LPS"
    RAS = "RAS"

    @property
    def from_lps(self) -> FloatArray:
        """(4, 4), maps LPS mm to this frame. It is its own inverse, and a rotation: handedness stays."""
        signs = (1.0, 1.0) if self is Frame.LPS else (-1.0, -1.0)
        return frozen(np.diag([*signs, 1.0, 1.0]))

    def points_from_lps(self, lps_mm: ArrayLike) -> FloatArray:
        """Points (..., 3) given in LPS mm, in this frame."""
        return transform_points(self.from_lps, lps_mm)
