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
NO_TARGET: Rgb = (0x9A, 0xA0, 0xA8)
RING_PIXELS = 9
_ORDER = (Verdict.SAFE, Verdict.UNPROVEN, Verdict.VIOLATED)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the map's places lie in a picture: u to the right, v upwards, the same scale along both."""

    unfolded: UnfoldedMap
    size: tuple[int, int]
    edge: float

    @property
    def mm_per_pixel(self) -> float:
        spans = (np.ptp(self.unfolded.u_mm), np.ptp(self.unfolded.v_mm))
        return max(float(s) / (n - 2 * self.edge) for s, n in zip(spans, self.size, strict=True))

    def pixel(self, u_mm: float, v_mm: float) -> tuple[float, float]:
        u, v = self.unfolded.u_mm, self.unfolded.v_mm
        across = (u_mm - (u[0] + u[-1]) / 2) / self.mm_per_pixel
        up = (v_mm - (v[0] + v[-1]) / 2) / self.mm_per_pixel
        return self.size[0] / 2 + float(across), self.size[1] / 2 - float(up)

    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Of each pixel [row, column] its cell (row, column of the map), and whether there is one."""
        u, v = self.unfolded.u_mm, self.unfolded.v_mm
        x = (np.arange(self.size[0]) - self.size[0] / 2) * self.mm_per_pixel + (u[0] + u[-1]) / 2
        y = (self.size[1] / 2 - np.arange(self.size[1])) * self.mm_per_pixel + (v[0] + v[-1]) / 2
        rows = np.rint((x - u[0]) / (u[1] - u[0])).astype(np.int64)
        columns = np.rint((y - v[0]) / (v[1] - v[0])).astype(np.int64)
        known = ((rows >= 0) & (rows < len(u)))[None, :] & ((columns >= 0) & (columns < len(v)))[:, None]
        across = np.broadcast_to(np.clip(rows, 0, len(u) - 1)[None, :], known.shape)
        up = np.broadcast_to(np.clip(columns, 0, len(v) - 1)[:, None], known.shape)
        return across, up, known


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
    layout = Layout(unfolded, size, EDGE * pixels)
    image = Image.fromarray(_painted(geometry, layout))
    draw = ImageDraw.Draw(image)
    for target in unfolded.targets:
        for contour in unfolded.contours(target):
            line = [layout.pixel(float(u), float(v)) for u, v in contour.line_mm]
            draw.line(line, fill=TEXT if contour.level_mm == 0.0 else PANEL, width=3)
    _draw_worst(draw, layout, result, pixels)
    u, v = np.asarray(unfolded.u_direction), np.asarray(unfolded.v_direction)
    letters = (direction_letters(-u), direction_letters(u), direction_letters(v), direction_letters(-v))
    draw_letters(draw, size, letters, pixels)
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
