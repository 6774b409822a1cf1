"""An instrument's path through a twin as a moving picture."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkActor

from surgtwin.atomic_file import write_atomically, write_bytes_atomically
from surgtwin.domain.geometry import FloatArray, transform_points
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.twin import Twin
from surgtwin.errors import DeviceError, InputError
from surgtwin.mesh.decimate import thinned
from surgtwin.planning.tool_path import ToolPathResult
from surgtwin.progress import SILENT, Progress
from surgtwin.simulation.instrument import Instrument
from surgtwin.simulation.timeline import Moment
from ui.render.annotations import RESEARCH_USE
from ui.render.appearance import Look, default_looks
from ui.render.cameras import point_camera, preset, screen_directions
from ui.render.mesh_actor import mesh_actor
from ui.render.offscreen import grab, offscreen_window
from ui.render.palette import TEXT, UNPROVEN, VIOLATED
from ui.render.scene import TwinScene, points_of_interest, tune_transparency
from ui.render.slice_picture import draw_letters
from ui.render.slices import edge_letters
from ui.render.text import write

from .tool_shapes import capsule_mesh

SIZE = (960, 640)
FRAMES_PER_S = 10
MIN_S, MAX_S = 3.0, 15.0
"""A path is shown in its own time, but never quicker or slower than this."""
NEAR_MM = 15.0
"""Structures that come nearer are shown translucent: what goes on behind or inside them is what matters."""
CLEAR_OPACITY = 0.35
MOST_TRIANGLES = 30_000
"""Of one structure: in a picture of this size more of them are smaller than its points, and each frame draws all."""
PILLOW_FORMATS = {".webp": "WEBP", ".gif": "GIF", ".png": "PNG"}


def check_video_is_possible(path: Path) -> None:
    """Raises InputError for an ending no video is written as, DeviceError if ffmpeg is needed and not installed."""
    ending = path.suffix.lower()
    if ending == ".mp4":
        if shutil.which("ffmpeg") is None:
            raise DeviceError(
                "An .mp4 is written by ffmpeg, which is not installed here. Install it, or ask for .webp or .gif."
            )
    elif ending not in PILLOW_FORMATS:
        raise InputError(f"Videos are written as .mp4, {', '.join(PILLOW_FORMATS)}; '{ending}' is none of them.")


def write_path_video(
    twin: Twin, result: ToolPathResult, path: Path, *, size: tuple[int, int] = SIZE, progress: Progress = SILENT
) -> None:
    """Write the instrument's motion to `path`: .webp, .gif, .png (animated), or .mp4 where ffmpeg is installed.

    Raises
    ------
    InputError
        If the file's ending is none of these.
    DeviceError
        If this machine cannot draw in 3D, or has no ffmpeg for an .mp4, or ffmpeg fails.
    DiskError
        If the file cannot be written.
    """
    check_video_is_possible(path)
    if path.suffix.lower() == ".mp4":
        write_atomically(path, lambda temporary: _with_ffmpeg(frames(twin, result, size, progress), size, temporary))
        return
    pictures = list(frames(twin, result, size, progress))
    buffer = io.BytesIO()
    kind, pause = PILLOW_FORMATS[path.suffix.lower()], round(1000 / FRAMES_PER_S)
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], duration=pause, loop=0)
    write_bytes_atomically(path, buffer.getvalue())


def frames(
    twin: Twin, result: ToolPathResult, size: tuple[int, int] = SIZE, progress: Progress = SILENT
) -> Iterator[Image.Image]:
    """The pictures of the motion, in order, at `FRAMES_PER_S`."""
    line = result.timeline
    shown_s = min(max(line.end_s - line.start_s, MIN_S), MAX_S)
    count = max(2, round(shown_s * FRAMES_PER_S)) if len(line.motion) > 1 else 1
    twin_from_image = twin.image(twin.labels_on).twin_from_image
    scene, actors = _scene(twin, result, size[0] / size[1])
    window = offscreen_window(size)
    try:
        window.AddRenderer(scene.renderer)
        for n, time in enumerate(np.linspace(line.start_s, line.end_s, count)):
            progress.update(n / count)
            moment = line.at(float(time))
            _place(actors, twin_from_image @ moment.lps_from_tool)
            window.Render()
            yield _annotated(Image.fromarray(grab(window)), scene, result, moment)
    finally:
        window.RemoveRenderer(scene.renderer)
        window.Finalize()
    progress.update(1.0)


def _scene(twin: Twin, result: ToolPathResult, aspect: float) -> tuple[TwinScene, list[vtkActor]]:
    near = {p.structure for p in result.nearest if p.min_mm < NEAR_MM}
    looks = {
        name: Look(look.visible, look.colour, min(look.opacity, CLEAR_OPACITY)) if name in near else look
        for name, look in default_looks(twin.labels).items()
    }
    scene = TwinScene(_coarse(twin, {name for name, look in looks.items() if look.visible}), looks)
    actors = _tool_actors(result.instrument)
    for actor in actors:
        scene.renderer.AddActor(actor)
    tune_transparency(scene.renderer)
    visible = {name for name, look in looks.items() if look.visible}
    tips = transform_points(twin.image(twin.labels_on).twin_from_image, result.timeline.motion.tips_mm)
    points = np.concatenate((points_of_interest(twin, visible), tips))
    point_camera(scene.renderer.GetActiveCamera(), preset("first"), points, aspect)
    scene.renderer.ResetCameraClippingRange()
    return scene, actors


def _coarse(twin: Twin, visible: set[str]) -> Twin:
    """The twin with surfaces as fine as a picture shows: it draws them a hundred times and more."""

    def coarse(mesh: OrganMesh) -> OrganMesh:
        if mesh.name not in visible or len(mesh.triangles) <= MOST_TRIANGLES:
            return mesh
        fewer = thinned(mesh.vertices_mm, mesh.triangles, 1.0 - MOST_TRIANGLES / len(mesh.triangles))
        return mesh if fewer is None else replace(mesh, vertices_mm=fewer[0], triangles=fewer[1], quality=None)

    return replace(twin, meshes=tuple(coarse(m) for m in twin.meshes))


def _tool_actors(instrument: Instrument) -> list[vtkActor]:
    actors = []
    for start, end, radius in zip(instrument.starts_mm, instrument.ends_mm, instrument.radii_mm, strict=True):
        shape = capsule_mesh(start, end, float(radius))
        actors.append(mesh_actor(shape, Look(True, shape.colour)))
    return actors


def _place(actors: list[vtkActor], twin_from_tool: FloatArray) -> None:
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(twin_from_tool.ravel().tolist())
    for actor in actors:
        actor.SetUserMatrix(matrix)


def _annotated(image: Image.Image, scene: TwinScene, result: ToolPathResult, moment: Moment) -> Image.Image:
    draw, pixels = ImageDraw.Draw(image), 15
    right, down = screen_directions(scene.renderer.GetActiveCamera())
    draw_letters(draw, image.size, edge_letters(right, down), pixels)
    write(draw, (10, 10), f"{result.name}   {moment.time_s:.1f} s", pixels, TEXT, shadow=True)
    rows = _rows(result, moment)
    for n, (text, colour) in enumerate(rows):
        write(draw, (10, 34 + 20 * n), text, pixels, colour, shadow=True)
    write(draw, (image.width - 10, image.height - 10), RESEARCH_USE, 12, UNPROVEN, "rs", shadow=True)
    return image


def _rows(result: ToolPathResult, moment: Moment) -> list[tuple[str, tuple[int, int, int]]]:
    """The structures that are nearest now and matter, as text and colour."""
    judged = [p.structure for p in result.nearest if p.verdict is not None]
    nearest = sorted((moment.clearance_mm[name], name) for name in judged)[:4]
    return [
        (f"{name}: {mm:.1f} mm" if mm > 0.0 else f"{name}: {-mm:.1f} mm deep", VIOLATED if mm <= 0.0 else TEXT)
        for mm, name in nearest
        if mm < 2.0 * NEAR_MM
    ]


def _with_ffmpeg(pictures: Iterator[Image.Image], size: tuple[int, int], path: Path) -> None:
    """Raw pictures through ffmpeg's standard input."""
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{size[0]}x{size[1]}", "-r", str(FRAMES_PER_S), "-i", "-", "-pix_fmt", "yuv420p"]
    command += ["-f", "mp4", str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    raw = b"".join(np.asarray(p.convert("RGB"), dtype=np.uint8).tobytes() for p in pictures)
    _, said = process.communicate(raw)
    if process.returncode != 0:
        raise DeviceError(f"ffmpeg could not write the video: {said.decode(errors='replace').strip()[-300:]}")
