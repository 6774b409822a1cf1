"""Pictures of the slice on which two label maps disagree most: outlines on a plain ground, no image values.

Drawn as radiologists look at slices: the patient's right is at the left of an axial or coronal picture, the front at
the top of an axial one and at the left of a sagittal one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from surgtwin.domain.geometry import Grid, direction_letters

from .evaluate import Box, Labels
from .orientation import Reorientation, reorientation_to
from .surface_points import Mask

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

ABSENT = -1
"""The label of a structure that a map lacks."""
MARGIN_MM = 25.0
PLANES = ("axial", "coronal", "sagittal")
COARSER = 1.05
"""Slices are axial unless the image is this much coarser along another axis."""

PIXELS_PER_MM = 3.0
LONGEST_PIXELS = 460
NARROWEST_PIXELS = 250
SMOOTHING = 3
"""Drawn larger by this factor, then reduced: lines without steps."""
FRAME = (24, 26, 24, 40)
"""Pixels left, above, right and below the drawing: marks, title, scale bar."""
TEXT_PIXELS = 13
LINE_PIXELS = 2
BAR_LENGTHS_MM = (100, 50, 20, 10, 5, 2, 1)
BAR_SHARE = 0.35

GROUND = (255, 255, 255)
INK = (40, 40, 46)
OTHERS = (188, 188, 194)
REFERENCE = (0, 98, 170)
REFERENCE_FILL = (222, 235, 247)
FOUND = (213, 94, 0)
COLOURS_KEPT = 48


@dataclass(frozen=True, eq=False)
class LabelPair:
    """One structure in two label arrays ``[k, j, i]`` on one grid; ABSENT where a map does not have it."""

    found: Labels
    found_label: int
    reference: Labels
    reference_label: int

    def masks(self, box: Box) -> tuple[Mask, Mask]:
        """Return the structure in both maps within a box."""
        return (
            np.asarray(self.found[box] == self.found_label),
            np.asarray(self.reference[box] == self.reference_label),
        )


@dataclass(frozen=True, eq=False)
class ContourSlice:
    """One slice as it is looked at: arrays ``[rows downwards, columns to the right]``.

    Parameters
    ----------
    others
        Labels of the reference's other structures, 0 where there are none.
    pixel_mm
        Height and width of a pixel.
    sides
        The side of the patient at the left, right, top and bottom of the picture.
    place
        Which slice, in words.
    """

    found: Mask
    reference: Mask
    others: Labels
    pixel_mm: tuple[float, float]
    sides: tuple[str, str, str, str]
    place: str


def worst_slice(pair: LabelPair, grid: Grid, box: Box) -> ContourSlice:
    """Return the slice with most disagreement along the grid's coarsest axis, with its surroundings.

    Parameters
    ----------
    box
        Around the structure in both maps; it holds at least one of their voxels.
    """
    turn = reorientation_to("LPS", grid.direction)
    spacing = turn.apply_to_spacing((grid.spacing[2], grid.spacing[1], grid.spacing[0]))
    normal = int(np.argmax([spacing[0] * COARSER, spacing[1], spacing[2]]))
    turned = LabelPair(turn.apply(pair.found), pair.found_label, turn.apply(pair.reference), pair.reference_label)
    turned_box = _turned_box(box, turn, grid.shape)
    index = turned_box[normal].start + _most_disagreement(*turned.masks(turned_box), normal)
    window = _window(turned_box, turned.found.shape, spacing, normal, index)
    rows, columns = (axis for axis in range(3) if axis != normal)
    upright = np.s_[:, :] if normal == 0 else np.s_[::-1, :]
    found, reference = (mask.squeeze(normal)[upright] for mask in turned.masks(window))
    labels = turned.reference[window].squeeze(normal)[upright]
    down, right = _direction(grid, turn, rows), _direction(grid, turn, columns)
    down = down if normal == 0 else -down
    return ContourSlice(
        found,
        reference,
        np.where(labels == pair.reference_label, 0, labels),
        (spacing[rows], spacing[columns]),
        (direction_letters(-right), direction_letters(right), direction_letters(-down), direction_letters(down)),
        f"{PLANES[normal]}, {_stored_index(turn, normal, index, turned.found.shape)}",
    )


def _turned_box(box: Box, turn: Reorientation, shape: tuple[int, int, int]) -> Box:
    turned = []
    for axis, is_reversed in zip(turn.axes, turn.reversed_axes, strict=True):
        start, stop = box[axis].start, box[axis].stop
        turned.append(slice(shape[axis] - stop, shape[axis] - start) if is_reversed else slice(start, stop))
    return tuple(turned)


def _most_disagreement(found: Mask, reference: Mask, normal: int) -> int:
    others = tuple(axis for axis in range(3) if axis != normal)
    wrong = np.count_nonzero(found != reference, axis=others)
    return int(np.argmax(wrong if wrong.any() else np.count_nonzero(reference, axis=others)))


def _window(box: Box, shape: Sequence[int], spacing: Sequence[float], normal: int, index: int) -> Box:
    """The slice's part around the structure."""
    window = []
    for axis, (inner, size, step) in enumerate(zip(box, shape, spacing, strict=True)):
        margin = round(MARGIN_MM / step)
        window.append(slice(max(0, inner.start - margin), min(size, inner.stop + margin)))
        if axis == normal:
            window[-1] = slice(index, index + 1)
    return tuple(window)


