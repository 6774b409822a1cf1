"""The pictures that a report asks for, drawn off screen."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from vtkmodules.vtkRenderingCore import vtkRenderer

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.twin import Twin
from surgtwin.errors import MeshError, PlanError
from surgtwin.planning.resection import ResectionResult
from surgtwin.progress import SILENT, Progress
from surgtwin.report.document import Picture, PictureKind, Report
from surgtwin.report.resections import worst_margin
from surgtwin.report.subject import ReportedPlan
from surgtwin.simulation.ellipsoid import as_point
from ui.render.appearance import default_looks
from ui.render.cameras import CameraPreset, point_camera, preset, project
from ui.render.palette import PANEL, TEXT, VERDICT_COLOURS
from ui.render.scene import middle_of_organs
from ui.render.scene_picture import finished_picture, scene_picture
from ui.render.slice_picture import slice_picture
from ui.render.slice_source import SliceSource, SliceStyle
from ui.render.slices import View
from ui.render.text import write
from ui.render.windows import default_window

from .map_picture import map_picture
from .plan_scene import PlanScene
from .plan_slice import PlanSlices, plate

SCENE_SIZE = (1100, 880)
SLICE_SIZE = (760, 760)
TEXT_PIXELS = 24
"""Pictures are shown at about a third of their size: legible on paper."""
JPEG_QUALITY = 90
UPRIGHT = 0.9
"""A camera that looks almost along the body's axis has the front up, else the head."""
RING_PIXELS = 12
Pictures = Mapping[Picture, bytes]


@dataclass(frozen=True, eq=False)
class _PlanViews:
    """A plan's scene and slices, made once for all its pictures."""

    plan: ReportedPlan
    scene: PlanScene
    slices: PlanSlices


def draw_pictures(
    report: Report, twin: Twin, plans: tuple[ReportedPlan, ...] = (), progress: Progress = SILENT
) -> Pictures:
    """Each picture that the report wants, as JPEG.

    Raises
    ------
    DeviceError
        If this machine offers no OpenGL at all.
    Cancelled
        When asked to stop through ``progress``.
    """
    views = [_PlanViews(p, PlanScene(p.geometry, p.evaluation), PlanSlices(p.geometry, p.evaluation)) for p in plans]
    wanted, drawn = report.pictures(), {}
    for n, picture in enumerate(wanted):
        progress.update(n / len(wanted), "drawing")
        try:
            image = _of_twin(picture, twin) if picture.plan is None else _of_plan(picture, views[picture.plan])
        except (PlanError, MeshError) as error:
            # One surface that can't be cut must not cost the figures and all other pictures.
            reason = error.reason if isinstance(error, PlanError) else str(error)
            image = _without_picture(reason, SLICE_SIZE if picture.kind is PictureKind.SLICE else SCENE_SIZE)
        drawn[picture] = as_jpeg(image)
    progress.update(1.0)
    return drawn


def as_jpeg(image: Image.Image) -> bytes:
    """The picture compressed; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _without_picture(reason: str, size: tuple[int, int]) -> Image.Image:
    """A ground that says why nothing is on it."""
    image = Image.new("RGB", size, PANEL)
    draw = ImageDraw.Draw(image)
    letters = int(size[0] / (TEXT_PIXELS * 0.65))
    lines = textwrap.wrap(f"No picture could be drawn: {reason}", letters)
    for n, line in enumerate(lines):
        row = size[1] / 2 + (n - len(lines) / 2) * TEXT_PIXELS * 1.5
        write(draw, (size[0] / 2, row), line, TEXT_PIXELS, TEXT, "mm")
    return image


def _of_twin(picture: Picture, twin: Twin) -> Image.Image:
    looks = default_looks(twin.labels)
    if picture.kind is PictureKind.SCENE:
        return scene_picture(twin, SCENE_SIZE, picture.view, looks, text_pixels=TEXT_PIXELS)
    style = SliceStyle(default_window(twin.primary))
    at = picture.at_mm if picture.at_mm is not None else as_point(middle_of_organs(twin))
    return slice_picture(
        SliceSource.of_twin(twin), View(picture.view), at, SLICE_SIZE, style, looks, text_pixels=TEXT_PIXELS
    )


def _of_plan(picture: Picture, views: _PlanViews) -> Image.Image:
    if picture.kind is PictureKind.SLICE:
        return views.slices.picture(picture.entry, View(picture.view), SLICE_SIZE, TEXT_PIXELS)
    if picture.kind is PictureKind.MAP:
        return _map(views, picture.entry)
    if picture.view == "cut":
        return _cut_picture(views, picture.entry)
    points = views.scene.points_of_interest()
    return _aimed(points, views.scene.renderer(), preset(picture.view), picture.view.capitalize())


def _map(views: _PlanViews, entry: str) -> Image.Image:
    evaluation = views.plan.evaluation
    cut = next(c for c in evaluation.cuts if c.resection.name == entry)
    result = next(r for r in evaluation.resections if r.name == entry)
    return map_picture(views.plan.geometry, cut, result, SCENE_SIZE, TEXT_PIXELS)


def _aimed(points_mm: FloatArray, renderer: vtkRenderer, camera: CameraPreset, title: str) -> Image.Image:
    point_camera(renderer.GetActiveCamera(), camera, points_mm, SCENE_SIZE[0] / SCENE_SIZE[1])
    renderer.ResetCameraClippingRange()
    return finished_picture(renderer, SCENE_SIZE, title, text_pixels=TEXT_PIXELS)


def _cut_picture(views: _PlanViews, entry: str) -> Image.Image:
    """The cut surface without what was before it, with the worst margins of the cut in numbers."""
    x, y, z = (float(v) for v in views.scene.cut_direction(entry))
    up = (0.0, 0.0, 1.0) if abs(z) < UPRIGHT else (0.0, -1.0, 0.0)
    renderer = views.scene.renderer(without_resected=True, is_glass=views.scene.is_closed(entry))
    image = _aimed(views.scene.cut_points(entry), renderer, CameraPreset("cut", (x, y, z), up), "Cut surface")
    result = next(r for r in views.plan.evaluation.resections if r.name == entry)
    _write_margin(ImageDraw.Draw(image), views.scene, renderer, result)
    return image


def _write_margin(draw: ImageDraw.ImageDraw, scene: PlanScene, renderer: vtkRenderer, result: ResectionResult) -> None:
    margin = worst_margin(result)
    if margin is None or margin.cut_at_mm is None or margin.min_mm is None:
        return
    place = scene.twin_from_labels @ np.array([*margin.cut_at_mm, 1.0])
    column, row = project(renderer, place[:3], SCENE_SIZE)
    ring = RING_PIXELS
    for ink, thickness in ((PANEL, 6), (TEXT, 3)):
        draw.ellipse((column - ring, row - ring, column + ring, row + ring), outline=ink, width=thickness)
    words = f"{margin.min_mm:.1f} mm {margin.verdict.value}"
    plate(draw, (column, row - 2.5 * ring), words, TEXT_PIXELS, VERDICT_COLOURS[margin.verdict])
