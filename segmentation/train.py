"""Train a U-Net: ``python -m segmentation.train CONFIG.json --data DIR... --output DIR [--resume]``.

The learning rate follows the spent fraction of the budget, so a run with a wall-clock budget always ends annealed,
however busy the machine was. A run that is killed goes on from its last checkpoint with ``--resume``; what the
configuration lists then (new cases, a larger budget) holds from there on.
"""

from __future__ import annotations

import argparse
import logging
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from surgtwin.progress import SILENT, Progress

from .augment import AugmentSettings, Painter
from .dataset import Intensity, TrainingCase, class_frequencies, load_cases, measure_intensity
from .losses import deeply_supervised_loss
from .sampling import BatchQueue, SamplingPlan, organ_weights
from .training_config import CT_SCHEME, TrainingConfig, read_config
from .training_run import (
    CHECKPOINT_NAME,
    TrainingRun,
    restore,
    save_checkpoint,
    start_from,
    start_run,
    update_average,
    write_log,
)
from .validation import score_cases

log = logging.getLogger(__name__)

WARM_UP = 0.03
FINAL_RATE_SHARE = 0.01
GRADIENT_LIMIT = 12.0
LOG_EVERY = 20


def learning_rate(spent: float, peak: float) -> float:
    """Return the rate at a spent fraction of the budget: linear warm-up, then half a cosine."""
    if spent < WARM_UP:
        return peak * max(spent / WARM_UP, 0.02)
    progress = (spent - WARM_UP) / (1.0 - WARM_UP)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return peak * (FINAL_RATE_SHARE + (1.0 - FINAL_RATE_SHARE) * cosine)


def train(
    config: TrainingConfig,
    data_roots: Sequence[Path],
    output: Path,
    resume: bool = False,
    weights_from: Path | None = None,
    painter: Painter | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Train until the budget is spent and return the path of the final checkpoint.

    Parameters
    ----------
    data_roots
        Folders of which one holds each of the configuration's case sources.
    output
        Where checkpoints and ``log.jsonl`` go; the prepared cases go to ``cache`` beside them.
    resume
        Go on from the last checkpoint, if there is one.
    weights_from
        A model folder of the same network and labels whose weights a fresh run starts with.
    painter
        Paints into every patch before its intensities are changed.

    Raises
    ------
    InputError, LabelError
        If the configuration or a case is unusable.
    ModelError
        If ``weights_from`` is another network or has other labels.
    Cancelled
        When asked to stop through ``progress``; a checkpoint is written first.
    """
    torch.set_num_threads(config.threads)
    output.mkdir(parents=True, exist_ok=True)
    cases = load_cases(config, data_roots, output / "cache")
    training = [case for case in cases if case.name not in config.validation]
    held_out = [case for case in cases if case.name in config.validation]
    intensity = measure_intensity(config, data_roots, output / "cache")
    run = start_run(config, output, training)
    if resume and (output / CHECKPOINT_NAME).exists():
        restore(run)
    elif weights_from is not None:
        start_from(run, weights_from)
    write_log(run, {"event": "start", "cases": [c.name for c in training], "held_out": [c.name for c in held_out]})
    batches = BatchQueue(training, sampling_plan(config, intensity, training, painter), run.iteration)
    try:
        with _stopping_politely(run):
            _loop(run, batches, held_out, progress)
    finally:
        batches.close()
        save_checkpoint(run)
    if not run.stop_requested:
        report_validation(run, held_out)
    write_log(run, {"event": "stopped" if run.stop_requested else "done"})
    return output / CHECKPOINT_NAME


def sampling_plan(
    config: TrainingConfig, intensity: Intensity, training: Sequence[TrainingCase], painter: Painter | None = None
) -> SamplingPlan:
    """Return how patches are drawn and augmented for this run's modality."""
    if config.normalisation == CT_SCHEME:
        bounds = tuple((v - intensity.mean) / intensity.std for v in (intensity.low, intensity.high))
        augment = AugmentSettings(
            thick_slice_mm=config.thick_slice_mm, scale_range=config.scale_range, value_bounds=(bounds[0], bounds[1])
        )
    else:
        augment = AugmentSettings(
            thick_slice_mm=config.thick_slice_mm, scale_range=config.scale_range, thick_slice_share=0.0,
            bias_field_share=0.35, phase_share=0.15, max_noise=0.3, max_rotation=(0.3, 0.1, 0.1),
        )  # fmt: skip
    frequencies = class_frequencies(list(training), config.class_count)
    return SamplingPlan(
        patch=config.patch,
        batch_size=config.batch_size,
        foreground_share=config.foreground_share,
        class_weights=organ_weights(frequencies),
        seed=config.seed,
        augment=replace(augment, painter=painter),
    )


def _loop(run: TrainingRun, batches: BatchQueue, held_out: Sequence[TrainingCase], progress: Progress) -> None:
    last = time.monotonic()
    last_saved = last_validated = run.seconds
    while run.spent < 1.0 and not run.stop_requested:
        progress.update(run.spent, "training")
        loss = step(run, *batches.next())
        run.iteration += 1
        run.recent_losses.append(loss)
        now = time.monotonic()
        run.seconds += now - last
        last = now
        if run.iteration % LOG_EVERY == 0:
            _log_progress(run)
        if run.seconds - last_saved > 60 * run.config.checkpoint_minutes:
            last_saved = run.seconds
            save_checkpoint(run)
        if run.seconds - last_validated > 60 * run.config.validation_minutes:
            report_validation(run, held_out)
            last_validated = run.seconds


def step(run: TrainingRun, images: Tensor, labels: Tensor) -> float:
    """Do one optimiser step and return the loss.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    rate = learning_rate(run.spent, run.config.peak_learning_rate)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    images = images.to(run.device).contiguous(memory_format=torch.channels_last_3d)
    labels = labels.to(run.device)
    run.network.train()
    with torch.autocast(run.device.type, dtype=torch.bfloat16):
        outputs = run.network.forward_every_scale(images)
    loss = deeply_supervised_loss(outputs, labels, run.class_weights)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"The loss became {value} at iteration {run.iteration}; lower the learning rate.")
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), GRADIENT_LIMIT)
    run.optimiser.step()
    update_average(run)
    return value


def report_validation(run: TrainingRun, held_out: Sequence[TrainingCase]) -> None:
    """Score the averaged weights on the held-out cases and log Dice per structure."""
    if not held_out:
        return
    started = time.monotonic()
    scores = score_cases(run.average, held_out, run.config)
    run.seconds += time.monotonic() - started
    write_log(run, {"event": "validation", "dice": scores, "seconds": time.monotonic() - started})


def _log_progress(run: TrainingRun) -> None:
    rate = run.optimiser.param_groups[0]["lr"]
    mean = float(np.mean(run.recent_losses))
    run.recent_losses.clear()
    write_log(run, {"loss": round(mean, 4), "rate": rate, "minutes": round(run.seconds / 60, 2)})


@contextmanager
def _stopping_politely(run: TrainingRun) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the run after the current step, with a checkpoint."""

    def request(_signal: int, _frame: object) -> None:
        run.stop_requested = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, request) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a training from the command line."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.train", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--output", type=Path, required=True, help="where checkpoints and the log go")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--from", dest="weights_from", type=Path, help="a model folder whose weights to start with")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(read_config(options.config), options.data, options.output, options.resume, options.weights_from)
    return 0


if __name__ == "__main__":
    sys.exit(main())
