"""Train a U-Net: ``python -m segmentation.train CONFIG.json --data DIR... --output DIR [--resume]``.

The learning rate follows the spent fraction of the budget, so a run with a wall-clock budget always ends annealed,
however busy the machine was. A run that is killed goes on from its last checkpoint with ``--resume``; what the
configuration lists then (new cases, a larger budget) holds from there on.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from surgtwin.progress import SILENT, Progress

from .augment import AugmentSettings
from .dataset import Intensity, TrainingCase, class_frequencies, load_cases, measure_intensity
from .losses import deeply_supervised_loss
from .network import PlainConvUNet, initialise_weights
from .sampling import BatchQueue, SamplingPlan, organ_weights
from .training_config import CT_SCHEME, TrainingConfig, read_config
from .validation import score_cases

log = logging.getLogger(__name__)

WARM_UP = 0.03
FINAL_RATE_SHARE = 0.01
GRADIENT_LIMIT = 12.0
LOG_EVERY = 20
CHECKPOINT_NAME = "checkpoint_latest.pth"
CLASS_WEIGHT_POWER = 0.15
CLASS_WEIGHT_BOUNDS = (0.5, 3.0)


@dataclass
class TrainingRun:
    """Everything that changes while training."""

    config: TrainingConfig
    output: Path
    device: torch.device
    network: PlainConvUNet
    average: PlainConvUNet
    optimiser: torch.optim.Optimizer
    class_weights: Tensor
    iteration: int = 0
    seconds: float = 0.0
    recent_losses: list[float] = field(default_factory=list)
    stop_requested: bool = False

    @property
    def spent(self) -> float:
        """The spent fraction of the budget."""
        return self.config.budget.spent(self.seconds, self.iteration)


def learning_rate(spent: float, peak: float) -> float:
    """Return the rate at a spent fraction of the budget: linear warm-up, then half a cosine."""
    if spent < WARM_UP:
        return peak * max(spent / WARM_UP, 0.02)
    progress = (spent - WARM_UP) / (1.0 - WARM_UP)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return peak * (FINAL_RATE_SHARE + (1.0 - FINAL_RATE_SHARE) * cosine)


def train(
    config: TrainingConfig, data_roots: Sequence[Path], output: Path, resume: bool = False, progress: Progress = SILENT
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

    Raises
    ------
    InputError, LabelError
        If the configuration or a case is unusable.
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
    write_log(run, {"event": "start", "cases": [c.name for c in training], "held_out": [c.name for c in held_out]})
    batches = BatchQueue(training, sampling_plan(config, intensity, training), run.iteration)
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


def start_run(config: TrainingConfig, output: Path, training: Sequence[TrainingCase]) -> TrainingRun:
    """Return a run at iteration 0."""
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    network = network.to(device=device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    average = PlainConvUNet(config.architecture)
    average.load_state_dict(network.state_dict())
    average = average.to(device=device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        parameter_groups(network, config.weight_decay), lr=config.peak_learning_rate, betas=(0.9, 0.99)
    )
    frequencies = class_frequencies(list(training), config.class_count)
    weights = torch.tensor(cross_entropy_weights(frequencies), dtype=torch.float32, device=device)
    return TrainingRun(config, output, device, network, average.eval(), optimiser, weights)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: decay for kernels, none for norms and biases."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def cross_entropy_weights(frequencies: np.typing.NDArray[np.float64]) -> list[float]:
    """Return mild class weights: rare organs count more, background less, a typical organ one."""
    organs = frequencies[1:][frequencies[1:] > 0]
    typical = float(np.median(organs))
    raw = [(typical / max(f, 1e-9)) ** CLASS_WEIGHT_POWER if f > 0 else 1.0 for f in frequencies]
    return [float(np.clip(w, *CLASS_WEIGHT_BOUNDS)) for w in raw]


def sampling_plan(config: TrainingConfig, intensity: Intensity, training: Sequence[TrainingCase]) -> SamplingPlan:
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
        augment=augment,
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


@torch.no_grad()
def update_average(run: TrainingRun) -> None:
    """Move the averaged weights towards the trained ones; early on faster, so that the start is forgotten."""
    decay = min(run.config.ema_decay, (1 + run.iteration) / (10 + run.iteration))
    average = [p.data for p in run.average.parameters()]
    current = [p.data for p in run.network.parameters()]
    torch._foreach_lerp_(average, current, 1.0 - decay)


def report_validation(run: TrainingRun, held_out: Sequence[TrainingCase]) -> None:
    """Score the averaged weights on the held-out cases and log Dice per structure."""
    if not held_out:
        return
    started = time.monotonic()
    scores = score_cases(run.average, held_out, run.config)
    run.seconds += time.monotonic() - started
    write_log(run, {"event": "validation", "dice": scores, "seconds": time.monotonic() - started})


def save_checkpoint(run: TrainingRun) -> None:
    """Write the run's state beside its old one, then swap."""
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "iteration": run.iteration,
        "seconds": run.seconds,
        "config": json.dumps(asdict(run.config)),
    }
    target = run.output / CHECKPOINT_NAME
    temporary = target.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(target)


def restore(run: TrainingRun) -> None:
    """Load the last checkpoint into a fresh run."""
    state = torch.load(run.output / CHECKPOINT_NAME, map_location=run.device, weights_only=True)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.iteration = int(state["iteration"])
    run.seconds = float(state["seconds"])


def write_log(run: TrainingRun, entry: dict[str, Any]) -> None:
    """Append one JSON line to ``log.jsonl``."""
    facts = {"time": time.strftime("%H:%M:%S"), "iteration": run.iteration, "spent": round(run.spent, 4)}
    with (run.output / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**facts, **entry}) + "\n")


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
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(read_config(options.config), options.data, options.output, options.resume)
    return 0


if __name__ == "__main__":
    sys.exit(main())
