"""How structures and images look before anyone has changed anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.labels import Colour, LabelMap, Structure
from surgtwin.domain.volume import Modality, Volume, Window

ABDOMEN = Window(400.0, 40.0)
"""CT window of a twin when it opens, unless the series states its own."""
PERCENTILES = (0.1, 99.9)
"""Range of an MR's window when the series states none."""
MAX_SAMPLES_PER_AXIS = 64
OUTER_NAMES = ("body", "skin", "body surface")
VEILED_OPACITY = {"lungs": 0.25, "left lung": 0.25, "right lung": 0.25, "lung": 0.25}
WITH_PARTS_OPACITY = 0.45
"""An organ that holds tumours or vessels lets them be seen."""


@dataclass(frozen=True)
class StructureDisplay:
    """How one structure is shown; opacity is that of its surface in 3D."""

    visible: bool
    opacity: float
    colour: Colour


def initial_display(structure: Structure, labels: LabelMap) -> StructureDisplay:
    """The outer surface hidden, organs with parts translucent, everything else opaque."""
    has_parts = any(s.part_of == structure.name for s in labels.structures)
    opacity = VEILED_OPACITY.get(structure.name.lower(), WITH_PARTS_OPACITY if has_parts else 1.0)
    return StructureDisplay(structure.name.lower() not in OUTER_NAMES, opacity, structure.colour)


def initial_window(volume: Volume) -> Window:
    """The series' own window; else abdomen for CT; else the 0.1 to 99.9 percentile of the values."""
    if volume.window is not None:
        return volume.window
    if volume.modality is Modality.CT:
        return ABDOMEN
    steps = tuple(slice(None, None, max(1, n // MAX_SAMPLES_PER_AXIS)) for n in volume.grid.shape)
    low, high = (float(p) for p in np.percentile(volume.values[steps], PERCENTILES))
    return Window(max(high - low, 1.0), (low + high) / 2.0)
