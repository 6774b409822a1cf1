"""The space that an instrument passes through as a surface to look at. Numbers only: it may run on any thread."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.plan import ToolPath
from surgtwin.progress import Progress
from surgtwin.simulation.swept import ASKEW, SweptVolume, sweep

from .clip import Shape
from .path_build import motion_of
from .path_figures import known_instrument

SWEEP_STEP_MM = 1.5
MAX_VOXELS = 12_000_000
"""Of the box around the space; larger ones are drawn with larger voxels."""


def swept_shape(path: ToolPath, progress: Progress) -> Shape:
    """The surface of all the space an instrument passes.

    Raises
    ------
    PlanError
        If the path is too long to be summed.
    """
    instrument = known_instrument(path.tool)
    motion = motion_of(path, instrument, SWEEP_STEP_MM)
    progress.check()
    starts, ends = instrument.axes_at(motion.lps_from_tool)
    both = np.concatenate((starts.reshape(-1, 3), ends.reshape(-1, 3))) @ ASKEW.T
    extent = both.max(0) - both.min(0) + 4.0 * float(instrument.radii_mm.max())
    pitch = min(max(instrument.least_radius_mm / 1.5, 0.4), 1.2)
    pitch = max(pitch, float(np.prod(extent) / MAX_VOXELS) ** (1.0 / 3.0))
    swept = sweep(instrument, motion, pitch)
    progress.check()
    return surface_of(swept)


def surface_of(swept: SweptVolume) -> Shape:
    """Where half of a voxel is inside."""
    pitch = swept.pitch_mm
    turned = np.asarray(swept.centres_mm @ ASKEW.T)
    low = turned.min(0) - 2.0 * pitch
    index = np.rint((turned - low) / pitch).astype(np.int64)
    size = index.max(0) + 3
    share = np.zeros(tuple(size[::-1]), dtype=np.float32)
    share[index[:, 2], index[:, 1], index[:, 0]] = swept.share
    vertices, triangles = _half_surface(share)
    return Shape((low + vertices * pitch) @ ASKEW, triangles, np.zeros((len(vertices), 1)))


def _half_surface(share: np.ndarray) -> tuple[FloatArray, np.ndarray]:
    image = vtkImageData()
    image.SetDimensions(*share.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(share.ravel(), deep=True))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    surface = edges.GetOutput()
    if surface.GetNumberOfCells() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    triangles = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    return np.asarray(vtk_to_numpy(surface.GetPoints().GetData()), dtype=np.float64), triangles
