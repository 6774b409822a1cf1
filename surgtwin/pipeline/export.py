"""Surfaces out of a twin or a label map, with their manifest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ..domain.labels import LabelMap
from ..domain.mesh import OrganMesh
from ..domain.twin import Twin
from ..formats.frame import Frame
from ..formats.manifest import ManifestCase
from ..formats.surface import write_surfaces
from ..mesh.decimate import decimate as decimate_mesh
from ..progress import SILENT, Progress

_DECIMATE_SHARE = 0.5


def export_meshes(
    twin: Twin,
    folder: Path,
    *,
    formats: Sequence[str],
    names: Collection[str] | None = None,
    frame: str = "LPS",
    decimate: float | None = None,
    progress: Progress = SILENT,
) -> tuple[Path, ...]:
    """Write the twin's surfaces (all, or those of `names`) and `manifest.json`; answers the files written.

    Parameters
    ----------
    frame
        "LPS" or "RAS": the axes of the files.
    decimate
        Part of the triangles to remove, 0 to below 1; closed surfaces stay closed.

    Raises
    ------
    FormatError, MeshError, DiskError
        If a format is unknown, there is nothing to write, or writing fails.
    """
    meshes = [m for m in twin.meshes if names is None or m.name in names]
    if decimate:
        meshes = _decimated(meshes, decimate, progress.part(0.0, _DECIMATE_SHARE, "Decimating"))
    return write_surfaces(
        meshes,
        folder,
        formats=formats,
        frame=Frame(frame),
        structures=twin.structures,
        case=ManifestCase.of_twin(twin),
        progress=progress.part(_DECIMATE_SHARE if decimate else 0.0, 1.0, "Writing surfaces"),
    )


def write_label_surfaces(
    labels: LabelMap,
    meshes: Sequence[OrganMesh],
    folder: Path,
    *,
    formats: Sequence[str],
    frame: str = "LPS",
    progress: Progress = SILENT,
) -> tuple[Path, ...]:
    """Write surfaces made of a bare label map: no case, no source image."""
    return write_surfaces(
        meshes, folder, formats=formats, frame=Frame(frame), structures=labels.structures, progress=progress
    )


def _decimated(meshes: Sequence[OrganMesh], reduction: float, progress: Progress) -> list[OrganMesh]:
    """Open surfaces are left as they are: only closed ones can be decimated safely."""
    thinner = []
    for n, mesh in enumerate(meshes):
        is_closed = mesh.quality is None or mesh.quality.is_watertight
        step = progress.part(n / len(meshes), (n + 1) / len(meshes))
        thinner.append(decimate_mesh(mesh, reduction, step) if is_closed else mesh)
    return thinner
