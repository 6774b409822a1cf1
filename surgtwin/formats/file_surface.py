"""A surface as a file holds it: in the file's frame, with its colour and name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.labels import Code, Colour
from ..domain.mesh import OrganMesh
from .frame import Frame

UNIT = "mm"
GENERATOR = "surgtwin"


@dataclass(frozen=True, eq=False)
class FileSurface:
    """One structure's surface, vertices (N, 3) in mm of `frame`, triangles (M, 3) wound outward."""

    name: str
    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    colour: Colour
    frame: Frame
    code: Code | None = None

    @classmethod
    def of(cls, mesh: OrganMesh, frame: Frame, code: Code | None = None) -> FileSurface:
        """The mesh in `frame`. Going from LPS to RAS is a rotation, so the winding stays."""
        return cls(mesh.name, frame.points_from_lps(mesh.vertices_mm), mesh.triangles, mesh.colour, frame, code)

    @property
    def space_note(self) -> str:
        """`SPACE=LPS UNIT=mm`: where a format has room for a comment, 3D Slicer looks for the first of these there."""
        return f"SPACE={self.frame.value} UNIT={UNIT}"

    @property
    def line_name(self) -> str:
        """The name on one line, for formats of lines."""
        return " ".join(self.name.split())

    def vertex_normals(self) -> NDArray[np.float64]:
        """(N, 3) unit normals, faces weighted by their area."""
        a, b, c = (self.vertices[self.triangles[:, n]] for n in range(3))
        area = np.cross(b - a, c - a)
        corners = self.triangles.ravel()
        normal = np.stack(
            [np.bincount(corners, np.repeat(area[:, x], 3), minlength=len(self.vertices)) for x in range(3)], axis=1
        )
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        up = np.array([0.0, 0.0, 1.0])
        return np.where(length > 0, normal / np.where(length > 0, length, 1.0), up)
