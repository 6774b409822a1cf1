"""3MF for printing: millimetres, an object with name and colour per structure. By lib3mf: trimesh drops colours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from .file_surface import GENERATOR, FileSurface

DECIMALS = 5


def write_3mf(path: Path, surfaces: Sequence[FileSurface]) -> None:
    """Write one file with an object for each surface. Raises OSError if lib3mf cannot write it."""
    import lib3mf
    from lib3mf.Lib3MF import ELib3MFException, ModelUnit

    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.SetUnit(ModelUnit.MilliMeter)
    about = model.GetMetaDataGroup()
    about.AddMetaData("", "Application", GENERATOR, "xs:string", True)
    about.AddMetaData("", "Description", surfaces[0].space_note, "xs:string", True)
    materials = model.AddBaseMaterialGroup()
    for number, surface in enumerate(surfaces):
        _add_object(wrapper, model, materials, surface, number)
    model.SetBuildUUID(_uuid("build", *(surface.name for surface in surfaces)))
    path.touch()  # Where that fails, Python says why.
    writer = model.QueryWriter("3mf")
    writer.SetDecimalPrecision(DECIMALS)
    try:
        writer.WriteToFile(str(path))
    except ELib3MFException as error:
        raise OSError("lib3mf could not write the file; the disk may be full") from error


def _add_object(wrapper: Any, model: Any, materials: Any, surface: FileSurface, number: int) -> None:
    from lib3mf.Lib3MF import Position, Triangle

    vertices = np.ascontiguousarray(surface.vertices, dtype=np.float32)
    triangles = np.ascontiguousarray(surface.triangles, dtype=np.uint32)
    solid = model.AddMeshObject()
    solid.SetName(surface.name)
    solid.SetGeometry(
        (Position * len(vertices)).from_buffer_copy(vertices), (Triangle * len(triangles)).from_buffer_copy(triangles)
    )
    colour = materials.AddMaterial(surface.name, wrapper.RGBAToColor(*surface.colour, 255))
    solid.SetObjectLevelProperty(materials.GetUniqueResourceID(), colour)
    item = model.AddBuildItem(solid, wrapper.GetIdentityTransform())
    solid.SetUUID(_uuid("object", surface.name, str(number)))
    item.SetUUID(_uuid("item", surface.name, str(number)))


def _uuid(*words: str) -> str:
    """An identifier that is the same for the same words, in place of lib3mf's random ones: same surfaces, same file."""
    return str(UUID(bytes=hashlib.sha256("\n".join(words).encode("utf-8")).digest()[:16], version=5))
