"""Train a U-Net: ``python -m segmentation.train CONFIG.json --data DIR... --output DIR [--resume]``.

The learning rate follows the spent fraction of the budget, so a run with a wall-clock budget always ends annealed,
however busy the machine was. A run that is killed goes on from its last checkpoint with ``--resume``; what the
configuration lists then (new cases, a larger budget) holds from there on. Several GPUs, or several processes on a CPU,
train together under torch's launcher: ``torchrun --nproc-per-node N -m segmentation.train CONFIG.json ...``.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from surgtwin.errors import Cancelled, InputError, SurgTwinError
from surgtwin.progress import SILENT, Progress

from .augment import Painter
from .dataset import TrainingCase, load_cases, measure_intensity
from .distributed import World, joined_world
from .sampling import BatchQueue, sampling_plan
from .training_config import TrainingConfig, read_config
from .training_log import NO_BOARD, Listener, TrainingLog
from .training_run import (
    CHECKPOINT_NAME,
    TrainingRun,
    restore,
    save_checkpoint,
    start_from,
    start_run,
    write_log,
)
from .training_step import step
from .validation import mean_dice, validate_cases, write_validation

log = logging.getLogger(__name__)

LOG_EVERY = 20
PREPARING_SHARE = 0.02
"""The part of the progress that preparing the cases is given."""


@dataclass(frozen=True)
class TrainingJob:
    """What is trained on what, and where it goes.

    Parameters
    ----------
    data_roots
        Folders of which one holds each of the configuration's case sources.
    output
        Where checkpoints, ``log.jsonl`` and ``validation`` go; the prepared cases go to ``cache`` beside them.
    resume
        Go on from the last checkpoint, if there is one.
    weights_from
        A model folder of the same network and labels whose weights a fresh run starts with.
    painter
        Paints into every patch before its intensities are changed.
    """

    config: TrainingConfig
    data_roots: tuple[Path, ...]
    output: Path
    resume: bool = False
    weights_from: Path | None = None
    painter: Painter | None = None


def train(
    config: TrainingConfig,
    data_roots: Sequence[Path],
    output: Path,
    resume: bool = False,
    weights_from: Path | None = None,
    painter: Painter | None = None,
    progress: Progress = SILENT,
    listener: Listener | None = None,
) -> Path:
    """Train until the budget is spent and return the path of the final checkpoint. Parameters as in ``TrainingJob``.

    Under torch's launcher every process calls this; the first writes, logs, validates and hears ``progress``.

    Raises
    ------
    InputError, LabelError
        If the configuration or a case is unusable, the folder holds a training that is not to be resumed, or the
        loss is no longer finite.
    ModelError
        If ``weights_from`` or the checkpoint is damaged, is another network or has other labels.
    DiskError
        If the output cannot be written.
    Cancelled
        When asked to stop through ``progress`` or a signal; a checkpoint is written first.
    """
    job = TrainingJob(config, tuple(data_roots), output, resume, weights_from, painter)
    torch.set_num_threads(config.threads)
    with joined_world() as world:
        cases = _load_for_all(job, world, progress.part(0.0, PREPARING_SHARE))
        run_log = TrainingLog(output, listener) if world.is_first else None
        try:
            run = _run_for(job, cases, world, run_log)
            _train_and_save(run, job, cases, progress.part(PREPARING_SHARE, 1.0))
        finally:
            if run_log is not None:
                run_log.close()
    return output / CHECKPOINT_NAME


def _load_for_all(job: TrainingJob, world: World, progress: Progress) -> list[TrainingCase]:
    """Prepare the cases in the first process while the others wait, then open them in each."""
    cache = job.output / "cache"

    def prepare() -> list[TrainingCase]:
        if (job.output / CHECKPOINT_NAME).exists() and not job.resume:
            raise InputError(f"{job.output} holds a training. Resume it (--resume), or name another folder.")
        job.output.mkdir(parents=True, exist_ok=True)
        for left_by_a_kill in job.output.glob(".*.partial"):
            left_by_a_kill.unlink(missing_ok=True)
        return load_cases(job.config, job.data_roots, cache, progress)

    cases = world.first_only(prepare)
    return load_cases(job.config, job.data_roots, cache) if cases is None else cases


def _run_for(job: TrainingJob, cases: Sequence[TrainingCase], world: World, run_log: TrainingLog | None) -> TrainingRun:
    training = [case for case in cases if case.name not in job.config.validation]
    run = start_run(job.config, job.output, training, world, run_log)
    if job.resume and (job.output / CHECKPOINT_NAME).exists():
        restore(run)
    elif job.weights_from is not None:
        start_from(run, job.weights_from)
    held_out = [case.name for case in cases if case.name in job.config.validation]
    facts = {"device": str(world.device), "processes": world.size, "precision": str(run.compute_dtype)[6:]}
    if run_log is not None and not run_log.has_board:
        log.info(NO_BOARD)
        facts["tensorboard"] = NO_BOARD
    write_log(run, {"event": "start", "cases": [c.name for c in training], "held_out": held_out, **facts})
    return run


def _train_and_save(run: TrainingRun, job: TrainingJob, cases: Sequence[TrainingCase], progress: Progress) -> None:
    training = [case for case in cases if case.name not in job.config.validation]
    held_out = [case for case in cases if case.name in job.config.validation]
    intensity = measure_intensity(job.config, job.data_roots, job.output / "cache")
    plan = sampling_plan(job.config, intensity, training, job.painter, run.world.rank)
    batches = BatchQueue(training, plan, run.iteration)
    try:
        with _stopping_politely(run):
            _loop(run, batches, held_out, progress)
            save_checkpoint(run)
            if not run.stop_requested:
                report_validation(run, held_out)
    finally:
        batches.close()
    write_log(run, {"event": "stopped" if run.stop_requested else "done"})
    if run.stop_requested:
        raise Cancelled(f"Stopped after {run.iteration} steps, {run.spent:.0%} of the budget; --resume goes on.")


def _loop(run: TrainingRun, batches: BatchQueue, held_out: Sequence[TrainingCase], progress: Progress) -> None:
    last = time.monotonic()
    last_saved = last_validated = run.seconds
    while True:
        _agree(run, progress)
        if run.spent >= 1.0 or run.stop_requested:
            return
        if run.seconds - last_saved > 60 * run.config.checkpoint_minutes:
            last_saved = run.seconds
            save_checkpoint(run)
        if run.seconds - last_validated > 60 * run.config.validation_minutes:
            last_validated = run.seconds
            report_validation(run, held_out)
        run.recent_losses.append(step(run, *batches.next()))
        run.iteration += 1
        now = time.monotonic()
        run.seconds += now - last
        last = now
        if run.iteration % LOG_EVERY == 0:
            _log_progress(run)


def _agree(run: TrainingRun, progress: Progress) -> None:
    """Let all processes know that one was asked to stop, and count the same time."""
    try:
        progress.update(run.spent, "training")
    except Cancelled:
        run.stop_requested = True
    stop, run.seconds = run.world.largest(float(run.stop_requested), run.seconds)
    run.stop_requested = stop > 0


def report_validation(run: TrainingRun, held_out: Sequence[TrainingCase]) -> None:
    """Score the averaged weights on the held-out cases: figures into the log, pictures into ``validation``.

    The first process does it while the others wait. A request to stop ends it without a result.
    """
    if held_out:
        run.world.first_only(lambda: _validate(run, held_out))


def _validate(run: TrainingRun, held_out: Sequence[TrainingCase]) -> None:
    started = time.monotonic()
    progress = Progress(is_cancelled=lambda: run.stop_requested)
    try:
        results = validate_cases(run.average, held_out, run.config, run.compute_dtype, progress)
    except Cancelled:
        return
    write_validation(results, run.iteration, run.output)
    dice = {result.case: result.dice for result in results}
    seconds = round(time.monotonic() - started, 1)
    write_log(run, {"event": "validation", "dice": dice, "mean_dice": mean_dice(results), "seconds": seconds})
    if run.log is not None:
        for result in results:
            run.log.show(run.iteration, f"worst slices/{result.case}", result.picture)


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
    """Run a training from the command line; returns the exit code of the error's kind."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.train", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--output", type=Path, required=True, help="where checkpoints and the log go")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--from", dest="weights_from", type=Path, help="a model folder whose weights to start with")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        train(read_config(options.config), options.data, options.output, options.resume, options.weights_from)
    except SurgTwinError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
