"""The truth of a simulated scan, kept aside, and how near a registration came to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_file import write_atomically
from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray
from ..domain.twin import Twin
from ..errors import SourceError
from .scan_simulator import SimulatedScan

POINTS = 400
"""Kept of each structure, drawn evenly from its voxels."""
MOST_BYTES = 64 << 20
KIND = "surgtwin-scan-truth"


@dataclass(frozen=True, eq=False)
class StructureTruth:
    """Places (N, 3) inside a structure before the motion, and after it, LPS mm."""

    structure: str
    before_mm: FloatArray
    after_mm: FloatArray


@dataclass(frozen=True)
class StructureScore:
    """How far places inside a structure are from where they truly lie: as registered, and had nothing been done."""

    structure: str
    mean_mm: float
    p95_mm: float
    max_mm: float
    still_mean_mm: float
    still_p95_mm: float


def truth_of(twin: Twin, scan: SimulatedScan) -> tuple[StructureTruth, ...]:
    """Where places inside the twin's structures truly lie in a simulated scan."""
    found, grid = [], twin.labels.grid
    rng = np.random.default_rng(0)
    for structure in twin.structures:
        k, j, i = np.nonzero(twin.labels.mask(structure.name))
        if len(k):
            chosen = rng.choice(len(k), min(POINTS, len(k)), replace=False)
            points = grid.to_lps(np.stack([i[chosen], j[chosen], k[chosen]], axis=-1))
            found.append(StructureTruth(structure.name, points, scan.truth.moved(points)))
    return tuple(found)


def write_truth(path: Path, truths: tuple[StructureTruth, ...], revision: int) -> None:
    """Write a truth for `read_truth`. Raises DiskError."""
    content: dict[str, Any] = {"kind": KIND, "version": 1, "revision": revision}
    content["structures"] = [
        {"name": t.structure, "before_mm": t.before_mm.tolist(), "after_mm": t.after_mm.tolist()} for t in truths
    ]
    write_atomically(path, lambda temporary: _write(temporary, content))


def read_truth(path: Path) -> tuple[int, tuple[StructureTruth, ...]]:
    """The number of the revision that was scanned, and the truth. Raises SourceError for anything else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"'{path.name}' is too large to be the truth of a scan.")
        content = json.loads(path.read_bytes())
        if content["kind"] != KIND or content["version"] != 1:
            raise SourceError(f"'{path.name}' is not the truth of a simulated scan, or of a newer program.")
        found = tuple(
            StructureTruth(str(s["name"]), _points(s["before_mm"]), _points(s["after_mm"]))
            for s in content["structures"]
        )
        revision = int(content["revision"])
    except OSError as error:
        raise SourceError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(f"'{path.name}' is not the truth of a simulated scan.") from error
    if not found or any(t.before_mm.shape != t.after_mm.shape for t in found):
        raise SourceError(f"'{path.name}' is not the truth of a simulated scan: its places do not pair up.")
    return revision, found


def score(truths: tuple[StructureTruth, ...], field: DisplacementField) -> tuple[StructureScore, ...]:
    """The error of a registration at places inside each structure, and that of doing nothing."""
    return tuple(_scored(t, field) for t in truths)


def _scored(truth: StructureTruth, field: DisplacementField) -> StructureScore:
    off = np.linalg.norm(field.moved(truth.before_mm) - truth.after_mm, axis=1)
    still = np.linalg.norm(truth.before_mm - truth.after_mm, axis=1)
    return StructureScore(
        truth.structure,
        float(off.mean()),
        float(np.percentile(off, 95)),
        float(off.max()),
        float(still.mean()),
        float(np.percentile(still, 95)),
    )


def _points(value: Any) -> FloatArray:
    points = np.asarray(value, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.all(np.isfinite(points)):
        raise ValueError("places are rows of three finite numbers")
    return points


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
