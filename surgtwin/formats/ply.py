"""Binary PLY with a colour at each vertex."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .file_surface import GENERATOR, FileSurface

VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)])
FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_ply(path: Path, surfaces: Sequence[FileSurface]) -> None:
    """Write one surface. Own writer: trimesh writes no comments, and the frame has to be in one."""
    (surface,) = surfaces
    vertices = np.zeros(len(surface.vertices), dtype=VERTEX)
    vertices["xyz"] = surface.vertices
    vertices["rgb"] = surface.colour
    faces = np.zeros(len(surface.triangles), dtype=FACE)
    faces["count"] = 3
    faces["corners"] = surface.triangles
    with path.open("wb") as handle:
        handle.write(_header(surface).encode("ascii", "replace"))
        vertices.tofile(handle)
        faces.tofile(handle)


def _header(surface: FileSurface) -> str:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {GENERATOR}",
        f"comment {surface.space_note}",
        f"comment {surface.line_name}",
        f"element vertex {len(surface.vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        f"element face {len(surface.triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return "\n".join(lines) + "\n"
