"""Which case, which organ, which patch comes next; prepared ahead on a background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .augment import AugmentSettings, Painter, Sample, augment_intensity
from .dataset import Intensity, TrainingCase, class_frequencies
from .mirroring import plan_mirroring
from .network import Triple
from .spatial import cut_patch, draw_affine, draw_bending
from .training_config import CT_SCHEME, TrainingConfig

QUEUE_DEPTH = 4
CENTRE_JITTER = 0.25
"""Patch centres are moved by up to this share of the patch, so that organs appear off-centre too."""


@dataclass(frozen=True)
class SamplingPlan:
    """How patches are drawn. Processes that train together differ in ``rank`` and so in their patches."""

    patch: Triple
    batch_size: int
    foreground_share: float
    class_weights: npt.NDArray[np.float64]
    seed: int
    augment: AugmentSettings
    rank: int = 0


def organ_weights(frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the chance of each class to be a patch's centre: small organs more often, background never."""
    weights = np.zeros_like(frequencies)
    present = frequencies > 0
    present[0] = False
    weights[present] = frequencies[present] ** -0.25
    scaled: npt.NDArray[np.float64] = weights / max(weights.sum(), 1e-12)
    return scaled


def sampling_plan(
    config: TrainingConfig,
    intensity: Intensity,
    training: Sequence[TrainingCase],
    painter: Painter | None = None,
    rank: int = 0,
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
        augment=replace(
            augment,
            painter=painter,
            # Shifting organs by their labels would undo the contrast of what was painted.
            phase_share=0.0 if painter is not None else augment.phase_share,
            elastic_mm=config.elastic_mm,
            mirroring=plan_mirroring(config.mirror_swap, config.labels),
        ),
        rank=rank,
    )


def draw_sample(cases: Sequence[TrainingCase], plan: SamplingPlan, rng: np.random.Generator) -> Sample:
    """Return one augmented patch."""
    weights = np.array([case.weight for case in cases])
    case = cases[int(rng.choice(len(cases), p=weights / weights.sum()))]
    centre = _draw_centre(case, plan, rng)
    bending = draw_bending(rng, plan.augment, plan.patch, case.spacing_mm)
    sample = cut_patch(case, centre, plan.patch, draw_affine(rng, plan.augment), bending)
    if plan.augment.mirroring is not None:
        sample = Sample(*plan.augment.mirroring.apply(sample.image, sample.labels, rng))
    if plan.augment.painter is not None:
        sample = plan.augment.painter(sample, case.spacing_mm, rng)
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


def draw_batch(cases: Sequence[TrainingCase], plan: SamplingPlan, iteration: int) -> tuple[Tensor, Tensor]:
    """Return images ``[N, 1, k, j, i]`` float32 and labels ``[N, k, j, i]`` int64 of one iteration."""
    rng = np.random.default_rng((plan.seed, iteration, plan.rank) if plan.rank else (plan.seed, iteration))
    samples = [draw_sample(cases, plan, rng) for _ in range(plan.batch_size)]
    images = torch.stack([s.image for s in samples]).unsqueeze(1)
    return images, torch.stack([s.labels for s in samples]).long()


class BatchQueue:
    """Batches drawn ahead on a background thread, in the order of their iterations."""

    def __init__(self, cases: Sequence[TrainingCase], plan: SamplingPlan, first_iteration: int) -> None:
        self._cases = cases
        self._plan = plan
        self._iteration = first_iteration
        # One torch thread: the batches' own threads would fight with those of the training step.
        self._worker = ThreadPoolExecutor(1, "batches", initializer=torch.set_num_threads, initargs=(1,))
        self._ahead: deque[Future[tuple[Tensor, Tensor]]] = deque()
        for _ in range(QUEUE_DEPTH):
            self._submit()

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch; raises what drawing it raised."""
        self._submit()
        return self._ahead.popleft().result()

    def close(self) -> None:
        """Stop drawing."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        self._ahead.append(self._worker.submit(draw_batch, self._cases, self._plan, self._iteration))
        self._iteration += 1
