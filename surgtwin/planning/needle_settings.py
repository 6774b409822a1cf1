"""How needles are judged: the patch that angles are measured on, and how far needles go astray."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import PlanError

MEAN_OF_UNIT_NORMAL_3D = 2.0 * math.sqrt(2.0 / math.pi)
"""Mean length of a vector whose three components are normal with standard deviation 1 (Maxwell's distribution)."""


@dataclass(frozen=True)
class PlacementNoise:
    """How far needles end from where they were aimed.

    Parameters
    ----------
    tip_mm
        Mean distance of the tip from its target, without a preferred direction.
    entry_mm
        The same at the skin; 0: the puncture is made where it was planned, in sight.
    source
        Where `tip_mm` comes from, for a person.
    """

    tip_mm: float = 2.9
    entry_mm: float = 0.0
    source: str = "liver punctures in patients: 2.9 ± 1.9 mm; phantoms: 1.6 to 2.0 mm"

    def __post_init__(self) -> None:
        for field in ("tip_mm", "entry_mm"):
            value = getattr(self, field)
            if not (math.isfinite(value) and value >= 0):
                raise PlanError(f"a placement error of 0 mm or more is needed; found {value:g}.", field)

    @property
    def tip_sd_mm(self) -> float:
        """Standard deviation along each axis."""
        return self.tip_mm / MEAN_OF_UNIT_NORMAL_3D

    @property
    def entry_sd_mm(self) -> float:
        return self.entry_mm / MEAN_OF_UNIT_NORMAL_3D


@dataclass(frozen=True)
class NeedleSettings:
    """How needles are judged.

    Parameters
    ----------
    patch_mm
        Radius of the piece of a surface whose normal an angle is measured to: wide enough to smooth out voxels.
    curve_step_mm, curve_reach_mm
        Depths at which the clearance curve is computed, and how near structures have to come to be in it.
    samples, seed
        Of the Monte Carlo estimate of how often placement breaks a limit; 0 samples leave it out.
    """

    patch_mm: float = 6.0
    curve_step_mm: float = 1.0
    curve_reach_mm: float = 30.0
    noise: PlacementNoise = PlacementNoise()
    samples: int = 1000
    seed: int = 20240
