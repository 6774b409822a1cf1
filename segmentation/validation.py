"""Light validation while training: Dice on the training grid of cases that training never sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from .dataset import TrainingCase
from .network import PlainConvUNet
from .sliding_window import TileSettings, predict_slabs
from .training_config import TrainingConfig


def predict_case(network: PlainConvUNet, case: TrainingCase, config: TrainingConfig) -> npt.NDArray[np.uint8]:
    """Return the label array ``[k, j, i]`` of a prepared case, on the training grid, in mixed bfloat16."""
    device = next(network.parameters()).device
    image = torch.from_numpy(np.array(case.image, dtype=np.float32))[None].to(device)
    settings = TileSettings(compute_dtype=torch.bfloat16)
    slabs = predict_slabs([network], image, config.patch, settings)
    labels = [slab.logits.argmax(0).to(torch.uint8).cpu().numpy() for slab in slabs]
    return np.concatenate(labels)


def score_cases(
    network: PlainConvUNet, cases: Sequence[TrainingCase], config: TrainingConfig
) -> dict[str, dict[str, float]]:
    """Return the Dice score of each structure for each case; structures absent on both sides are left out."""
    scores: dict[str, dict[str, float]] = {}
    for case in cases:
        found = predict_case(network, case, config)
        truth = np.asarray(case.labels)
        scores[case.name] = {}
        for name, value in config.labels.items():
            dice = dice_score(found == value, truth == value) if value else None
            if dice is not None:
                scores[case.name][name] = round(dice, 4)
    return scores


def dice_score(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float | None:
    """Return Dice of two masks, None when both are empty."""
    both = int(found.sum()) + int(truth.sum())
    return None if both == 0 else 2.0 * float((found & truth).sum()) / both
