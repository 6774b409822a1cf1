"""How the open image is looked at: place, window, tool, layout. Nothing here changes the twin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QObject, Signal

from surgtwin.domain.geometry import FloatArray, Grid, Point3
from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.domain.volume import Volume, Window
from surgtwin.settings import MouseProfile
from ui.render.reslice import SlabMode
from ui.render.slice_source import moved_grid
from ui.render.windows import default_window

DEFAULT_LABEL_OPACITY = 0.4
MAX_SLAB_MM = 100.0
MIN_WINDOW_WIDTH = 1.0


class Tool(StrEnum):
    """What the left button does on a slice."""

    NAVIGATE = "navigate"
    WINDOW = "window"
    DISTANCE = "distance"
    ANGLE = "angle"
    ROI = "roi"
    PROBE = "probe"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What stands beside the open image: another image of the twin, or another revision. Same frame, linked scroll."""

    title: str
    image: TwinImage
    twin: Twin
    """The twin that the image, its labels and meshes come from."""


class ViewState(QObject):
    """What views and panels agree on while a person looks around."""

    cursor_moved = Signal()
    pointer_moved = Signal()
    window_changed = Signal()
    layout_changed = Signal()
    """Maximised view, cross-hair, slab, label overlay, texts."""
    volume_rendering_changed = Signal()
    tool_changed = Signal()
    compare_changed = Signal()
    camera_requested = Signal(str)
    """'anterior', 'posterior', 'left', 'right', 'superior', 'inferior', or 'reset'."""
    place_requested = Signal(object)
    """A place (LPS mm) that the 3D view is to look at; the slices follow the cross-hair."""
    mode_changed = Signal()
    busy_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._volume: Volume | None = None
        self._grid: Grid | None = None
        self._cursor: Point3 = (0.0, 0.0, 0.0)
        self._pointer: Point3 | None = None
        self._window = Window(400.0, 40.0)
        self._slab_mm = 0.0
        self._slab_mode = SlabMode.MEAN
        self._label_opacity = DEFAULT_LABEL_OPACITY
        self._crosshair = True
        self._maximised = ""
        self._volume_preset = ""
        self._mouse_profile = MouseProfile.PACS
        self._tool = Tool.NAVIGATE
        self._comparison: Comparison | None = None
        self._busy = False
        self._mode = ""

    @property
    def volume(self) -> Volume | None:
        """The image on the slices: of the twin, or one that is loaded and not yet segmented."""
        return self._volume

    @property
    def grid(self) -> Grid | None:
        """Where the image on the slices lies in the twin's frame."""
        return self._grid

    @property
    def cursor_mm(self) -> Point3:
        """Where the three slices meet, LPS mm of the twin's frame, whichever of its images is shown."""
        return self._cursor

    def set_cursor(self, lps_mm: ArrayLike) -> None:
        """Move the meeting point of the slices (twin's frame), kept inside the image."""
        moved = self._inside(lps_mm)
        if moved != self._cursor:
            self._cursor = moved
            self.cursor_moved.emit()

    def _inside(self, lps_mm: ArrayLike) -> Point3:
        """The point of the image on the slices that is nearest along its axes."""
        point = np.asarray(lps_mm, dtype=np.float64)
        if self._grid is not None:
            last = np.asarray(self._grid.size_ijk, dtype=np.float64) - 1.0
            point = self._grid.to_lps(np.clip(self._grid.to_ijk(point), 0.0, last))
        return (float(point[0]), float(point[1]), float(point[2]))

    @property
    def pointer_mm(self) -> Point3 | None:
        """LPS mm of the twin's frame under the mouse, or None where it is over no image: what the probe reads."""
        return self._pointer

    def set_pointer(self, lps_mm: Point3 | None) -> None:
        if lps_mm != self._pointer:
            self._pointer = lps_mm
            self.pointer_moved.emit()

    @property
    def window(self) -> Window:
        return self._window

    def set_window(self, window: Window) -> None:
        wanted = Window(max(window.width, MIN_WINDOW_WIDTH), window.level)
        if wanted != self._window:
            self._window = wanted
            self.window_changed.emit()

    @property
    def slab_mm(self) -> float:
        """Thickness of what a slice shows; 0 is one voxel layer."""
        return self._slab_mm

    def set_slab(self, slab_mm: float) -> None:
        self._slab_mm = min(max(slab_mm, 0.0), MAX_SLAB_MM)
        self.layout_changed.emit()

    @property
    def slab_mode(self) -> SlabMode:
        """How the layers of a slab become one picture, on all slices."""
        return self._slab_mode

    def set_slab_mode(self, mode: SlabMode | str) -> None:
        self._slab_mode = SlabMode(mode)
        self.layout_changed.emit()

    @property
    def label_opacity(self) -> float:
        """Of the structures' overlay on the slices, 0..1."""
        return self._label_opacity

    def set_label_opacity(self, opacity: float) -> None:
        self._label_opacity = min(max(opacity, 0.0), 1.0)
        self.layout_changed.emit()

    @property
    def crosshair(self) -> bool:
        return self._crosshair

    def set_crosshair(self, shown: bool) -> None:
        self._crosshair = shown
        self.layout_changed.emit()

    @property
    def maximised(self) -> str:
        """'axial', 'coronal', 'sagittal', '3d', or '' for all four."""
        return self._maximised

    def set_maximised(self, view: str) -> None:
        if view != self._maximised:
            self._maximised = view
            self.layout_changed.emit()

    @property
    def volume_preset(self) -> str:
        """Name of the volume rendering preset, '' when volume rendering is off."""
        return self._volume_preset

    def set_volume_preset(self, preset: str) -> None:
        if preset != self._volume_preset:
            self._volume_preset = preset
            self.volume_rendering_changed.emit()

    def request_camera(self, direction: str) -> None:
        """Look at the 3D view from 'anterior', 'posterior', 'left', 'right', 'superior', 'inferior'; 'reset' fits."""
        self.camera_requested.emit(direction)

    def go_to(self, lps_mm: ArrayLike) -> None:
        """All four views look at a place: the cross-hair moves there and the 3D view turns to it."""
        self.set_cursor(lps_mm)
        self.place_requested.emit(self._cursor)

    @property
    def mode(self) -> str:
        """Key of the mode that the window is in."""
        return self._mode

    def set_mode(self, mode: str) -> None:
        if mode != self._mode:
            self._mode = mode
            self.mode_changed.emit()

    @property
    def mouse_profile(self) -> MouseProfile:
        return self._mouse_profile

    def set_mouse_profile(self, profile: MouseProfile | str) -> None:
        chosen = MouseProfile(profile)
        if chosen is not self._mouse_profile:
            self._mouse_profile = chosen
            self.tool_changed.emit()

    @property
    def tool(self) -> Tool:
        return self._tool

    def set_tool(self, tool: Tool | str) -> None:
        chosen = Tool(tool)
        if chosen is not self._tool:
            self._tool = chosen
            self.tool_changed.emit()

    @property
    def comparison(self) -> Comparison | None:
        return self._comparison

    def set_comparison(self, comparison: Comparison | None) -> None:
        self._comparison = comparison
        self.compare_changed.emit()

    @property
    def busy(self) -> bool:
        """True while a job runs."""
        return self._busy

    def set_busy(self, busy: bool) -> None:
        if busy != self._busy:
            self._busy = busy
            self.busy_changed.emit()

    def _put_on_slices(self, volume: Volume | None, twin_from_image: FloatArray | None = None) -> None:
        self._volume = volume
        self._grid = moved_grid(volume.grid, twin_from_image) if volume is not None else None

    def _look_anew(self, volume: Volume, at_mm: ArrayLike) -> None:
        self._window = default_window(volume)
        self._cursor = self._inside(at_mm)
        self._slab_mm = 0.0
