"""How sure a segmentation is: of each voxel's label, and of each structure's volume.

Both speak of images like those a model was checked on. What a network has never seen (another contrast phase, another
anatomy, an implant, an artefact) it can get wrong with full confidence: neither number covers that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LabelError
from .geometry import Grid, frozen

NO_CONFIDENCE = 0
"""The code of a voxel of which nothing is said: outside what the network saw, or its label was cleared afterwards."""
FULL_CONFIDENCE = 255
SAME_VOLUME = 1e-6
"""Two volumes that differ by a smaller share are the same one, computed twice."""


@dataclass(frozen=True, eq=False)
class ConfidenceMap:
    """How probably the network's label (background included) is right, voxel by voxel.

    Parameters
    ----------
    grid
        Its own, in LPS mm: that of the network, rarely the image's, and only where the network looked.
    codes
        [k, j, i] uint8: 1..255 stand for the probability code / 255, 0 for "nothing is said". Made read-only.
    is_calibrated
        Whether the probabilities were scaled on patients that the network never trained on; if not, they are the
        network's own, which are too high as a rule.
    method
        How they were made, in words, for provenance and for the person who looks at them.

    Raises
    ------
    LabelError
        If the codes are not uint8 or not of the grid's shape.
    """

    grid: Grid
    codes: NDArray[Any]
    is_calibrated: bool
    method: str

    def __post_init__(self) -> None:
        if self.codes.shape != self.grid.shape or self.codes.dtype != np.uint8:
            raise LabelError(
                f"A confidence map needs uint8 codes of its grid's shape {self.grid.shape}; found {self.codes.dtype} "
                f"of shape {self.codes.shape}."
            )
        object.__setattr__(self, "codes", frozen(self.codes))

    def at(self, lps_mm: tuple[float, float, float]) -> float | None:
        """The probability at a place, of the nearest voxel; None outside or where nothing is said."""
        i, j, k = (int(n) for n in np.floor(self.grid.to_ijk(lps_mm) + 0.5))
        if not all(0 <= n < size for n, size in zip((k, j, i), self.grid.shape, strict=True)):
            return None
        code = int(self.codes[k, j, i])
        return None if code == NO_CONFIDENCE else code / FULL_CONFIDENCE


@dataclass(frozen=True)
class VolumeInterval:
    """Between which volumes the true volume of a structure lies, with the stated probability.

    Parameters
    ----------
    structure
        Its name.
    estimate_ml
        The structure's own volume that the interval was made for. If the labels changed since, it says nothing.
    level
        The share of structures whose true volume such intervals held on the patients they were calibrated on, 0.9.
    is_cut
        The scan's edge cuts the structure: the interval is of the part in the scan, a lower bound for the whole organ.

    Raises
    ------
    LabelError
        If the ends are not finite, below 0, or not on either side of the estimate.
    """

    structure: str
    estimate_ml: float
    low_ml: float
    high_ml: float
    level: float
    is_cut: bool = False

    def __post_init__(self) -> None:
        numbers = (self.estimate_ml, self.low_ml, self.high_ml)
        if not all(math.isfinite(v) for v in numbers) or not 0.0 <= self.low_ml <= self.estimate_ml <= self.high_ml:
            raise LabelError(
                f"The volume interval of '{self.structure}', {self.low_ml} to {self.high_ml} mL, does not hold its "
                f"estimate of {self.estimate_ml} mL."
            )
        if not 0.0 < self.level < 1.0:
            raise LabelError(f"The level of a volume interval lies between 0 and 1; found {self.level}.")

    def is_of(self, volume_ml: float) -> bool:
        """Whether the interval was made for this volume: an edited structure has another one."""
        return math.isclose(volume_ml, self.estimate_ml, rel_tol=SAME_VOLUME)

    def as_text(self) -> str:
        """Both ends in mL without decimals (one below 10 mL), e.g. "1550-1690"; "> 1550" if the scan's edge cuts it."""
        digits = 0 if self.estimate_ml >= 10.0 else 1
        low = f"{self.low_ml:.{digits}f}"
        return f"> {low}" if self.is_cut else f"{low}-{self.high_ml:.{digits}f}"
