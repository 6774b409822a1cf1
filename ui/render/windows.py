"""Display windows: the presets a radiologist expects, and what a new image is shown with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.volume import Modality, Volume, Window

PERCENTILES = (0.1, 99.9)
"""Of the values that a window spans where nothing better is known."""
MAX_SAMPLES = 400_000
"""Values looked at for the percentiles: enough for a tenth of a percent, and fast on any volume."""


@dataclass(frozen=True)
class WindowPreset:
    """A window with the name it goes by."""

    name: str
    window: Window


CT_PRESETS: tuple[WindowPreset, ...] = (
    WindowPreset("Abdomen", Window(400, 40)),
    WindowPreset("Liver", Window(150, 90)),
    WindowPreset("Pancreas", Window(400, 40)),
    WindowPreset("Kidney", Window(300, 40)),
    WindowPreset("Vessels", Window(650, 160)),
    WindowPreset("Lung", Window(1500, -600)),
    WindowPreset("Bone", Window(2500, 480)),
    WindowPreset("Brain", Window(80, 40)),
)


def presets_for(volume: Volume) -> tuple[WindowPreset, ...]:
    """The presets that make sense for this image; its own window first where it states one."""
    own = (WindowPreset("Series", volume.window),) if volume.window is not None else ()
    if volume.modality is Modality.CT:
        return (*CT_PRESETS, *own)
    return (*own, WindowPreset("Full range", percentile_window(volume)))


def default_window(volume: Volume) -> Window:
    """What an image is first shown with: the series' own window; else abdomen for CT, the percentiles for others."""
    if volume.window is not None:
        return volume.window
    return CT_PRESETS[0].window if volume.modality is Modality.CT else percentile_window(volume)


def percentile_window(volume: Volume) -> Window:
    """From the 0.1 to the 99.9 percentile of the values (of an even sample of them, in a large volume)."""
    flat = volume.values.reshape(-1)
    sample = flat[:: max(1, flat.size // MAX_SAMPLES)]
    finite = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    low, high = np.percentile(finite, PERCENTILES) if finite.size else (0.0, 1.0)
    width = float(high - low) or 1.0
    return Window(width, float(low) + width / 2)
