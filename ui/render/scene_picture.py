"""The 3D scene as a finished picture with its letters and scale."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from vtkmodules.vtkRenderingCore import vtkRenderer

from surgtwin.domain.twin import Twin

from .appearance import Looks
from .cameras import mm_per_pixel, preset, screen_directions
from .offscreen import render_rgb
from .orientation_cube import cube_edge, cube_renderer, follow, place
from .palette import VIEW_COLOURS
from .scene import TwinScene
from .slice_picture import draw_letters, draw_scale
from .slices import edge_letters
from .text import write

OVERSAMPLING = 2.0
"""Drawn this much larger and scaled down: smooth edges whatever the renderer offers."""
REFERENCE_TEXT = 14
"""Text size that belongs to the cube's size."""
MAX_PIXELS = 3_000_000
"""Large pictures are drawn less much larger: a processor may have to draw them."""


def scene_picture(twin: Twin, size: tuple[int, int], where: str, looks: Looks, *, text_pixels: int = 14) -> Image.Image:
    """The twin's organs seen from a camera preset ("anterior", ...), (width, height) pixels.

    Raises
    ------
    DeviceError
        If this machine offers no OpenGL at all.
    """
    scene = TwinScene(twin, looks)
    scene.look_from(preset(where), size[0] / size[1])
    title = where.capitalize() if preset(where).name == where else "3D"
    return finished_picture(scene.renderer, size, title, text_pixels=text_pixels)


def finished_picture(renderer: vtkRenderer, size: tuple[int, int], title: str, *, text_pixels: int = 14) -> Image.Image:
    """What a renderer's camera sees, with title, letters, scale and orientation cube, (width, height) pixels."""
    width, height = size
    camera = renderer.GetActiveCamera()
    cube = cube_renderer()
    follow(cube, camera)
    factor = min(OVERSAMPLING, max(1.0, (MAX_PIXELS / (width * height)) ** 0.5))
    place(cube, size, text_pixels / REFERENCE_TEXT)
    large = render_rgb([renderer, cube], (round(width * factor), round(height * factor)))
    image = Image.fromarray(large).resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    right, down = screen_directions(camera)
    draw_letters(draw, size, edge_letters(right, down), text_pixels)
    gap = text_pixels // 2
    write(draw, (gap, gap), title, text_pixels, VIEW_COLOURS["3d"], shadow=True)
    beside_cube = width - round(cube_edge(size, text_pixels / REFERENCE_TEXT))
    draw_scale(draw, (beside_cube, height), mm_per_pixel(renderer, height), text_pixels)
    return image


def as_array(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """[height, width, 3] uint8."""
    return np.asarray(image.convert("RGB"), dtype=np.uint8)
