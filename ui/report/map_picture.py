"""A cut surface laid out flat, in the colours and hatching of its margin: what a 3D picture hides is seen here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from surgtwin.domain.geometry import FloatArray, direction_letters
from surgtwin.domain.verdict import COVERAGE_FACTOR, Verdict
from surgtwin.planning.resection import CutOrgan, ResectionResult
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.unfold import UnfoldedMap, unfold
from surgtwin.report.resections import worst_margin
from ui.render.palette import BACKGROUND, PANEL, TEXT, VERDICT_COLOURS, Rgb
from ui.render.slice_picture import draw_letters, draw_scale

from .plan_slice import plate

EDGE = 2.2
"""Room around the map, in units of the text's size."""
HATCH_PIXELS, HATCH_LINE = 14, 4
HATCH_SHADE = 0.45
FRONT_SHARE = 0.1
NO_TARGET: Rgb = (0x9A, 0xA0, 0xA8)
RING_PIXELS = 9
_ORDER = (Verdict.SAFE, Verdict.UNPROVEN, Verdict.VIOLATED)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the map's places lie in a picture: turned by quarters until its top is the patient's, never mirrored.

    Parameters
    ----------
    quarters
        How often the map is turned left by 90 degrees; at 0 u leads to the right and v upwards.
    """

    unfolded: UnfoldedMap
    size: tuple[int, int]
    edge: float
    quarters: int = 0

    @property
    def mm_per_pixel(self) -> float:
        spans = (float(np.ptp(self.unfolded.u_mm)), float(np.ptp(self.unfolded.v_mm)))
        across, up = spans if self.quarters % 2 == 0 else spans[::-1]
        return max(across / (self.size[0] - 2 * self.edge), up / (self.size[1] - 2 * self.edge))

    @property
    def _turn(self) -> NDArray[np.int64]:
        """(2, 2) from (u, v) to (right, up)."""
        return np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), self.quarters)

    @property
    def _middle(self) -> FloatArray:
        u, v = self.unfolded.u_mm, self.unfolded.v_mm
        return np.array([(u[0] + u[-1]) / 2, (v[0] + v[-1]) / 2])

    @property
    def right_and_up(self) -> tuple[FloatArray, FloatArray]:
        """LPS directions of the picture in the middle of the map."""
        right, up = self._turn @ np.array([self.unfolded.u_direction, self.unfolded.v_direction])
        return right, up

    def pixel(self, u_mm: float, v_mm: float) -> tuple[float, float]:
        right, up = self._turn @ (np.array([u_mm, v_mm]) - self._middle) / self.mm_per_pixel
        return self.size[0] / 2 + float(right), self.size[1] / 2 - float(up)

    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Of each pixel [row, column] its cell (row, column of the map), and whether there is one."""
        rows, columns = np.indices(self.size[::-1])
        places = np.stack([columns - self.size[0] / 2, self.size[1] / 2 - rows], axis=-1) * self.mm_per_pixel
        own = places @ self._turn + self._middle
        axes = (self.unfolded.u_mm, self.unfolded.v_mm)
        found = [np.rint((own[..., n] - a[0]) / (a[1] - a[0])).astype(np.int64) for n, a in enumerate(axes)]
        known = np.logical_and(*((f >= 0) & (f < len(a)) for f, a in zip(found, axes, strict=True)))
        across, up = (np.clip(f, 0, len(a) - 1) for f, a in zip(found, axes, strict=True))
        return across, up, known


def upright(unfolded: UnfoldedMap, size: tuple[int, int], edge: float) -> Layout:
    """The layout whose top is nearest to the patient's head; for a map that lies flat, to the front."""
    layouts = [Layout(unfolded, size, edge, quarters) for quarters in range(4)]
    # The front decides only where no side of the map looks at the head.
    wanted = np.array([0.0, -FRONT_SHARE, 1.0])
    return max(layouts, key=lambda layout: float(layout.right_and_up[1] @ wanted))


def map_picture(
    geometry: TwinGeometry, cut: CutOrgan, result: ResectionResult, size: tuple[int, int], pixels: int
) -> Image.Image:
    """The part of a cut that comes nearest to a target, laid out flat, (width, height) pixels.

    Raises
    ------
    PlanError
        If the cut can't be laid out.
    """
    unfolded = min(unfold(geometry, cut), key=lambda m: float(np.nanmin(m.nearest_mm)))
    layout = upright(unfolded, size, EDGE * pixels)
    image = Image.fromarray(_painted(geometry, layout))
    draw = ImageDraw.Draw(image)
    for target in unfolded.targets:
        for contour in unfolded.contours(target):
            line = [layout.pixel(float(u), float(v)) for u, v in contour.line_mm]
            draw.line(line, fill=TEXT if contour.level_mm == 0.0 else PANEL, width=3)
    _draw_worst(draw, layout, result, pixels)
    right, above = layout.right_and_up
    letters = tuple(direction_letters(d) for d in (-right, right, above, -above))
    draw_letters(draw, size, (letters[0], letters[1], letters[2], letters[3]), pixels)
    draw_scale(draw, size, layout.mm_per_pixel, pixels)
    return image


def verdict_ranks(geometry: TwinGeometry, unfolded: UnfoldedMap) -> NDArray[np.int64]:
    """(U, V) 0 safe, 1 unproven, 2 violated: the worst of all targets; -1 if there is no target."""
    rank = np.full(unfolded.inside.shape, -1, dtype=np.int64)
    for d in unfolded.distances:
        error = COVERAGE_FACTOR * geometry.error_terms(d.target).combined_mm
        distance: FloatArray = np.where(unfolded.inside, d.distance_mm, np.inf)
        found = np.where(distance - error >= d.wanted_mm, 0, np.where(distance + error < d.wanted_mm, 2, 1))
        rank = np.maximum(rank, found)
    return rank


def _painted(geometry: TwinGeometry, layout: Layout) -> NDArray[np.uint8]:
    across, up, known = layout.cells()
    inside = layout.unfolded.inside[across, up] & known
    rank = verdict_ranks(geometry, layout.unfolded)[across, up]
    rows, columns = np.indices(inside.shape)
    slanting = np.mod(rows + columns, HATCH_PIXELS) < HATCH_LINE
    crossing = np.mod(rows - columns, HATCH_PIXELS) < HATCH_LINE
    dark = ((rank > 0) & slanting) | ((rank > 1) & crossing)
    table = np.array([NO_TARGET, *(VERDICT_COLOURS[v] for v in _ORDER)], dtype=np.float64)
    colours = table[rank + 1] * np.where(dark, HATCH_SHADE, 1.0)[..., None]
    return np.where(inside[..., None], colours, np.asarray(BACKGROUND, dtype=np.float64)).astype(np.uint8)


def _draw_worst(draw: ImageDraw.ImageDraw, layout: Layout, result: ResectionResult, pixels: int) -> None:
    margin = worst_margin(result)
    if margin is None or margin.cut_at_mm is None or margin.min_mm is None:
        return
    x, y = layout.pixel(*layout.unfolded.find(margin.cut_at_mm))
    for ink, thickness in ((PANEL, 6), (TEXT, 3)):
        draw.ellipse((x - RING_PIXELS, y - RING_PIXELS, x + RING_PIXELS, y + RING_PIXELS), outline=ink, width=thickness)
    words = f"{margin.min_mm:.1f} mm {margin.verdict.value}"
    plate(draw, (x, y - 3 * RING_PIXELS), words, pixels, VERDICT_COLOURS[margin.verdict])
