"""One case of a batch: an image is loaded, made into a twin, judged by the gates and written into a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..atomic_file import write_bytes_atomically
from ..domain.finding import Finding, Severity, finding_as_json
from ..domain.twin import Twin
from ..domain.volume import Modality, Volume
from ..errors import InputError
from ..progress import SILENT, Progress
from ..store.layout import LOCK
from ..store.save import save_twin
from ..version import VERSION
from .batch_identity import content_names, without_identity, without_names
from .batch_protocol import Protocol
from .batch_select import input_sha256, too_few_slices
from .build_twin import BuildSettings, Segment, build_twin
from .export import export_meshes
from .images import ImageChoice, find_images, load_choice
from .label_input import given_labels
from .label_output import write_label_file
from .summary import grid_summary, structure_summary

RECORD = "case.json"
SURFACES = "surfaces"
PICTURE = "picture.jpg"
Draw = Callable[[Twin, Path, Progress], None]
"""Writes the pictures and reports of a twin into a folder."""
_LOADED, _BUILT, _WRITTEN = 0.1, 0.85, 0.95
_SEVERITIES = {"error": (Severity.ERROR,), "warning": (Severity.ERROR, Severity.WARNING), "never": ()}


@dataclass(frozen=True)
class CaseJob:
    """One case to be made.

    Parameters
    ----------
    load_path, series_key
        Where the image lies, and which one of those there.
    labels
        The labels' file; empty if the network finds the structures.
    key
        Hash of all that decides what is written (`case_key`).
    folder
        Empty, to be filled.
    is_frugal
        True after memory ran out: one structure at a time.
    """

    load_path: str
    series_key: str
    labels: str
    input_sha256: str
    case_id: str
    key: str
    folder: str
    is_frugal: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain data; `CaseJob(**data)` makes it again."""
        return asdict(self)


def make_case(
    job: CaseJob, protocol: Protocol, segment: Segment, draw: Draw, progress: Progress = SILENT
) -> dict[str, Any]:
    """Fill the job's folder; answers the record that stands in its `case.json`.

    A case that a gate fails has the record and the picture, not the exports.

    Raises
    ------
    SurgTwinError
        Whatever loading, segmenting, meshing or writing finds wrong.
    """
    choice = _find(job, progress.part(0.0, _LOADED / 2))
    volume = _load(job, choice, protocol, progress.part(_LOADED / 2, _LOADED))
    mesh = replace(protocol.mesh, threads=1) if job.is_frugal else protocol.mesh
    settings = BuildSettings(mesh, protocol.series.regularise)
    built = build_twin(
        volume, _segmenter(job, protocol, segment), settings=settings, progress=progress.part(_LOADED, _BUILT)
    )
    twin = _named(built, job, protocol)
    folder = Path(job.folder)
    failed = gate_failure(twin, protocol)
    if not failed:
        twin = _export(twin, folder, protocol, progress.part(_BUILT, _WRITTEN))
    draw(twin, folder, progress.part(_WRITTEN, 1.0, "Drawing"))
    record = _record(twin, job, failed, folder)
    write_bytes_atomically(folder / RECORD, as_text(record).encode("utf-8"))
    progress.update(1.0)
    return record


