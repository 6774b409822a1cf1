"""Surfaces out: one file per structure, one scene where the format holds several, and the manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..atomic_file import write_atomically
from ..domain.labels import Structure
from ..domain.mesh import OrganMesh
from ..errors import DiskError, FormatError, MeshError
from ..progress import SILENT, Progress
from .file_surface import FileSurface
from .frame import Frame
from .gltf import write_glb
from .manifest import MANIFEST_NAME, ManifestCase, WrittenFile, write_manifest
from .obj import write_mtl, write_obj
from .ply import write_ply
from .stl import write_stl
from .surface_names import file_stems
from .threemf import write_3mf
from .vtp import write_vtp

Writer = Callable[[Path, Sequence[FileSurface]], None]
SCENE = "scene"
"""Name of the file that holds all structures."""


@dataclass(frozen=True)
class SurfaceFormat:
    """One row: a format's ending, its writer, and whether one file can hold a scene."""

    ending: str
    write: Writer | None
    holds_scene: bool = False


FORMATS = {
    f.ending: f
    for f in (
        SurfaceFormat("stl", write_stl),
        SurfaceFormat("obj", None),  # two files, see _write_obj_pair
        SurfaceFormat("ply", write_ply),
        SurfaceFormat("glb", write_glb, holds_scene=True),
        SurfaceFormat("vtp", write_vtp),
        SurfaceFormat("3mf", write_3mf, holds_scene=True),
    )
}


def write_surfaces(
    meshes: Sequence[OrganMesh],
    folder: Path,
    *,
    formats: Sequence[str],
    frame: Frame = Frame.LPS,
    structures: Sequence[Structure] = (),
    case: ManifestCase | None = None,
    progress: Progress = SILENT,
) -> tuple[Path, ...]:
    """Write the meshes into `folder` (made if need be) in each format; the paths, `manifest.json` last.

    Each file appears complete or not at all; files of the same name are replaced.

    Parameters
    ----------
    formats
        Of `FORMATS`: 'stl', 'obj' (with .mtl), 'ply', 'glb', 'vtp', '3mf'.
    structures
        Where labels and codes come from, matched by name.

    Raises
    ------
    FormatError
        If a format is not known, or none is given.
    MeshError
        If there is no mesh, or two have the same name.
    DiskError
        If the folder or a file cannot be written.
    """
    wanted = _checked_formats(formats)
    _check_meshes(meshes)
    codes = {s.name: s.code for s in structures}
    surfaces = [FileSurface.of(m, frame, codes.get(m.name)) for m in meshes]
    stems = file_stems((m.name for m in meshes), reserved=(SCENE, Path(MANIFEST_NAME).stem))
    _make(folder)
    written: list[WrittenFile] = []
    for row, format_ in enumerate(wanted):
        part = progress.part(row / len(wanted), (row + 1) / len(wanted), f"Writing {format_.ending.upper()}")
        written += _write_format(format_, surfaces, stems, folder, part)
    manifest = write_manifest(folder, written, meshes, structures, case or ManifestCase(), frame)
    progress.update(1.0)
    return (*(f.path for f in written), manifest)


def _checked_formats(formats: Sequence[str]) -> list[SurfaceFormat]:
    known = ", ".join(FORMATS)
    names = [formats] if isinstance(formats, str) else list(dict.fromkeys(formats))
    if not names:
        raise FormatError(f"No format is given; there are: {known}.")
    for name in names:
        if name not in FORMATS:
            raise FormatError(f"'{name}' is not a surface format; there are: {known}.")
    return [FORMATS[name] for name in names]


def _check_meshes(meshes: Sequence[OrganMesh]) -> None:
    if not meshes:
        raise MeshError("There is no surface to write.")
    names = [m.name for m in meshes]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise MeshError(f"Two surfaces have the same name: {', '.join(twice)}.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(
            f"The folder '{folder.name}' cannot be made: {error.strerror}. Choose another place."
        ) from error


def _write_format(
    format_: SurfaceFormat, surfaces: Sequence[FileSurface], stems: dict[str, str], folder: Path, progress: Progress
) -> list[WrittenFile]:
    written = []
    for n, surface in enumerate(surfaces):
        progress.update(n / len(surfaces))
        stem = folder / stems[surface.name]
        if format_.write is None:
            written += _write_obj_pair(stem, surface)
            continue
        path = stem.with_name(f"{stem.name}.{format_.ending}")
        _write_file(path, format_.write, [surface])
        written.append(WrittenFile(path, format_.ending, (surface.name,)))
    if format_.holds_scene and format_.write is not None:
        progress.check()
        path = folder / f"{SCENE}.{format_.ending}"
        _write_file(path, format_.write, surfaces)
        written.append(WrittenFile(path, format_.ending, tuple(s.name for s in surfaces)))
    return written


def _write_file(path: Path, write: Writer, surfaces: Sequence[FileSurface]) -> None:
    write_atomically(path, lambda temporary: write(temporary, surfaces))


def _write_obj_pair(stem: Path, surface: FileSurface) -> list[WrittenFile]:
    """The MTL first, so that an OBJ never refers to a file that is not there."""
    material, shape = (stem.with_name(f"{stem.name}.{ending}") for ending in ("mtl", "obj"))
    _write_file(material, write_mtl, [surface])
    _write_file(shape, partial(write_obj, material_file=material.name), [surface])
    return [WrittenFile(shape, "obj", (surface.name,)), WrittenFile(material, "mtl", (surface.name,))]
