"""A training planned from a data set's fingerprint: grid, patch, network and batch, as large as the memory allows.

The rules are those of nnU-Net's planner (Isensee et al., Nature Methods 2021, supplementary notes 2 and 4).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace

import numpy as np

from surgtwin.errors import InputError
from surgtwin.progress import SILENT, Progress

from .fingerprint import DataSet, Fingerprint, case_names, measure_fingerprint
from .training_config import Budget, TrainingConfig

ANISOTROPY = 3.0
"""An axis is coarse if its spacing is this much larger than the others' and its rows this much fewer."""
SAME_RESOLUTION = 2.0
"""Axes within this factor of the finest are pooled, and convolved, together."""
SMALLEST_MAP = 4
START_VOXELS = 256**3
WIDTH = 32
NARROW_WIDTH = 16
NARROW_BELOW_GB = 4.0
WIDEST = 320
CONVS = 2
SMALLEST_BATCH = 2
LARGEST_BATCH_SHARE = 0.05
"""Of the data set's voxels that a batch may hold."""
VALUES_PER_GB = 560e6 * 2 / 8.0
"""Convolution outputs of a batch that fit in a GB: nnU-Net's reference is 560 million a sample, two samples, 8 GB."""
HELD_OUT_SHARE = 0.2
MOST_HELD_OUT = 10
SEED = 12345
THICK_SLICE_MM = 8.0


@dataclass(frozen=True)
class NetworkPlan:
    """A patch and the network for it; axes [k, j, i], one kernel and stride per stage."""

    patch: tuple[int, ...]
    kernel_sizes: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    features: tuple[int, ...]


def plan_training(
    data: DataSet, memory_gb: float = 8.0, minutes: float = 24 * 60.0, progress: Progress = SILENT
) -> TrainingConfig:
    """Return a training of a data set that fits in the memory of the device it will run on.

    Raises
    ------
    InputError, LabelError
        If a case is unusable, there are fewer than two, or the memory is too little for any network.
    """
    fingerprint = measure_fingerprint(data, progress)
    if fingerprint.cases < 2:
        raise InputError(f"{data.folder.name} has one case; one to train on and one to hold out are needed.")
    spacing = target_spacing(fingerprint)
    shape = tuple(size / s for size, s in zip(fingerprint.median_size_mm, spacing, strict=True))
    network = plan_network(spacing, shape, len(data.labels), memory_gb)
    numbered = {name: n for n, name in enumerate(data.labels)}
    own_values = {} if numbered == data.labels else {name: [value] for name, value in data.labels.items() if value}
    is_ct = data.modality == "CT"
    return TrainingConfig(
        name=data.folder.name,
        modality=data.modality,
        labels=numbered,
        sources=(replace(data.source, label_values=own_values),),
        validation=held_out(list(case_names(data))),
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        patch=(network.patch[0], network.patch[1], network.patch[2]),
        features=network.features,
        kernel_sizes=tuple((k[0], k[1], k[2]) for k in network.kernel_sizes),
        strides=tuple((s[0], s[1], s[2]) for s in network.strides),
        convs=CONVS,
        budget=Budget(minutes=minutes),
        batch_size=batch_size(network, len(data.labels), memory_gb, fingerprint.total_mm3 / math.prod(spacing)),
        value_range=(round(fingerprint.percentile_00_5, 3), round(fingerprint.percentile_99_5, 3)) if is_ct else None,
        thick_slice_mm=max(THICK_SLICE_MM, spacing[0]),
        fingerprint=fingerprint.as_dict(),
    )


def target_spacing(fingerprint: Fingerprint) -> tuple[float, ...]:
    """Return the training's grid: the median spacing, but finer along a coarse axis of anisotropic data.

    There the tenth percentile is taken, at least the next finer axis' spacing, so that thin slices are not wasted.
    """
    spacing = list(fingerprint.median_spacing)
    shape = [size / s for size, s in zip(fingerprint.median_size_mm, spacing, strict=True)]
    worst = int(np.argmax(spacing))
    others = [axis for axis in range(3) if axis != worst]
    is_coarse = spacing[worst] > ANISOTROPY * max(spacing[axis] for axis in others)
    has_few_rows = shape[worst] * ANISOTROPY < min(shape[axis] for axis in others)
    if is_coarse and has_few_rows:
        spacing[worst] = max(fingerprint.tenth_percentile_spacing[worst], *(spacing[axis] for axis in others))
    return tuple(round(s, 4) for s in spacing)