def as_text(document: Any) -> str:
    """JSON that is always the same for the same content."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def gate_failure(twin: Twin, protocol: Protocol) -> str:
    """Why the gates fail a twin; empty if they let it pass."""
    bad = [f for f in twin.findings if f.severity in _SEVERITIES[protocol.gates.fail_on]]
    present = {s.name for s in twin.structures if twin.labels.voxels(s)}
    missing = [name for name in protocol.gates.require if name not in present]
    said = [f"{f.severity}: {f.message}" for f in sorted(bad, key=lambda f: f.severity is not Severity.ERROR)]
    if missing:
        said.insert(0, f"Not found, though the protocol requires it: {', '.join(missing)}.")
    return " ".join(said)


def _find(job: CaseJob, progress: Progress) -> ImageChoice:
    return find_images(Path(job.load_path), progress).pick(job.series_key)


def _load(job: CaseJob, choice: ImageChoice, protocol: Protocol, progress: Progress) -> Volume:
    labels = Path(job.labels) if job.labels else None
    if input_sha256(choice, labels, _names(protocol)) != job.input_sha256:
        raise InputError("The files changed while the batch ran. Start it again with --resume.")
    if protocol.export.labels and ".dcm" in protocol.export.labels and choice.series is None:
        raise InputError("A DICOM SEG (.dcm) can be made of a DICOM series only; take .dcm out of export.labels.")
    modality = Modality(protocol.series.files_are) if protocol.series.files_are and choice.file is not None else None
    volume = load_choice(choice, regularise=protocol.series.regularise, modality=modality, progress=progress)
    if volume.grid.shape[0] < protocol.series.min_slices:
        raise InputError(f"The image is not taken: {too_few_slices(volume.grid.shape[0], protocol.series.min_slices)}.")
    return volume


def _segmenter(job: CaseJob, protocol: Protocol, segment: Segment) -> Segment:
    if not job.labels:
        return segment
    return lambda volume, progress: given_labels(Path(job.labels), volume, _names(protocol), progress)


def _names(protocol: Protocol) -> Path | None:
    return Path(protocol.labels.names) if protocol.labels is not None and protocol.labels.names else None


def _named(twin: Twin, job: CaseJob, protocol: Protocol) -> Twin:
    """The twin under the case's pseudonym; its image and findings without the patient's identity if so asked."""
    twin = replace(twin, case_id=job.case_id)
    if not protocol.is_pseudonymous:
        return twin
    names = content_names(Path(job.load_path), twin.patient)
    images = tuple(replace(image, volume=_bare(image.volume, job.case_id, names)) for image in twin.images)
    return replace(twin, images=images, findings=_bare_findings(twin.findings, names))


def _bare(volume: Volume, case_id: str, names: Sequence[str]) -> Volume:
    return replace(without_identity(volume, case_id), findings=_bare_findings(volume.findings, names))


def _bare_findings(findings: Sequence[Finding], names: Sequence[str]) -> tuple[Finding, ...]:
    return tuple(replace(f, message=without_names(f.message, names)) for f in findings)


def _export(twin: Twin, folder: Path, protocol: Protocol, progress: Progress) -> Twin:
    """Write what the protocol asks for; answers the twin with what had to be said while writing."""
    export = protocol.export
    if export.surfaces and twin.meshes:
        surfaces = folder / SURFACES
        export_meshes(twin, surfaces, formats=export.surfaces, frame=export.frame, progress=progress.part(0.0, 0.5))
    said: list[Finding] = []
    for ending in export.labels:
        said += _write_labels(twin, folder, ending)
        progress.update(0.6, "Writing labels")
    twin = replace(twin, findings=(*twin.findings, *said))
    if export.twin:
        save_twin(twin, folder / f"{twin.case_id}.twin", progress=progress.part(0.7, 1.0, "Saving"))
    return twin


def _write_labels(twin: Twin, folder: Path, ending: str) -> tuple[Finding, ...]:
    """One file, or one for each layer where the format holds one."""
    holds_all = ending in (".seg.nrrd", ".dcm")
    said: tuple[Finding, ...] = ()
    for layer in range(1 if holds_all else len(twin.labels.layers)):
        name = f"labels{ending}" if layer == 0 else f"labels_layer{layer}{ending}"
        model = twin.provenance.model
        said += write_label_file(twin.labels, twin.primary, folder / name, layer=layer, model=model)
    return said


def _record(twin: Twin, job: CaseJob, failed: str, folder: Path) -> dict[str, Any]:
    model = twin.provenance.model
    return {
        "case_id": job.case_id,
        "key": job.key,
        "program": f"surgtwin {VERSION}",
        "state": "failed" if failed else "done",
        "failure": {"type": "gate", "message": failed} if failed else None,
        "input_sha256": job.input_sha256,
        "modality": str(twin.primary.modality),
        "image_sha256": twin.primary.source.content_sha256,
        "grid": grid_summary(twin.labels.grid),
        "model": {key: model[key] for key in ("name", "version", "sha256") if key in model} or None,
        "structures": [structure_summary(twin.labels, s, twin.mesh(s.name), twin) for s in twin.structures],
        "findings": [finding_as_json(f) for f in twin.findings],
        "files": files_in(folder),
    }


def files_in(folder: Path, only: str = "") -> list[dict[str, Any]]:
    """Path within `folder`, size and SHA-256 of every file in it but the record and locks; or of the one asked for."""
    left_out = (RECORD, LOCK)
    paths = [folder / only] if only else sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in left_out)
    entries = []
    for path in paths:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        entries.append({"path": path.relative_to(folder).as_posix(), "size": path.stat().st_size, "sha256": digest})
    return entries


def is_of_twin(path: str) -> bool:
    """Whether a file of a record, by its path, lies in a twin."""
    return ".twin/" in path
