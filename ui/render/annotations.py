"""What is written on a picture: slice number, window, letters, scale. The same words on the screen and on paper."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.geometry import Point3
from surgtwin.domain.volume import Modality, Volume, Window

from .slices import SliceStack

RESEARCH_USE = "Research use only"
_SCALE_LENGTHS_MM = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class ScaleBar:
    """A bar of a round length."""

    length_mm: int
    pixels: float

    @property
    def text(self) -> str:
        return f"{self.length_mm // 10} cm" if self.length_mm >= 10 else f"{self.length_mm} mm"


def scale_bar(mm_per_pixel: float, max_pixels: float) -> ScaleBar:
    """The longest bar of a round length that fits into `max_pixels`."""
    fitting = [length for length in _SCALE_LENGTHS_MM if length / mm_per_pixel <= max_pixels]
    length = fitting[-1] if fitting else _SCALE_LENGTHS_MM[0]
    return ScaleBar(length, length / mm_per_pixel)


def slice_text(stack: SliceStack, index: int) -> str:
    """Slice n of N, counted from 1: from the head, from the front, from the patient's right."""
    return f"{index + 1}/{stack.count}"


def window_text(window: Window) -> str:
    """ "W 400  L 40"; small windows (of a normalised image) with the digits that they need."""
    return f"W {_short(window.width)}  L {_short(window.level)}"


def thickness_text(stack: SliceStack, slab_mm: float) -> str:
    return f"{max(slab_mm, stack.step_mm):.1f} mm"


def value_text(value: float, volume: Volume) -> str:
    """A voxel's value with its unit."""
    return f"{_short(value)} HU" if volume.modality is Modality.CT else _short(value)


def position_text(point_mm: Point3) -> str:
    """A place in the patient, each number with the side it lies on, e.g. "L 12.3  P 45.0  S 120.4 mm"."""
    named = (
        f"{pair[0] if v >= 0 else pair[1]} {abs(v):.1f}" for pair, v in zip(("LR", "PA", "SI"), point_mm, strict=True)
    )
    return "  ".join(named) + " mm"


def volume_ml_text(volume_ml: float) -> str:
    """Without decimals; one for what would otherwise read as nothing."""
    return f"{volume_ml:.0f} mL" if volume_ml >= 1.0 else f"{volume_ml:.1f} mL"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.3g}"
