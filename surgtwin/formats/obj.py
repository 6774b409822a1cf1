"""Wavefront OBJ and the MTL file with its colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .file_surface import GENERATOR, FileSurface

MATERIAL = "tissue"


def write_obj(path: Path, surfaces: Sequence[FileSurface], material_file: str) -> None:
    """Write one surface that refers to `material_file` beside it.

    Own writer: VTK's knows no materials without a texture, trimesh names the material file itself.
    """
    (surface,) = surfaces
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(f"# {GENERATOR} {surface.space_note}\n")
        out.write(f"mtllib {material_file}\no {surface.line_name}\n")
        out.writelines("v %.6f %.6f %.6f\n" % (x, y, z) for x, y, z in surface.vertices.tolist())  # noqa: UP031
        out.write(f"usemtl {MATERIAL}\n")
        out.writelines(f"f {a} {b} {c}\n" for a, b, c in (surface.triangles + 1).tolist())


def write_mtl(path: Path, surfaces: Sequence[FileSurface]) -> None:
    """Write the colour of one surface."""
    (surface,) = surfaces
    red, green, blue = (c / 255.0 for c in surface.colour)
    tint = f"{red:.6f} {green:.6f} {blue:.6f}"
    lines = (
        f"# {GENERATOR}",
        f"newmtl {MATERIAL}",
        f"Ka {tint}",
        f"Kd {tint}",
        "Ks 0.1 0.1 0.1",
        "Ns 20",
        "d 1",
        "illum 2",
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