def _direction(grid: Grid, turn: Reorientation, axis: int) -> npt.NDArray[np.float64]:
    """Where an axis of the turned array points, in LPS."""
    direction: npt.NDArray[np.float64] = grid.direction[:, 2 - turn.axes[axis]]
    return -direction if turn.reversed_axes[axis] else direction


def _stored_index(turn: Reorientation, normal: int, index: int, shape: Sequence[int]) -> str:
    stored = shape[normal] - 1 - index if turn.reversed_axes[normal] else index
    return f"{'kji'[turn.axes[normal]]} {stored}"


def draw_contours(view: ContourSlice, title: str) -> bytes:
    """Return a PNG: both outlines, the surroundings in grey, sides of the patient, a scale bar in mm, a title."""
    from PIL import Image, ImageDraw

    height_mm, width_mm = (n * mm for n, mm in zip(view.found.shape, view.pixel_mm, strict=True))
    scale = min(PIXELS_PER_MM, LONGEST_PIXELS / max(height_mm, width_mm))
    left, above, right, below = FRAME
    width = max(NARROWEST_PIXELS, round(width_mm * scale) + left + right)
    height = round(height_mm * scale) + above + below
    corner = ((width - left - right - width_mm * scale) / 2 + left, float(above))
    large = Image.new("RGB", (width * SMOOTHING, height * SMOOTHING), GROUND)
    _draw_outlines(ImageDraw.Draw(large), view, scale * SMOOTHING, (corner[0] * SMOOTHING, corner[1] * SMOOTHING))
    picture = large.resize((width, height), Image.Resampling.LANCZOS)
    drawn = (corner[0], corner[1], corner[0] + width_mm * scale, corner[1] + height_mm * scale)
    _write_marks(ImageDraw.Draw(picture), view, drawn, title, scale)
    stream = io.BytesIO()
    picture.quantize(COLOURS_KEPT, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _draw_outlines(draw: ImageDraw, view: ContourSlice, scale: float, corner: tuple[float, float]) -> None:
    thick, thin = LINE_PIXELS * SMOOTHING, LINE_PIXELS * SMOOTHING // 2
    reference = _outlines(view.reference, view.pixel_mm, scale, corner)
    for line in reference:
        # Inner outlines run the other way round: a hole is left as ground.
        draw.polygon(line, fill=REFERENCE_FILL if _is_outer(line) else GROUND)
    for label in np.unique(view.others[view.others > 0]):
        for line in _outlines(view.others == label, view.pixel_mm, scale, corner, beyond="edge"):
            draw.line(line, fill=OTHERS, width=thin, joint="curve")
    for lines, colour in ((reference, REFERENCE), (_outlines(view.found, view.pixel_mm, scale, corner), FOUND)):
        for line in lines:
            draw.line(line, fill=colour, width=thick, joint="curve")


def _outlines(
    mask: Mask,
    pixel_mm: tuple[float, float],
    scale: float,
    corner: tuple[float, float],
    beyond: Literal["constant", "edge"] = "constant",
) -> list[list[tuple[float, float]]]:
    """Lines around a mask in picture coordinates (x, y), outer ones first.

    ``beyond`` tells whether the picture's border ends what it cuts ("constant") or leaves its line open ("edge").
    """
    import contourpy

    lines = contourpy.contour_generator(z=np.pad(mask, 1, mode=beyond).astype(np.float64)).lines(0.5)
    step = np.array([pixel_mm[1], pixel_mm[0]]) * scale
    # Padding moved everything by one pixel; a pixel's centre lies half a pixel from its edge.
    placed = [(np.asarray(line) - 0.5) * step + corner for line in lines]
    found: list[list[tuple[float, float]]] = [[(float(x), float(y)) for x, y in line] for line in placed]
    return sorted(found, key=_is_outer, reverse=True)


def _is_outer(line: Sequence[tuple[float, float]]) -> bool:
    """Whether a closed line has the inside at its left, as contourpy draws the outer ones."""
    x, y = np.array(line).T
    return bool(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0)


def _write_marks(
    draw: ImageDraw, view: ContourSlice, drawn: tuple[float, float, float, float], title: str, scale: float
) -> None:
    font = _font()
    width, height = draw.im.size
    x0, y0, x1, y1 = drawn
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    left, right, top, bottom = view.sides
    places = (
        (left, x0 - 3, middle_y, "rm"), (right, x1 + 3, middle_y, "lm"),
        (top, middle_x, y0 + 1, "ma"), (bottom, middle_x, y1 - 1, "md"),
    )  # fmt: skip
    for letters, x, y, anchor in places:
        draw.text((x, y), letters, fill=INK, font=font, anchor=anchor)
    draw.text((6, 4), title, fill=INK, font=font)
    line = height - 12
    draw.text((6, line), "reference", fill=REFERENCE, font=font, anchor="lm")
    draw.text((12 + draw.textlength("reference", font), line), "found", fill=FOUND, font=font, anchor="lm")
    bar_mm = next((mm for mm in BAR_LENGTHS_MM if mm * scale <= BAR_SHARE * width), BAR_LENGTHS_MM[-1])
    text = f"{bar_mm} mm"
    end = width - 12 - draw.textlength(text, font)
    draw.line([(end - bar_mm * scale, line), (end, line)], fill=INK, width=LINE_PIXELS + 1)
    draw.text((width - 6, line), text, fill=INK, font=font, anchor="rm")


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size=TEXT_PIXELS)
