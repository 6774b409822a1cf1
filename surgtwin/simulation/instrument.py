"""An instrument as a chain of capsules, ready to be moved: arrays in the tool's frame (tip at 0, shaft along +z)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray
from ..domain.tool import CapsuleTool, NeedleTool, Tool
from .mesh_capsules import capsules_of_mesh


@dataclass(frozen=True, eq=False)
class Instrument:
    """Capsules as arrays.

    Parameters
    ----------
    starts_mm, ends_mm
        (C, 3) ends of the capsules' axes, in the tool's frame.
    radii_mm
        (C,).
    """

    starts_mm: FloatArray
    ends_mm: FloatArray
    radii_mm: FloatArray

    @property
    def length_mm(self) -> float:
        """From the tip to the far end of the shaft."""
        return float(max(self.starts_mm[:, 2].max(), self.ends_mm[:, 2].max()))

    @property
    def least_radius_mm(self) -> float:
        """The thinnest capsule's radius: what anything that samples the instrument has to resolve."""
        return float(self.radii_mm.min())

    def reach_mm(self, place: FloatArray, axis: FloatArray) -> float:
        """The distance of the instrument's farthest point from a line through a place along a unit vector."""
        from_starts = np.linalg.norm(np.cross(self.starts_mm - place, axis), axis=1) + self.radii_mm
        from_ends = np.linalg.norm(np.cross(self.ends_mm - place, axis), axis=1) + self.radii_mm
        return float(max(from_starts.max(), from_ends.max()))

    def axes_at(self, lps_from_tool: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The capsules' axes (P, C, 3), (P, C, 3) in LPS for poses (P, 4, 4)."""
        turn, shift = lps_from_tool[:, None, :3, :3], lps_from_tool[:, None, :3, 3]
        starts = np.einsum("pxij,cj->pci", turn, self.starts_mm) + shift
        ends = np.einsum("pxij,cj->pci", turn, self.ends_mm) + shift
        return np.asarray(starts), np.asarray(ends)


def instrument_of(tool: Tool) -> Instrument:
    """The capsules of any kind of tool. Raises PlanError if a mesh encloses nothing."""
    capsules = tool.capsules if isinstance(tool, (NeedleTool, CapsuleTool)) else capsules_of_mesh(tool)
    return Instrument(
        np.array([c.from_mm for c in capsules]),
        np.array([c.to_mm for c in capsules]),
        np.array([c.radius_mm for c in capsules]),
    )
