"""Which case, which organ, which patch comes next; prepared ahead on a background thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .augment import AugmentSettings, Sample, augment_intensity, cut_patch, draw_affine
from .dataset import TrainingCase
from .network import Triple

QUEUE_DEPTH = 4
CENTRE_JITTER = 0.25
"""Patch centres are moved by up to this share of the patch, so that organs appear off-centre too."""


@dataclass(frozen=True)
class SamplingPlan:
    """How patches are drawn."""

    patch: Triple
    batch_size: int
    foreground_share: float
    class_weights: npt.NDArray[np.float64]
    seed: int
    augment: AugmentSettings


def organ_weights(frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the chance of each class to be a patch's centre: small organs more often, background never."""
    weights = np.zeros_like(frequencies)
    present = frequencies > 0
    present[0] = False
    weights[present] = frequencies[present] ** -0.25
    scaled: npt.NDArray[np.float64] = weights / max(weights.sum(), 1e-12)
    return scaled


def draw_sample(cases: Sequence[TrainingCase], plan: SamplingPlan, rng: np.random.Generator) -> Sample:
    """Return one augmented patch."""
    weights = np.array([case.weight for case in cases])
    case = cases[int(rng.choice(len(cases), p=weights / weights.sum()))]
    centre = _draw_centre(case, plan, rng)
    sample = cut_patch(case, centre, plan.patch, draw_affine(rng, plan.augment))
    return augment_intensity(sample, case.spacing_mm, rng, plan.augment)


def _draw_centre(case: TrainingCase, plan: SamplingPlan, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    chances = np.array([plan.class_weights[c] for c in case.locations])
    if rng.random() < plan.foreground_share and chances.sum() > 0:
        value = int(rng.choice(list(case.locations), p=chances / chances.sum()))
    else:
        value = 0
    where = case.locations[value]
    centre = where[int(rng.integers(len(where)))].astype(np.float64)
    patch = np.asarray(plan.patch, dtype=np.float64)
    centre += rng.uniform(-CENTRE_JITTER, CENTRE_JITTER, 3) * patch
    # Like the tiles of inference, patches stay inside the image where it is large enough, give or take a little.
    shape = np.asarray(case.image.shape, dtype=np.float64)
    slack = 0.1 * patch
    low, high = patch / 2 - slack, shape - patch / 2 + slack
    return np.where(high > low, np.clip(centre, low, np.maximum(high, low)), shape / 2)


def draw_batch(
    cases: Sequence[TrainingCase], plan: SamplingPlan, iteration: int
) -> tuple[Tensor, Tensor]:
    """Return images ``[N, 1, k, j, i]`` float32 and labels ``[N, k, j, i]`` int64 of one iteration."""
    rng = np.random.default_rng((plan.seed, iteration))
    samples = [draw_sample(cases, plan, rng) for _ in range(plan.batch_size)]
    images = torch.stack([s.image for s in samples]).unsqueeze(1)
    return images, torch.stack([s.labels for s in samples]).long()


class BatchQueue:
    """Batches drawn ahead by threads, in the order of their iterations."""

    def __init__(self, cases: Sequence[TrainingCase], plan: SamplingPlan, first_iteration: int) -> None:
        self._cases = cases
        self._plan = plan
        self._iteration = first_iteration
        self._ready: queue.Queue[tuple[Tensor, Tensor] | Exception] = queue.Queue(QUEUE_DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="batches", daemon=True)
        self._thread.start()

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch; raises what drawing it raised."""
        item = self._ready.get()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        """Stop drawing."""
        self._stop.set()
        while not self._ready.empty():
            self._ready.get_nowait()
        self._thread.join(timeout=10)

    def _fill(self) -> None:
        torch.set_num_threads(1)
        while not self._stop.is_set():
            try:
                item: tuple[Tensor, Tensor] | Exception = draw_batch(self._cases, self._plan, self._iteration)
            except Exception as error:  # handed to the training thread, which raises it
                item = error
            self._iteration += 1
            while not self._stop.is_set():
                try:
                    self._ready.put(item, timeout=0.5)
                    break
                except queue.Full:
                    continue
