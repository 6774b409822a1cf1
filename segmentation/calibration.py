"""What turns a network's own doubt into probabilities and volume intervals: measured on patients it never saw.

A model's folder keeps it as ``calibration.json``; `segmentation.calibrate` makes it. It holds for the weights it was
measured with, and for no others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.confidence import ConfidenceMap, VolumeInterval
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.errors import ModelError

from .collection import PartLabel
from .confidence import Doubt, NetworkConfidence
from .model_folder import ModelFolder

CALIBRATION = "calibration.json"
FORMAT = 1
MAX_BYTES = 2**20
TEMPERATURES = (0.25, 4.0)
REFERENCE_SHIFT_MM = 1.0
"""A surface that is off by this much is compared with the network's own doubt; any other length gives the same."""


@dataclass(frozen=True)
class Calibration:
    """How a model's doubt is read.

    Parameters
    ----------
    model_sha256
        `ModelFolder.sha256` of what was measured.
    temperature
        What logits are divided by.
    level, factor
        Intervals reach ``factor`` x `volume_scale_ml` to either side, and held the truth in ``level`` of the pairs.
    cases, pairs
        The held-out cases, and how many structures of them in all.
    coverage, relative_width
        Of intervals for each case with the factor of the others: the share that held the truth, and the mean of the
        interval's width by the volume found.
    ece_before, ece_after
        Expected calibration error near the structures, 0..1, without temperature and with that of the other cases.

    Raises
    ------
    ModelError
        If a number cannot be.
    """

    model_sha256: str
    temperature: float
    level: float
    factor: float
    cases: tuple[str, ...]
    pairs: int
    coverage: float
    relative_width: float
    ece_before: float
    ece_after: float

    def __post_init__(self) -> None:
        shares = (self.level, self.coverage, self.ece_before, self.ece_after)
        low, high = TEMPERATURES
        is_sound = (
            low <= self.temperature <= high
            and math.isfinite(self.factor)
            and self.factor > 0
            and all(0.0 <= v <= 1.0 for v in shares)
            and 0.0 < self.level < 1.0
        )
        if not is_sound:
            raise ModelError(f"A calibration with these numbers is not plausible: {self}.")


def write_calibration(calibration: Calibration, folder: Path) -> Path:
    """Write it into the model's folder and return the file."""
    path = folder / CALIBRATION
    text = json.dumps({"format": FORMAT, **asdict(calibration)}, indent=1) + "\n"
    write_bytes_atomically(path, text.encode())
    return path


def read_calibration(model: ModelFolder) -> tuple[Calibration | None, tuple[Finding, ...]]:
    """Return a model's calibration, None if it has none that is its own; a finding says why one was left aside."""
    path = model.path / CALIBRATION
    if not path.is_file():
        return None, ()
    try:
        found = _parse(path)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, ModelError) as error:
        return None, (_set_aside(model, f"it cannot be read ({error})"),)
    if found.model_sha256 != model.sha256():
        return None, (_set_aside(model, "it was measured with other weights"),)
    return found, ()


def _parse(path: Path) -> Calibration:
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path.name} is absurdly large")
    raw: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or raw.pop("format") != FORMAT:
        raise ModelError(f"{path.name} has another format than {FORMAT}")
    raw["cases"] = tuple(str(case) for case in raw["cases"])
    return Calibration(**raw)


def _set_aside(model: ModelFolder, reason: str) -> Finding:
    message = (
        f"The calibration of {model.name} was not used: {reason}. Volumes have no interval, and confidence is the "
        "network's own. Make it again with python -m segmentation.calibrate."
    )
    return Finding("calibration-unusable", Severity.WARNING, message)


def confidence_map(
    confidence: NetworkConfidence, image: Grid, calibrations: Sequence[Calibration | None], network: str
) -> ConfidenceMap:
    """Return the confidence in LPS, and how it was made.

    Parameters
    ----------
    calibrations
        Of each model that took part, None where one has none.
    """
    made = dict.fromkeys(f"temperature {c.temperature:.3f}" if c else "uncalibrated" for c in calibrations)
    is_calibrated = all(c is not None for c in calibrations)
    return ConfidenceMap(confidence.grid_on(image), confidence.codes, is_calibrated, ", ".join([network, *made]))


def volume_scale_ml(doubt: Doubt, surface_mm2: float, voxel_ml: float) -> float:
    """Return the mL that a structure's error is measured in: the geometric mean of two ways to be wrong.

    One is the network's own doubt, the other the volume of a layer of `REFERENCE_SHIFT_MM` on the surface. The first
    alone is misled by a network that is sure and wrong or vaguely doubtful far away, the second knows nothing of the
    case; both grow with the structure as a volume does.
    """
    doubt_ml = 0.5 * (doubt.inside + doubt.outside) * voxel_ml
    return math.sqrt(doubt_ml * surface_mm2 * REFERENCE_SHIFT_MM / 1000.0)


def surfaces_mm2(labels: npt.NDArray[Any], spacing_mm: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the area of the voxel faces around each label value, index = value; borders of the array left out.

    Parameters
    ----------
    labels
        ``[k, j, i]``.
    spacing_mm
        Along [k, j, i]. Of a ball the faces measure one and a half times its surface, at any spacing.
    """
    areas = np.zeros(int(labels.max(initial=0)) + 1)
    for axis in range(3):
        face = math.prod(s for a, s in enumerate(spacing_mm) if a != axis)
        low = labels.take(range(labels.shape[axis] - 1), axis)
        high = labels.take(range(1, labels.shape[axis]), axis)
        differs = low != high
        for side in (low[differs], high[differs]):
            areas += face * np.bincount(side, minlength=len(areas))
    return areas


def volume_intervals(
    labels: LabelMap,
    confidence: NetworkConfidence,
    calibration: Calibration,
    rows: Sequence[PartLabel],
    cut: frozenset[str],
) -> tuple[VolumeInterval, ...]:
    """Return the interval of every structure of ``rows`` that has voxels.

    The intervals are those of normalised split conformal prediction (Papadopoulos et al. 2008; Lei et al. 2018), over
    (case, structure) pairs. Pairs of one patient go together, so with a handful of patients the level is what was
    seen in them, not a guarantee. Errors of another kind (`segmentation.confidence`) are not in it, nor is what thick
    slices take from every volume, the reference labels' included.

    Parameters
    ----------
    cut
        Names of structures that the edge of the scan cuts.
    """
    areas = surfaces_mm2(confidence.sample(labels.layers[0]), confidence.grid_on(labels.grid).spacing[::-1])
    found = []
    for row in rows:
        volume = labels.volume_ml(labels.structure(row.name))
        if volume == 0.0 or row.value >= len(areas):
            continue
        scale = volume_scale_ml(confidence.doubts[row.part_value], float(areas[row.value]), labels.grid.voxel_volume_ml)
        reach = calibration.factor * scale
        low, high = max(0.0, volume - reach), volume + reach
        found.append(VolumeInterval(row.name, volume, low, high, calibration.level, row.name in cut))
    return tuple(found)
