"""Twins to save: small, oblique, with every field filled, and a comparison that leaves nothing out."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from surgtwin.domain.confidence import ConfidenceMap, VolumeInterval
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.measurement import Measurement, MeasurementKind
from surgtwin.domain.mesh import MeshQuality, OrganMesh
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Side, Twin, TwinImage
from surgtwin.domain.volume import DicomSource, Modality, SourceInfo, Volume, Window

PATIENT = Patient("PID-4711", "Hospital A", "Doe^Jané", "19600229", "F")


def sample_grid(shape: tuple[int, int, int] = (12, 14, 16)) -> Grid:
    angle = math.radians(25.0)
    c, s = math.cos(angle), math.sin(angle)
    direction = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, -1.0]])
    return Grid.from_axes(shape, (-31.5, 17.25, -240.1), direction, (0.7, 1.3, 2.5))


def sample_volume(grid: Grid, seed: int = 1, modality: Modality = Modality.CT) -> Volume:
    values = np.random.default_rng(seed).integers(-1024, 3000, grid.shape, dtype=np.int16)
    uids = tuple(f"1.2.826.0.1.{seed}.{n}" for n in range(grid.shape[0]))
    header = bytes(range(256)) + b"DICM" + PATIENT.name.encode()
    dicom = DicomSource("1.2.3", "1.2.3.4", "1.2.840.10008.5.1.4.1.1.2", uids, "1.2.9", header, False)
    source = SourceInfo("dicom", "ab" * 32, "ABDOMEN portal", "2024-02-29T10:11:12Z", dicom, 2.5)
    finding = Finding("gantry-tilt", Severity.WARNING, "Tilted by 12°.", (1.0, 2.5, -3.0), {"tilt_deg": 12.0})
    return Volume(grid, values, modality, source, PATIENT, Window(400.0, 40.0), (finding,))


def sample_labels(grid: Grid, shift: int = 0) -> LabelMap:
    organs = np.zeros(grid.shape, np.uint8)
    organs[2:8, 3 + shift : 9 + shift, 4:12] = 1
    organs[9:11, 2:6, 2:9] = 2
    body = np.zeros(grid.shape, np.uint16)
    body[1:11, 1:13, 1:15] = 300
    structures = (structure_for(1, "liver"), structure_for(2, "left kidney"), structure_for(300, "body", layer=1))
    return LabelMap(grid, (organs, body), structures)


def sample_mesh(name: str, offset_mm: float = 0.0) -> OrganMesh:
    vertices = np.array([[0.1, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], float) + offset_mm
    triangles = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    quality = MeshQuality(True, True, 2, 1, 1 / 6, 0.17, 236.6, 0.01, math.nan)
    return OrganMesh(name, vertices, triangles, (221, 130, 101), quality)


def sample_twin(seed: int = 1) -> Twin:
    grid, other = sample_grid(), sample_grid((5, 9, 8))
    shift = np.eye(4)
    shift[:3, 3] = (1.5, -2.25, 1 / 3)
    mr = Volume(other, np.linspace(0, 1, 360, dtype=np.float32).reshape(5, 9, 8), Modality.MR, SourceInfo("nifti", ""))
    return Twin(
        case_id="case-7F3K-92QD",
        images=(TwinImage("image-1", "primary", sample_volume(grid, seed)), TwinImage("image-2", "mr", mr, shift)),
        labels=sample_labels(grid),
        meshes=(sample_mesh("liver"), dataclasses.replace(sample_mesh("left kidney", 30.0), quality=None)),
        revision=Revision(1, None, "built", RevisionState.ACCEPTED, "2026-01-02T03:04:05Z"),
        provenance=Provenance(
            "2026-01-02T03:04:05Z",
            "surgtwin 0.1.0",
            {"image-1": "ab" * 32},
            {"liver": "network ct_abdomen 1.0"},
            {"name": "ct_abdomen", "folds": [0, 1], "settings": {"step": 0.5, "limit": math.inf}},
            {"decimate": None, "smoothing": True},
            {"numpy": np.__version__},
        ),
        findings=(Finding("small", Severity.INFO, "Small.", None, {"gap_mm": math.inf}, "liver"),),
        operated_side=Side.RIGHT,
        accepted=frozenset({"liver"}),
        measurements=(sample_measurement("m1"),),
        confidence=sample_confidence(),
        volume_intervals=sample_intervals(sample_labels(grid)),
    )


def sample_confidence() -> ConfidenceMap:
    grid = sample_grid((6, 7, 8))
    codes = np.random.default_rng(4).integers(0, 256, grid.shape, dtype=np.uint8)
    return ConfidenceMap(grid, codes, True, "network ct_abdomen 1.0, temperature 1.25")


def sample_intervals(labels: LabelMap) -> tuple[VolumeInterval, ...]:
    liver, kidney = (labels.volume_ml(labels.structure(name)) for name in ("liver", "left kidney"))
    return (
        VolumeInterval("liver", liver, liver / 3, liver * 1.1, 0.9, is_cut=True),
        VolumeInterval("left kidney", kidney, 0.0, kidney, 0.9),
    )


def sample_measurement(measurement_id: str, length_mm: float = 5.0) -> Measurement:
    points = ((0.0, 0.0, 0.1), (length_mm, 0.0, 0.1))
    return Measurement(measurement_id, MeasurementKind.DISTANCE, points, "image-1", "largest diameter")


def with_moved_liver(twin: Twin, offset_mm: float) -> Twin:
    """The same twin with the liver's mesh moved: the smallest new revision there is."""
    meshes = tuple(sample_mesh("liver", offset_mm) if m.name == "liver" else m for m in twin.meshes)
    return dataclasses.replace(twin, meshes=meshes)


def differences(a: Any, b: Any, where: str = "twin") -> list[str]:
    """Every place where two domain objects differ, arrays compared value by value and type by type."""
    if type(a) is not type(b):
        return [f"{where}: {type(a).__name__} and {type(b).__name__}"]
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        pairs = [(f.name, getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a)]
        return [d for name, x, y in pairs for d in differences(x, y, f"{where}.{name}")]
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        return [] if same else [f"{where}: arrays differ"]
    if isinstance(a, (tuple, list)):
        if len(a) != len(b):
            return [f"{where}: {len(a)} and {len(b)} items"]
        return [d for n, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{where}[{n}]")]
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return [f"{where}: keys differ"]
        return [d for key in a for d in differences(a[key], b[key], f"{where}[{key}]")]
    if isinstance(a, float) and math.isnan(a) and math.isnan(b):
        return []
    return [] if a == b else [f"{where}: {a!r} and {b!r}"]
