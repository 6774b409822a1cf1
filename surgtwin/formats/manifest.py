"""`manifest.json`: what lies in a folder of exported surfaces, and what it was made from. Names no patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..atomic_file import write_bytes_atomically
from ..domain.labels import Structure
from ..domain.mesh import OrganMesh
from ..domain.twin import Twin
from ..version import VERSION
from .file_surface import GENERATOR, UNIT
from .frame import Frame

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class ManifestCase:
    """Where exported surfaces come from, without anything that names the patient.

    Parameters
    ----------
    case_id
        The twin's pseudonym, or empty.
    revision
        Of the twin, if there is one.
    source_series_sha256
        SHA-256 of the SeriesInstanceUID, which itself may lead to the patient; empty if not from DICOM.
    source_image_sha256
        Of the image's values and grid.
    model
        The network and its settings as the provenance tells; empty if none was used.
    """

    case_id: str = ""
    revision: int | None = None
    source_series_sha256: str = ""
    source_image_sha256: str = ""
    model: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_twin(cls, twin: Twin) -> ManifestCase:
        source = twin.image(twin.labels_on).volume.source
        uid = source.dicom.series_instance_uid if source.dicom is not None else ""
        return cls(
            case_id=twin.case_id,
            revision=twin.revision.number,
            source_series_sha256=hashlib.sha256(uid.encode("ascii", "replace")).hexdigest() if uid else "",
            source_image_sha256=source.content_sha256,
            model=dict(twin.provenance.model),
        )


@dataclass(frozen=True)
class WrittenFile:
    """One exported file and the structures in it."""

    path: Path
    format: str
    structures: tuple[str, ...]


def write_manifest(
    folder: Path,
    files: Sequence[WrittenFile],
    meshes: Sequence[OrganMesh],
    structures: Sequence[Structure],
    case: ManifestCase,
    frame: Frame,
) -> Path:
    """Write `manifest.json` beside the files. Raises DiskError."""
    by_name = {s.name: s for s in structures}
    about = {m.name: _about(m, by_name.get(m.name)) for m in meshes}
    document = {
        "program": {"name": GENERATOR, "version": VERSION},
        "case_id": case.case_id or None,
        "revision": case.revision,
        "source": {
            "series_uid_sha256": case.source_series_sha256 or None,
            "image_sha256": case.source_image_sha256 or None,
        },
        "model": case.model or None,
        "frame": frame.value,
        "unit": UNIT,
        "files": [_file_entry(f, about, frame) for f in files],
    }
    path = folder / MANIFEST_NAME
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes_atomically(path, text.encode("utf-8"))
    return path


def _about(mesh: OrganMesh, structure: Structure | None) -> dict[str, Any]:
    quality = mesh.quality
    code = structure.code if structure is not None else None
    side = structure.laterality if structure is not None else None
    return {
        "structure": mesh.name,
        "label": structure.label if structure is not None else None,
        "layer": structure.layer if structure is not None else None,
        "code": {"value": code.value, "scheme": code.scheme, "meaning": code.meaning} if code is not None else None,
        "laterality": side.meaning if side is not None else None,
        "colour": list(mesh.colour),
        "volume_ml": mesh.volume_ml,
        "label_volume_ml": quality.label_volume_ml if quality is not None else None,
        "triangles": len(mesh.triangles),
        "watertight": quality.is_watertight if quality is not None else None,
        "deviation_mean_mm": quality.deviation_mean_mm if quality is not None else None,
        "deviation_max_mm": quality.deviation_max_mm if quality is not None else None,
    }


def _file_entry(file: WrittenFile, about: dict[str, dict[str, Any]], frame: Frame) -> dict[str, Any]:
    with file.path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    entry: dict[str, Any] = {"file": file.path.name, "format": file.format, "sha256": digest}
    entry |= {"frame": frame.value, "unit": UNIT}
    if file.format == "glb":
        entry["world"] = "metres, Y up; the root node turns and scales from the frame"
    if len(file.structures) == 1:
        return entry | about[file.structures[0]]
    return entry | {"structures": [about[name] for name in file.structures]}
