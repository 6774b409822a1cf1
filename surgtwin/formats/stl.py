"""Binary STL: bare triangles, no colour, no names but for the header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .file_surface import GENERATOR, FileSurface

HEADER_BYTES = 80
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(path: Path, surfaces: Sequence[FileSurface]) -> None:
    """Write one surface. Own writer: others truncate or lose the header that carries the frame, or write it as text."""
    (surface,) = surfaces
    corners = surface.vertices[surface.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).tiny)
    rows = np.zeros(len(corners), dtype=TRIANGLE)
    rows["normal"] = normal
    rows["corners"] = corners
    # The header must not begin with "solid", which marks STL written as text.
    name = surface.line_name.encode("ascii", "replace").decode("ascii")
    header = f"{GENERATOR} {surface.space_note} {name}"[:HEADER_BYTES].ljust(HEADER_BYTES).encode("ascii")
    with path.open("wb") as handle:
        handle.write(header)
        handle.write(np.uint32(len(rows)).astype("<u4").tobytes())
        rows.tofile(handle)
