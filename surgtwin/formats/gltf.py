"""GLB (binary glTF 2.0): metres and Y up by its standard, colours as physically based materials."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.labels import Colour
from .file_surface import GENERATOR, UNIT, FileSurface
from .frame import Frame

METRES_PER_MM = 1e-3
FLOAT, UNSIGNED_INT = 5126, 5125
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963
ROUGHNESS = 0.6
GLTF_FROM_LPS = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
"""A standing patient who faces +Z: left is +X, superior +Y, anterior +Z. A rotation."""


def write_glb(path: Path, surfaces: Sequence[FileSurface]) -> None:
    """Write one file with a node for each surface under a root node that scales to metres and turns Y up.

    Vertices stay in mm of the frame. Own writer: trimesh rounds colours to 8 bits as if they were linear.
    """
    buffer = _Buffer()
    meshes = [_mesh(buffer, n, surface) for n, surface in enumerate(surfaces)]
    document = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {
                "name": f"{GENERATOR} {surfaces[0].frame.value}",
                "matrix": _root_matrix(surfaces[0].frame).T.ravel().tolist(),
                "children": list(range(1, len(surfaces) + 1)),
                "extras": {"SPACE": surfaces[0].frame.value, "UNIT": UNIT},
            },
            *({"name": s.name, "mesh": n, "extras": _extras(s)} for n, s in enumerate(surfaces)),
        ],
        "meshes": meshes,
        "materials": [_material(s) for s in surfaces],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.size}],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 4)
    with path.open("wb") as out:
        out.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + buffer.size))
        out.write(struct.pack("<I4s", len(text), b"JSON") + text)
        out.write(struct.pack("<I4s", buffer.size, b"BIN\0"))
        for part in buffer.parts:
            out.write(part)


class _Buffer:
    """Arrays one after the other, as glTF refers to them. Each is of 4-byte numbers, so all stay aligned."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def add(self, array: NDArray[Any], kind: str, component: int, target: int, *, bounds: bool = False) -> int:
        """The accessor number of `array`."""
        data = array.tobytes()
        self.views.append({"buffer": 0, "byteOffset": self.size, "byteLength": len(data), "target": target})
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": component,
            "count": len(array),
            "type": kind,
        }
        if bounds:
            accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(accessor)
        self.parts.append(data)
        self.size += len(data)
        return len(self.accessors) - 1


def _mesh(buffer: _Buffer, number: int, surface: FileSurface) -> dict[str, Any]:
    position = buffer.add(surface.vertices.astype("<f4"), "VEC3", FLOAT, ARRAY_BUFFER, bounds=True)
    normal = buffer.add(surface.vertex_normals().astype("<f4"), "VEC3", FLOAT, ARRAY_BUFFER)
    corners = buffer.add(surface.triangles.astype("<u4").ravel(), "SCALAR", UNSIGNED_INT, ELEMENT_BUFFER)
    attributes = {"POSITION": position, "NORMAL": normal}
    return {"name": surface.name, "primitives": [{"attributes": attributes, "indices": corners, "material": number}]}


def _material(surface: FileSurface) -> dict[str, Any]:
    surfacing = {
        "baseColorFactor": [*linear_from_srgb(surface.colour), 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": ROUGHNESS,
    }
    return {"name": surface.name, "pbrMetallicRoughness": surfacing}


def _extras(surface: FileSurface) -> dict[str, Any]:
    code = {} if surface.code is None else {"code": f"{surface.code.scheme}:{surface.code.value}"}
    return {"colour": list(surface.colour), **code}


def _root_matrix(frame: Frame) -> NDArray[np.float64]:
    """(4, 4) from mm of the frame to glTF's metres, Y up. `from_lps` is its own inverse."""
    scale = np.diag([METRES_PER_MM] * 3 + [1.0])
    return np.asarray(scale @ GLTF_FROM_LPS @ frame.from_lps)


def linear_from_srgb(colour: Colour) -> tuple[float, float, float]:
    """A colour of 0..255 as the linear light that glTF wants (IEC 61966-2-1)."""
    c = np.array(colour, dtype=np.float64) / 255.0
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return (float(linear[0]), float(linear[1]), float(linear[2]))
