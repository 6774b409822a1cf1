"""Dice plus cross entropy, summed over the resolutions of a deeply supervised network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

DICE_SMOOTH = 1.0


def dice_and_cross_entropy(logits: Tensor, target: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Return soft-Dice loss plus cross entropy of one resolution.

    The Dice term runs over the foreground classes that the batch contains; false positives of an absent class
    are the cross entropy's business, so that a patch without an organ gives no empty-against-empty gradient.

    Parameters
    ----------
    logits
        ``[N, classes, k, j, i]``.
    target
        ``[N, k, j, i]`` int64 class numbers.
    class_weights
        ``[classes]`` weights of the cross entropy.
    """
    log_p = functional.log_softmax(logits.float(), dim=1)
    cross_entropy = functional.nll_loss(log_p, target, weight=class_weights)
    p = log_p.exp()
    one_hot = torch.zeros_like(p).scatter_(1, target.unsqueeze(1), 1.0)
    axes = (0, 2, 3, 4)
    overlap = (p * one_hot).sum(axes)[1:]
    reference = one_hot.sum(axes)[1:]
    dice = (2 * overlap + DICE_SMOOTH) / (p.sum(axes)[1:] + reference + DICE_SMOOTH)
    present = reference > 0
    if not bool(present.any()):
        return cross_entropy
    return cross_entropy + 1.0 - dice[present].mean()


def deep_supervision_weights(scales: int) -> list[float]:
    """Return weights halving per resolution, the coarsest zero when there are several, summing to one."""
    weights = [0.5**i for i in range(scales)]
    if scales > 2:
        weights[-1] = 0.0
    return [w / sum(weights) for w in weights]


def deeply_supervised_loss(outputs: Sequence[Tensor], target: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Return the weighted loss over all resolutions, finest first in ``outputs``."""
    total = torch.zeros((), device=target.device)
    for weight, logits in zip(deep_supervision_weights(len(outputs)), outputs, strict=True):
        if weight > 0:
            total = total + weight * dice_and_cross_entropy(logits, downsampled(target, logits), class_weights)
    return total


def downsampled(target: Tensor, like: Tensor) -> Tensor:
    """Return ``target`` by nearest neighbour on the spatial shape of ``like``."""
    shape = like.shape[2:]
    if target.shape[1:] == shape:
        return target
    small = functional.interpolate(target.unsqueeze(1).to(torch.uint8), size=tuple(shape), mode="nearest-exact")
    return small.squeeze(1).long()
