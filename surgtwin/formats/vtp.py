"""VTK's XML surface, with frame, unit, name and code in its field data and the colour at each vertex."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .file_surface import UNIT, FileSurface


def write_vtp(path: Path, surfaces: Sequence[FileSurface]) -> None:
    """Write one surface. Raises OSError if the file cannot be written."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    (surface,) = surfaces
    points, cells, data = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.vertices), deep=1))
    cells.SetData(3, numpy_to_vtkIdTypeArray(surface.triangles.astype(np.int64).ravel(), deep=1))
    data.SetPoints(points)
    data.SetPolys(cells)
    colours = numpy_to_vtk(np.tile(np.array(surface.colour, dtype=np.uint8), (len(surface.vertices), 1)), deep=1)
    colours.SetName("RGB")
    data.GetPointData().SetScalars(colours)
    # "SPACE" is the field in which 3D Slicer looks for the frame.
    _add_text(data, "SPACE", surface.frame.value)
    _add_text(data, "UNIT", UNIT)
    _add_text(data, "Name", surface.name)
    if surface.code is not None:
        _add_text(data, "Code", f"{surface.code.scheme}:{surface.code.value}")
    path.touch()  # Where that fails, Python says why; VTK would print to the terminal.
    writer = vtkXMLPolyDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(data)
    writer.SetDataModeToAppended()
    if writer.Write() != 1:
        raise OSError("VTK could not write the file; the disk may be full")


def _add_text(data: Any, name: str, text: str) -> None:
    from vtkmodules.vtkCommonCore import vtkStringArray

    array = vtkStringArray()
    array.SetName(name)
    array.InsertNextValue(text)
    data.GetFieldData().AddArray(array)
