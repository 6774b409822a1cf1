"""One step of the optimiser: rate, forward in mixed precision, loss, gradients, averaged weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from surgtwin.errors import InputError

from .losses import deeply_supervised_loss
from .training_run import TrainingRun, update_average

WARM_UP = 0.03
FINAL_RATE_SHARE = 0.01
GRADIENT_LIMIT = 12.0


def learning_rate(spent: float, peak: float) -> float:
    """Return the rate at a spent fraction of the budget: linear warm-up, then half a cosine."""
    if spent < WARM_UP:
        return peak * max(spent / WARM_UP, 0.02)
    progress = (spent - WARM_UP) / (1.0 - WARM_UP)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return peak * (FINAL_RATE_SHARE + (1.0 - FINAL_RATE_SHARE) * cosine)


def step(run: TrainingRun, images: Tensor, labels: Tensor) -> float:
    """Do one optimiser step and return the loss of this process's patches.

    Raises
    ------
    InputError
        In every process, if the loss of one is no longer finite.
    """
    rate = learning_rate(run.spent, run.config.peak_learning_rate)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    images = images.to(run.device).contiguous(memory_format=torch.channels_last_3d)
    labels = labels.to(run.device)
    run.network.train()
    with torch.autocast(run.device.type, dtype=run.compute_dtype, enabled=run.compute_dtype != torch.float32):
        outputs = run.every_scale(images)
    loss = deeply_supervised_loss(outputs, labels, run.class_weights)
    value = float(loss.detach())
    if run.world.largest(float(not math.isfinite(value)))[0]:
        raise InputError(
            f"The loss became {value} at step {run.iteration}. Lower peak_learning_rate and resume from the last "
            "checkpoint, which is kept."
        )
    run.optimiser.zero_grad(set_to_none=True)
    run.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    run.scaler.unscale_(run.optimiser)
    nn.utils.clip_grad_norm_(run.network.parameters(), GRADIENT_LIMIT)
    run.scaler.step(run.optimiser)
    run.scaler.update()
    update_average(run)
    return value
