"""A picture of a twin for a report, a note or a colleague: three slices and 3D, or one view, with a legend."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from surgtwin.domain.geometry import Point3
from surgtwin.domain.twin import Twin
from surgtwin.errors import DiskError, InputError

from .annotations import RESEARCH_USE
from .appearance import Looks, default_looks
from .cameras import PRESETS
from .legend import legend_picture
from .palette import BACKGROUND, PANEL, QUIET, TEXT, UNPROVEN
from .scene import points_of_interest
from .scene_picture import as_array, scene_picture
from .slice_picture import slice_picture
from .slice_source import SliceSource, SliceStyle
from .slices import View
from .text import shortened, width, write
from .windows import default_window

VIEWS: tuple[str, ...] = ("overview", "3d", *PRESETS, *(v.value for v in View))
MIN_SIZE, MAX_SIZE = (480, 320), (8192, 8192)
FILE_TYPES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
REFERENCE_HEIGHT, REFERENCE_TEXT = 1000, 14
MIN_TEXT = 9


def write_screenshot(
    twin: Twin,
    path: Path,
    *,
    size: tuple[int, int] = (1600, 1000),
    view: str = "overview",
    identity: bool = False,
) -> None:
    """Write a picture of the twin to `path` (.png or .jpg).

    Parameters
    ----------
    size
        (width, height) in pixels.
    view
        "overview" (three slices and 3D), "3d", a camera ("anterior", ...) or a slice view ("axial", ...).
    identity
        True writes the patient's name, id, birth date and sex on it. Only when a person asked for it.

    Raises
    ------
    InputError
        If the view, size or file type is not known.
    DeviceError
        If this machine cannot draw in 3D.
    DiskError
        If the file cannot be written.
    """
    kind = FILE_TYPES.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"Pictures are written as {', '.join(FILE_TYPES)}; '{path.suffix}' is none of them.")
    picture = Image.fromarray(screenshot(twin, size=size, view=view, identity=identity))
    try:
        _write_whole(picture, path, kind)
    except OSError as error:
        raise DiskError(f"The picture '{path.name}' cannot be written: {error.strerror or error}.") from error


def screenshot(
    twin: Twin, *, size: tuple[int, int] = (1600, 1000), view: str = "overview", identity: bool = False
) -> NDArray[np.uint8]:
    """[height, width, 3] uint8: what `write_screenshot` writes."""
    _check(size, view)
    looks = default_looks(twin.labels)
    pixels = max(MIN_TEXT, round(REFERENCE_TEXT * min(size[1] / REFERENCE_HEIGHT, size[0] / 1600)))
    page = Image.new("RGB", size, BACKGROUND)
    header, gap = pixels * 3, max(2, pixels // 4)
    legend_width = pixels * 22
    _draw_header(page, twin, header, pixels, identity=identity)
    legend_size = (legend_width, size[1] - header - gap)
    page.paste(legend_picture(twin, looks, legend_size, pixels), (size[0] - legend_width, header + gap))
    room = (size[0] - legend_width - gap, size[1] - header - gap)
    for name, (left, top, right, bottom) in _tiles(view, room, gap):
        tile = _tile(twin, name, (right - left, bottom - top), looks, pixels)
        page.paste(tile, (left, header + gap + top))
    return as_array(page)


def centre_of_organs(twin: Twin) -> Point3:
    """LPS mm of the middle of the organs; of the image where nothing is segmented."""
    names = {name for name, look in default_looks(twin.labels).items() if look.visible}
    points = points_of_interest(twin, names)
    x, y, z = (points.min(axis=0) + points.max(axis=0)) / 2
    return (float(x), float(y), float(z))


def _check(size: tuple[int, int], view: str) -> None:
    if view not in VIEWS:
        raise InputError(f"There is no view '{view}'; there are: {', '.join(VIEWS)}.")
    if any(not low <= n <= high for n, low, high in zip(size, MIN_SIZE, MAX_SIZE, strict=True)):
        raise InputError(
            f"A picture of {size[0]} x {size[1]} is not possible; from {MIN_SIZE} to {MAX_SIZE} pixels is."
        )


def _tiles(view: str, room: tuple[int, int], gap: int) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Each view with its place (left, top, right, bottom): four as on the screen, or one."""
    width_, height = room
    if view != "overview":
        return [(view, (0, 0, width_, height))]
    x, y = width_ // 2, height // 2
    return [
        (View.AXIAL, (0, 0, x, y)),
        ("3d", (x + gap, 0, width_, y)),
        (View.CORONAL, (0, y + gap, x, height)),
        (View.SAGITTAL, (x + gap, y + gap, width_, height)),
    ]


def _tile(twin: Twin, name: str, size: tuple[int, int], looks: Looks, pixels: int) -> Image.Image:
    if name not in list(View):
        return scene_picture(twin, size, name, looks, text_pixels=pixels)
    style = SliceStyle(default_window(twin.primary))
    source = SliceSource.of_twin(twin)
    return slice_picture(source, View(name), centre_of_organs(twin), size, style, looks, text_pixels=pixels)


def _draw_header(page: Image.Image, twin: Twin, height: int, pixels: int, *, identity: bool) -> None:
    """Case, series and revision; who the patient is only when asked; that this is for research."""
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, height), fill=PANEL)
    middle = height / 2
    write(draw, (page.width - pixels, middle), RESEARCH_USE, pixels, UNPROVEN, "rm")
    room = page.width - 4 * pixels - width(RESEARCH_USE, pixels)
    title = shortened(_identity_text(twin) if identity else case_text(twin), pixels, room)
    write(draw, (pixels, middle), title, pixels, TEXT, "lm")
    left = pixels * 3 + width(title, pixels)
    details = shortened(_details_text(twin), pixels, max(room - left, pixels))
    write(draw, (left, middle), details, pixels, QUIET, "lm")


def case_text(twin: Twin) -> str:
    """The case's own name, which says nothing about the patient."""
    return twin.case_id if twin.case_id.lower().startswith("case") else f"Case {twin.case_id}"


def _identity_text(twin: Twin) -> str:
    patient = twin.patient
    parts = (patient.name, f"id {patient.patient_id}" if patient.patient_id else "", patient.birth_date, patient.sex)
    return "   ".join([*(part for part in parts if part), case_text(twin)])


def _details_text(twin: Twin) -> str:
    series = twin.primary.source.description or twin.primary.modality.value
    side = f"side: {twin.operated_side.value.upper()}" if twin.operated_side.value else "side not stated"
    return f"{series}   revision {twin.revision.number} ({twin.revision.state.value})   {side}"


def _write_whole(picture: Image.Image, path: Path, kind: str) -> None:
    """Under a temporary name first: a picture is there whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".picture-", suffix=path.suffix)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            picture.save(file, kind)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
