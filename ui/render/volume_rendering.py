"""The image itself in 3D, by ray casting, with presets for CT and one for other images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkRenderWindow, vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkSmartVolumeMapper

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.volume import Modality, Volume, Window

from .image_data import vtk_matrix, wrap
from .offscreen import is_software
from .palette import Rgb, fraction
from .windows import default_window

MAX_SOFTWARE_VOXELS = 24_000_000
"""A processor is given at most this many voxels: every second one along each axis of a larger volume, and so on."""
REST_STEP, MOVING_STEP = 0.8, 2.5
"""Distance of the samples along a ray, in voxels, while the picture stands and while it moves."""
REST_PIXELS, MOVING_PIXELS = 1.0, 3.0
"""Distance of the rays a processor casts, in pixels."""


@dataclass(frozen=True)
class VolumePreset:
    """Colour and opacity of values.

    Parameters
    ----------
    points
        (value, colour, opacity of a layer 1 mm thick), rising; in HU, or for `is_relative` in 0..1 of the window.
    edges_only
        Opacity counts where values change: surfaces show, even tissue does not.
    """

    name: str
    points: tuple[tuple[float, Rgb, float], ...]
    edges_only: bool = False
    is_relative: bool = False


CT_PRESETS: tuple[VolumePreset, ...] = (
    VolumePreset(
        "Bone",
        (
            (170, (140, 70, 50), 0.0),
            (260, (200, 150, 110), 0.1),
            (420, (241, 214, 165), 0.5),
            (1200, (255, 250, 240), 0.8),
        ),
    ),
    VolumePreset(
        "Soft tissue",
        (
            (-40, (120, 60, 45), 0.0),
            (30, (170, 85, 65), 0.04),
            (120, (205, 110, 80), 0.16),
            (180, (225, 130, 90), 0.3),
            (350, (240, 210, 165), 0.55),
            (1000, (255, 250, 240), 0.8),
        ),
        edges_only=True,
    ),
    VolumePreset(
        "Vessels",
        (
            (130, (130, 30, 25), 0.0),
            (180, (205, 60, 45), 0.18),
            (280, (235, 105, 75), 0.5),
            (700, (255, 235, 210), 0.75),
        ),
    ),
    VolumePreset(
        "Lung",
        (
            (-980, (60, 80, 110), 0.0),
            (-800, (150, 175, 200), 0.03),
            (-600, (205, 205, 215), 0.12),
            (-350, (230, 190, 180), 0.0),
        ),
        edges_only=True,
    ),
)
OTHER_PRESETS: tuple[VolumePreset, ...] = (
    VolumePreset(
        "Signal",
        ((0.25, (60, 60, 70), 0.0), (0.55, (170, 150, 140), 0.06), (0.9, (245, 235, 225), 0.5)),
        edges_only=True,
        is_relative=True,
    ),
)
EDGE_FRACTION = 0.12
"""Of the preset's range: a change of this much per voxel counts in full as an edge."""


def volume_presets(volume: Volume) -> tuple[VolumePreset, ...]:
    """The presets that make sense for this image."""
    return CT_PRESETS if volume.modality is Modality.CT else OTHER_PRESETS


class VolumeRendering:
    """A volume as a VTK prop, drawn by the mapper that suits the window.

    Parameters
    ----------
    window
        The render window it will be drawn in: a software renderer gets the fixed-point mapper of the processor,
        which is several times faster there than the mapper made for graphics cards.
    """

    def __init__(self, volume: Volume, window: vtkRenderWindow, twin_from_image: FloatArray | None = None) -> None:
        self._volume = volume
        self.is_software = is_software(window)
        stride = _stride(volume) if self.is_software else 1
        values = volume.values[::stride, ::stride, ::stride]
        spacing = tuple(s * stride for s in volume.grid.spacing)
        self._step_mm = min(spacing)
        self.mapper = vtkFixedPointVolumeRayCastMapper() if self.is_software else vtkSmartVolumeMapper()
        self.mapper.SetInputData(wrap(values, (spacing[0], spacing[1], spacing[2])))
        self.mapper.SetBlendModeToComposite()
        self.mapper.SetAutoAdjustSampleDistances(False)
        self.prop = vtkVolume()
        self.prop.SetMapper(self.mapper)
        self.prop.SetUserMatrix(vtk_matrix(_lps_from_box(volume, twin_from_image)))
        self.set_moving(False)

    def set_preset(self, preset: VolumePreset, window: Window | None = None) -> None:
        """Colours and opacity; `window` scales a preset that is relative to it."""
        chosen = window if window is not None else default_window(self._volume)
        self.prop.SetProperty(volume_property(preset, chosen))

    def set_moving(self, moving: bool) -> None:
        """Fewer samples while the picture moves."""
        step = (MOVING_STEP if moving else REST_STEP) * self._step_mm
        self.mapper.SetSampleDistance(step)
        if self.is_software:
            self.mapper.SetImageSampleDistance(MOVING_PIXELS if moving else REST_PIXELS)


def volume_property(preset: VolumePreset, window: Window) -> vtkVolumeProperty:
    """The preset as VTK takes it."""
    low, width = (window.level - window.width / 2, window.width) if preset.is_relative else (0.0, 1.0)
    colours, opacities = vtkColorTransferFunction(), vtkPiecewiseFunction()
    for value, colour, opacity in preset.points:
        colours.AddRGBPoint(low + value * width, *fraction(colour))
        opacities.AddPoint(low + value * width, opacity)
    result = vtkVolumeProperty()
    result.SetColor(colours)
    result.SetScalarOpacity(opacities)
    result.SetScalarOpacityUnitDistance(1.0)
    result.SetInterpolationTypeToLinear()
    result.ShadeOn()
    result.SetAmbient(0.2)
    result.SetDiffuse(0.85)
    result.SetSpecular(0.2)
    result.SetSpecularPower(20.0)
    if preset.edges_only:
        span = (preset.points[-1][0] - preset.points[0][0]) * width
        edges = vtkPiecewiseFunction()
        edges.AddPoint(0.0, 0.0)
        edges.AddPoint(span * EDGE_FRACTION / 4, 0.35)
        edges.AddPoint(span * EDGE_FRACTION, 1.0)
        result.SetGradientOpacity(edges)
    return result


def _stride(volume: Volume) -> int:
    """Every how many voxels a processor is given, so that a frame stays bounded."""
    stride = 1
    while volume.values.size / stride**3 > MAX_SOFTWARE_VOXELS:
        stride += 1
    return stride


def _lps_from_box(volume: Volume, twin_from_image: FloatArray | None) -> FloatArray:
    """(4, 4) from millimetres along the grid's axes to the twin's LPS: turns (and mirrors), never scales."""
    matrix = np.eye(4)
    matrix[:3, :3] = volume.grid.direction
    matrix[:3, 3] = volume.grid.origin
    return matrix if twin_from_image is None else np.asarray(twin_from_image @ matrix)
