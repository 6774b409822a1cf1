"""From a volume to a twin: segment, mesh, note how it came about."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..domain.finding import Finding, Severity
from ..domain.labels import LabelMap
from ..domain.mesh import OrganMesh
from ..domain.twin import Provenance, Revision, RevisionState, Twin, TwinImage
from ..domain.volume import Volume
from ..errors import LabelError
from ..mesh.extract import MeshSettings, extract_meshes
from ..progress import SILENT, Progress
from ..store.case_id import new_case_id
from ..version import VERSION
from .ports import Segmentation

Segment = Callable[[Volume, Progress], Segmentation]

_LIBRARIES = ("numpy", "torch", "vtk", "pydicom", "SimpleITK", "fast-simplification")
ABSENT = "structure-absent"
MANY_ABSENT = 3
SAID_ONCE = frozenset({"clipped-ct", ABSENT})
_SEGMENT_SHARE = 0.8
"""Of a build's time, on a CPU, measured on abdominal CTs."""


@dataclass(frozen=True)
class BuildSettings:
    """What a person can choose when a twin is built."""

    mesh: MeshSettings = field(default_factory=MeshSettings)
    regularise: bool = False


def build_twin(
    volume: Volume,
    segment: Segment,
    *,
    settings: BuildSettings | None = None,
    progress: Progress = SILENT,
) -> Twin:
    """Revision 1 of a twin: `volume`, what `segment` finds in it, and a mesh of each structure.

    Raises
    ------
    LabelError
        If the segmentation does not lie on the volume's grid, or found nothing at all.
    Cancelled
        When asked to stop.
    """
    settings = settings or BuildSettings()
    segmentation = segment(volume, progress.part(0.0, _SEGMENT_SHARE, "Finding organs"))
    labels = segmentation.labels
    if not labels.grid.is_same_space(volume.grid):
        raise LabelError("The labels do not lie on the image's grid.")
    meshes = extract_meshes(labels, settings.mesh, progress.part(_SEGMENT_SHARE, 1.0, "Making surfaces"))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    provenance = Provenance(
        created_utc=now,
        program=f"surgtwin {VERSION}",
        inputs={"image-1": volume.source.content_sha256},
        methods=segmentation.methods,
        model=segmentation.model,
        settings=_plain(settings),
        software=_software(),
    )
    return Twin(
        case_id=new_case_id(),
        images=(TwinImage("image-1", "primary", volume),),
        labels=labels,
        meshes=meshes,
        revision=Revision(1, None, "built from the primary image", RevisionState.ACCEPTED, now),
        provenance=provenance,
        findings=said_once((*volume.findings, *segmentation.findings, *mesh_findings(labels, meshes))),
        confidence=segmentation.confidence,
        volume_intervals=segmentation.volume_intervals,
    )


def said_once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings without repeats: loader, network and mesher each notice clipped values or an absent organ."""
    kept: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        words = "" if finding.code in SAID_ONCE else finding.message
        kept.setdefault((finding.code, finding.structure, words), finding)
    return _absent_in_one(tuple(kept.values()))


def _absent_in_one(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings with many structures that are merely absent, as in an image of another region, in one remark."""
    absent = [f for f in findings if f.code == ABSENT and f.severity is Severity.INFO and f.structure]
    if len(absent) < MANY_ABSENT:
        return findings
    text = f"Not found in this image: {', '.join(f.structure for f in absent)}."
    return (*(f for f in findings if f not in absent), Finding(ABSENT, Severity.INFO, text))


def mesh_findings(labels: LabelMap, meshes: tuple[OrganMesh, ...]) -> tuple[Finding, ...]:
    """Structures without a surface, surfaces that are open, and labels that name nothing in the image."""
    meshed = {m.name: m for m in meshes}
    findings = []
    for s in labels.structures:
        mesh = meshed.get(s.name)
        if labels.voxels(s) == 0:
            text = f"'{s.name}' was not found in this image."
            findings.append(Finding(ABSENT, Severity.INFO, text, structure=s.name))
        elif mesh is None:
            text = f"'{s.name}' has voxels but no surface could be made of them."
            findings.append(Finding("no-surface", Severity.WARNING, text, structure=s.name))
        elif mesh.quality is not None and not mesh.quality.is_watertight:
            text = f"The surface of '{s.name}' is not closed; its volume is that of the voxels."
            findings.append(Finding("open-surface", Severity.WARNING, text, structure=s.name))
    return tuple(findings)


def _plain(settings: BuildSettings) -> dict[str, Any]:
    return asdict(settings)


def _software() -> dict[str, str]:
    found = {"surgtwin": VERSION, "python": platform.python_version(), "system": platform.system()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
