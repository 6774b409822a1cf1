"""Pictures without a screen: EGL or whatever the machine has, chosen by VTK itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # registers the volume mappers
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

from surgtwin.errors import DeviceError

SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swr ", "software rasterizer", "microsoft basic render")


def offscreen_window(size: tuple[int, int], *, layers: int = 1) -> vtkRenderWindow:
    """A window of (width, height) pixels that no one sees.

    Raises
    ------
    DeviceError
        If this machine offers no OpenGL at all.
    """
    window = _new_window()
    window.SetShowWindow(False)
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)  # sorting translucent surfaces does not work with more (seen with EGL)
    window.SetNumberOfLayers(layers)
    window.SetSize(*size)
    window.SetAlphaBitPlanes(1)
    if not window.SupportsOpenGL():
        raise DeviceError(
            "No picture can be drawn: this machine offers no OpenGL 3.2, neither on a display nor through EGL. "
            "On Debian or Ubuntu install libegl1 and libgl1-mesa-dri; elsewhere a graphics driver."
        )
    return window


def _new_window() -> vtkRenderWindow:
    """EGL outright on a Linux without a display, where asking for one first would only log a warning."""
    has_display = bool(os.environ.get("DISPLAY"))
    egl = getattr(vtkmodules.vtkRenderingOpenGL2, "vtkEGLRenderWindow", None)
    return egl() if sys.platform == "linux" and not has_display and egl is not None else vtkRenderWindow()


def render_rgb(renderers: Sequence[vtkRenderer], size: tuple[int, int]) -> NDArray[np.uint8]:
    """[height, width, 3] uint8, row 0 on top: the renderers drawn over each other in the order of their layers.

    Raises
    ------
    DeviceError
        If this machine offers no OpenGL at all.
    """
    window = offscreen_window(size, layers=1 + max(r.GetLayer() for r in renderers))
    try:
        for renderer in renderers:
            window.AddRenderer(renderer)
        window.Render()
        return grab(window)
    finally:
        for renderer in renderers:
            window.RemoveRenderer(renderer)
        window.Finalize()


def grab(window: vtkRenderWindow) -> NDArray[np.uint8]:
    """[height, width, 3] uint8 of what the window drew last, row 0 on top."""
    width, height = window.GetSize()
    pixels = vtkUnsignedCharArray()
    window.GetPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
    return np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 3)[::-1])


def is_software(window: vtkRenderWindow) -> bool:
    """True if a processor draws instead of a graphics card."""
    if not window.GetInitialized():
        window.Initialize()
    capabilities = str(window.ReportCapabilities()).lower()
    return any(name in capabilities for name in SOFTWARE_RENDERERS)


def describe_renderer() -> str:
    """What draws here, e.g. "llvmpipe (LLVM 15.0.6, 256 bits), software". Raises DeviceError if nothing can."""
    window = offscreen_window((16, 16))
    try:
        software = is_software(window)
        lines = str(window.ReportCapabilities()).splitlines()
    finally:
        window.Finalize()
    named = [line.split(":", 1)[1].strip() for line in lines if "renderer string" in line.lower()]
    return f"{named[0] if named else 'unknown renderer'}, {'software' if software else 'hardware'}"
