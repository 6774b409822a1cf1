"""Light validation while training: Dice on the training grid of cases that training never sees, and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.progress import SILENT, Progress

from .dataset import TrainingCase
from .network import PlainConvUNet
from .sliding_window import TileSettings, predict_slabs
from .training_config import TrainingConfig
from .training_pictures import Picture, case_picture, png

VALIDATION_FOLDER = "validation"
SCORES_NAME = "scores.json"


@dataclass(frozen=True, eq=False)
class CaseValidation:
    """A held-out case's Dice by structure (absent on both sides is left out) and the picture of its worst slices."""

    case: str
    dice: dict[str, float]
    picture: Picture


def predict_case(
    network: PlainConvUNet,
    case: TrainingCase,
    config: TrainingConfig,
    compute_dtype: torch.dtype = torch.bfloat16,
    progress: Progress = SILENT,
) -> npt.NDArray[np.uint8]:
    """Return the label array ``[k, j, i]`` of a prepared case, on the training grid."""
    device = next(network.parameters()).device
    image = torch.from_numpy(np.array(case.image, dtype=np.float32))[None].to(device)
    settings = TileSettings(compute_dtype=compute_dtype)
    slabs = predict_slabs([network], image, config.patch, settings, progress)
    labels = [slab.logits.argmax(0).to(torch.uint8).cpu().numpy() for slab in slabs]
    return np.concatenate(labels)


def validate_cases(
    network: PlainConvUNet,
    cases: Sequence[TrainingCase],
    config: TrainingConfig,
    compute_dtype: torch.dtype = torch.bfloat16,
    progress: Progress = SILENT,
) -> list[CaseValidation]:
    """Return figures and a picture of each case.

    Raises
    ------
    Cancelled
        When asked to stop through ``progress``.
    """
    results = []
    for n, case in enumerate(cases):
        part = progress.part(n / len(cases), (n + 1) / len(cases))
        found = predict_case(network, case, config, compute_dtype, part)
        dice = case_dice(found, np.asarray(case.labels), config.labels)
        results.append(CaseValidation(case.name, dice, case_picture(case, found, config.labels, dice)))
    return results


def case_dice(
    found: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8], labels: Mapping[str, int]
) -> dict[str, float]:
    """Return the Dice score of each structure; those absent on both sides are left out."""
    scores = {name: dice_score(found == value, truth == value) for name, value in labels.items() if value}
    return {name: round(dice, 4) for name, dice in scores.items() if dice is not None}


def mean_dice(results: Sequence[CaseValidation]) -> dict[str, float]:
    """Return each structure's mean Dice over the cases that have it."""
    names = dict.fromkeys(name for result in results for name in result.dice)
    return {n: round(float(np.mean([r.dice[n] for r in results if n in r.dice])), 4) for n in names}


def write_validation(results: Sequence[CaseValidation], iteration: int, output: Path) -> None:
    """Write ``validation/scores.json`` and a picture per case into a run's folder, replacing the last validation's.

    Raises
    ------
    DiskError
        If they cannot be written.
    """
    folder = output / VALIDATION_FOLDER
    folder.mkdir(exist_ok=True)
    scores = {"iteration": iteration, "mean_dice": mean_dice(results), "dice": {r.case: r.dice for r in results}}
    write_bytes_atomically(folder / SCORES_NAME, json.dumps(scores, indent=2).encode("utf-8"))
    for result in results:
        write_bytes_atomically(folder / f"{result.case.replace('/', '_')}.png", png(result.picture))


def dice_score(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float | None:
    """Return Dice of two masks, None when both are empty."""
    both = int(found.sum()) + int(truth.sum())
    return None if both == 0 else 2.0 * float((found & truth).sum()) / both