def plan_network(
    spacing_mm: tuple[float, ...], shape: tuple[float, ...], classes: int, memory_gb: float
) -> NetworkPlan:
    """Return the largest patch, in the proportions of the body, whose network trains in the memory.

    Raises
    ------
    InputError
        If there is too little for the smallest one.
    """
    finest = np.array([1.0 / s for s in spacing_mm])
    patch = finest * (START_VOXELS / finest.prod()) ** (1 / 3)
    size = tuple(max(SMALLEST_MAP, round(min(p, n))) for p, n in zip(patch, shape, strict=True))
    width = WIDTH if memory_gb >= NARROW_BELOW_GB else NARROW_WIDTH
    plan = _network_for(spacing_mm, size, width)
    while conv_values(plan, classes) * SMALLEST_BATCH > memory_gb * VALUES_PER_GB:
        steps = [math.prod(s[axis] for s in plan.strides) for axis in range(3)]
        room = [n - step >= 2 * SMALLEST_MAP for n, step in zip(plan.patch, steps, strict=True)]
        if not any(room):
            raise InputError(f"{memory_gb:g} GB of memory is too little for any network on these data.")
        # The axis that sees most of the body gives way.
        axis = max((a for a in range(3) if room[a]), key=lambda a: plan.patch[a] / shape[a])
        size = tuple(n - steps[a] if a == axis else n for a, n in enumerate(plan.patch))
        plan = _network_for(spacing_mm, size, width)
    return plan


def _network_for(spacing_mm: tuple[float, ...], size: tuple[int, ...], width: int) -> NetworkPlan:
    """Pool each axis while it is long enough and not much coarser than the finest; kernels follow the same rule.

    At the bottom kernels always see three voxels of each axis.
    """
    spacing, rows = list(spacing_mm), [float(n) for n in size]
    kernel = [1, 1, 1]
    strides: list[tuple[int, ...]] = [(1, 1, 1)]
    kernels: list[tuple[int, ...]] = []
    while True:
        kernel = [
            3 if k == 3 or s / min(spacing) < SAME_RESOLUTION else 1 for k, s in zip(kernel, spacing, strict=True)
        ]
        kernels.append(tuple(kernel))
        long = [axis for axis in range(3) if rows[axis] >= 2 * SMALLEST_MAP]
        finest = min((spacing[axis] for axis in long), default=0.0)
        pooled = [axis for axis in long if spacing[axis] / finest < SAME_RESOLUTION]
        if not pooled or (len(pooled) == 1 and rows[pooled[0]] < 3 * SMALLEST_MAP):
            break
        stride = tuple(2 if axis in pooled else 1 for axis in range(3))
        strides.append(stride)
        spacing = [s * p for s, p in zip(spacing, stride, strict=True)]
        rows = [math.ceil(n / p) for n, p in zip(rows, stride, strict=True)]
    if len(strides) == 1:
        raise InputError(f"A patch of {size} voxels is too small for a U-Net; use a finer grid or larger images.")
    kernels[-1] = (3, 3, 3)
    step = [math.prod(s[axis] for s in strides) for axis in range(3)]
    patch = tuple(math.ceil(n / d) * d for n, d in zip(size, step, strict=True))
    features = tuple(min(WIDEST, width * 2**stage) for stage in range(len(strides)))
    return NetworkPlan(patch, tuple(kernels), tuple(strides), features)


def conv_values(plan: NetworkPlan, classes: int) -> float:
    """Return how many numbers the convolutions of one sample put out: what memory and time grow with."""
    voxels, rows = [], np.array(plan.patch, dtype=np.float64)
    for stride in plan.strides:
        rows = rows / np.array(stride)
        voxels.append(float(rows.prod()))
    encoder = sum(v * f * CONVS for v, f in zip(voxels, plan.features, strict=True))
    decoder = sum(v * (f * (CONVS + 1) + classes) for v, f in zip(voxels[:-1], plan.features[:-1], strict=True))
    return encoder + decoder


def batch_size(plan: NetworkPlan, classes: int, memory_gb: float, data_voxels: float) -> int:
    """Return how many patches fit in the memory and are a small part of the data set; two at least."""
    fits = int(memory_gb * VALUES_PER_GB / conv_values(plan, classes))
    varied = int(LARGEST_BATCH_SHARE * data_voxels / math.prod(plan.patch))
    return max(SMALLEST_BATCH, min(fits, varied))


def held_out(names: list[str]) -> tuple[str, ...]:
    """Return the cases kept from training, always the same ones: a fifth, at least one, at most ten."""
    count = min(MOST_HELD_OUT, max(1, round(HELD_OUT_SHARE * len(names))))
    chosen = np.random.default_rng(SEED).choice(len(names), count, replace=False)
    return tuple(sorted(names[int(n)] for n in chosen))


def config_text(config: TrainingConfig) -> str:
    """Return a configuration as a JSON file that people read: one key a line, defaults included."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in asdict(config).items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"
