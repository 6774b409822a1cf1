"""A picture of a held-out case: its worst axial slices with the outlines of the reference and of what was found.

Drawn as radiologists look at slices: the patient's right at the left of the picture, the front at its top.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .dataset import TrainingCase

SLICES_SHOWN = 3
SLICES_APART_MM = 15.0
PIXELS_PER_MM = 1.5
LONGEST_PIXELS = 560
HEADER_PIXELS = 46
TEXT_PIXELS = 13
SHOWN_RANGE = (1.0, 99.5)
"""Percentiles of a slice's values that become black and white."""
WORST_NAMED = 3

REFERENCE = (70, 150, 255)
FOUND = (255, 140, 30)
BOTH = (235, 235, 235)
INK = (245, 245, 245)

Labels = npt.NDArray[np.uint8]
Picture = npt.NDArray[np.uint8]
"""``[rows downwards, columns to the right, 3]``."""


def case_picture(case: TrainingCase, found: Labels, names: Mapping[str, int], dice: Mapping[str, float]) -> Picture:
    """Return the slices of a case with most disagreement, side by side under a line of text.

    Parameters
    ----------
    found
        Labels ``[k, j, i]`` on the case's grid.
    names
        Label value of each structure.
    dice
        Of the whole case, by structure; the lowest are named.
    """
    truth = np.asarray(case.labels)
    slices = worst_slices(found, truth, case.spacing_mm[0])
    drawn = [_drawn_slice(np.asarray(case.image[k], np.float32), found[k], truth[k], case.spacing_mm) for k in slices]
    notes = [f"slice {k}: {_worst_in_slice(found[k], truth[k], names)}" for k in slices]
    worst = sorted(dice, key=lambda name: dice[name])[:WORST_NAMED]
    mean = f"mean Dice {np.mean(list(dice.values())):.3f}; " if dice else ""
    head = f"{case.name}   {mean}{', '.join(f'{name} {dice[name]:.2f}' for name in worst)}"
    return _with_text(np.concatenate(drawn, axis=1), head, notes)


def worst_slices(found: Labels, truth: Labels, spacing_k_mm: float) -> list[int]:
    """Return the slices with most disagreement, in order of height, some distance apart; at least one."""
    wrong = np.count_nonzero(found != truth, axis=(1, 2))
    if not wrong.any():
        wrong = np.count_nonzero(truth, axis=(1, 2))
    chosen: list[int] = []
    for k in np.argsort(-wrong, kind="stable"):
        far = all(abs(int(k) - other) * spacing_k_mm >= SLICES_APART_MM for other in chosen)
        if far and (wrong[k] > 0 or not chosen):
            chosen.append(int(k))
        if len(chosen) == SLICES_SHOWN:
            break
    return sorted(chosen)


def png(picture: Picture) -> bytes:
    """Return a picture as a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def _drawn_slice(
    image: npt.NDArray[np.float32], found: Labels, truth: Labels, spacing_mm: tuple[float, float, float]
) -> Picture:
    from PIL import Image

    extent = (image.shape[0] * spacing_mm[1], image.shape[1] * spacing_mm[2])
    scale = min(PIXELS_PER_MM, LONGEST_PIXELS / max(extent))
    size = (max(1, round(extent[1] * scale)), max(1, round(extent[0] * scale)))
    low, high = np.percentile(image, SHOWN_RANGE)
    grey = ((image - low) / max(float(high - low), 1e-6)).clip(0, 1) * 255
    seen = np.asarray(Image.fromarray(grey.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR))
    picture = np.repeat(seen[:, :, None], 3, axis=2)
    lines = [_outlines(np.asarray(Image.fromarray(m).resize(size, Image.Resampling.NEAREST))) for m in (truth, found)]
    picture[lines[0]] = REFERENCE
    picture[lines[1]] = FOUND
    picture[lines[0] & lines[1]] = BOTH
    return picture


def _outlines(labels: Labels) -> npt.NDArray[np.bool_]:
    """The pixels of a structure that touch another one or the background."""
    padded = np.pad(labels, 1, mode="edge")
    inner = padded[1:-1, 1:-1]
    shifted = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    touches = np.zeros(inner.shape, dtype=bool)
    for other in shifted:
        touches |= other != inner
    outlines: npt.NDArray[np.bool_] = touches & (inner > 0)
    return outlines


def _worst_in_slice(found: Labels, truth: Labels, names: Mapping[str, int]) -> str:
    wrong = {name: int(np.count_nonzero((found == v) != (truth == v))) for name, v in names.items() if v}
    worst = sorted((name for name in wrong if wrong[name]), key=lambda name: -wrong[name])[:WORST_NAMED]
    return ", ".join(worst) if worst else "no disagreement"


def _with_text(picture: Picture, head: str, notes: list[str]) -> Picture:
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = picture.shape[:2]
    sheet = Image.new("RGB", (columns, rows + HEADER_PIXELS))
    sheet.paste(Image.fromarray(picture), (0, HEADER_PIXELS))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT_PIXELS)
    draw.text((6, 4), head, INK, font)
    key = (("reference", REFERENCE), ("found", FOUND), ("both", BOTH))
    place = float(columns - 6)
    for text, colour in reversed(key):
        place -= draw.textlength(text, font) + 10
        if place > draw.textlength(head, font) + 12:
            draw.text((place, 4), text, colour, font)
    width = columns // len(notes)
    for n, text in enumerate(notes):
        draw.text((n * width + 6, 24), text, INK, font)
        draw.text((n * width + 4, HEADER_PIXELS + rows // 2), "R", INK, font)
        draw.text(((n + 1) * width - 14, HEADER_PIXELS + rows // 2), "L", INK, font)
    return np.asarray(sheet)
