"""What held-out cases tell about a model's confidence: its logits beside the reference labels, and the volumes."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.errors import InputError
from surgtwin.progress import SILENT, Progress

from .case_files import read_pair
from .confidence import NetworkConfidence
from .dataset import remapped
from .held_out_cases import held_out_files
from .infer import Engine
from .sliding_window import LogitSlab
from .training_config import TrainingConfig

log = logging.getLogger(__name__)

NEAR_VOXELS = 2
"""How far from a structure, reference or found, a voxel of the network still tells about calibration."""
SAMPLES = 100_000


@dataclass(frozen=True, eq=False)
class CalibrationCase:
    """What one case tells.

    Parameters
    ----------
    logits, truth
        Of voxels near the structures: ``[heads, n]`` float32, and the reference's label value there ``[n]``.
    logits_file
        Its logits on the whole network grid, ``[heads, k, j, i]`` float16 in .npy, axes as the network's.
    confidence
        As the engine gave it, on the image's axes.
    """

    name: str
    logits: npt.NDArray[np.float32]
    truth: npt.NDArray[np.int64]
    logits_file: Path
    confidence: NetworkConfidence
    labels: npt.NDArray[np.uint8]
    reference_ml: dict[str, float]
    found_ml: dict[str, float]
    voxel_ml: float
    spacing_mm: tuple[float, float, float]


def run_cases(
    engine: Engine, config: TrainingConfig, data_roots: Sequence[Path], folder: Path, progress: Progress
) -> list[CalibrationCase]:
    """Return what every held-out case of a configuration tells.

    Raises
    ------
    InputError
        As `held_out_files`.
    """
    held_out = held_out_files(config, data_roots)
    cases = []
    for n, (source, (name, image, labels)) in enumerate(held_out):
        values, truth, spacing = read_pair(image, labels)
        part = progress.part(n / len(held_out), (n + 1) / len(held_out), name)
        truth = remapped(truth, source, config)
        cases.append(run_case(engine, name, values, truth, spacing, folder / f"{n}.npy", part))
        log.info("%s done", name)
    return cases


def run_case(
    engine: Engine,
    name: str,
    values: npt.NDArray[np.float32],
    truth: npt.NDArray[np.uint8],
    spacing_mm: tuple[float, float, float],
    logits_file: Path,
    progress: Progress = SILENT,
) -> CalibrationCase:
    """Return what a case tells; its logits stay in a file, so that memory holds one case's at a time."""
    slabs: list[npt.NDArray[np.float16]] = []

    def keep(slab: LogitSlab) -> None:
        slabs.append(slab.logits.half().cpu().numpy())

    engine.watchers.append(keep)
    try:
        prediction = engine.predict([values], spacing_mm, progress)
    finally:
        engine.watchers.remove(keep)
    if prediction.confidence is None:
        raise InputError(f"The engine gave no confidence for {name}.")
    logits = np.concatenate(slabs, axis=1)
    np.save(logits_file, logits)
    sure, forward = prediction.confidence, engine.model.plan.transpose_forward
    seen = np.transpose(sure.sample(truth), forward)
    near = near_structures(seen, np.transpose(sure.sample(prediction.labels), forward))
    voxel_ml = math.prod(spacing_mm) / 1000.0
    names = engine.model.labels.names
    return CalibrationCase(
        name,
        logits[:, near[0], near[1], near[2]].astype(np.float32),
        seen[near].astype(np.int64),
        logits_file,
        sure,
        prediction.labels.astype(np.uint8),
        {s: float(np.count_nonzero(truth == v)) * voxel_ml for s, v in names.items()},
        {s: float(np.count_nonzero(prediction.labels == v)) * voxel_ml for s, v in names.items()},
        voxel_ml,
        spacing_mm,
    )


def near_structures(truth: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], ...]:
    """Return indices [k, j, i] of at most `SAMPLES` voxels in or beside a structure, the same each time."""
    near = ndimage.binary_dilation((truth > 0) | (found > 0), iterations=NEAR_VOXELS)
    where = np.flatnonzero(near)
    if len(where) > SAMPLES:
        where = np.random.default_rng(0).choice(where, SAMPLES, replace=False)
    return np.unravel_index(where, truth.shape)
