"""Training cases: read once, brought to the plan's grid, cached on disk, sampled by organ."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surgtwin.atomic_file import write_atomically, write_bytes_atomically
from surgtwin.errors import InputError, LabelError
from surgtwin.progress import SILENT, Progress

from .case_files import Array, CaseFiles, Labels, find_cases, read_pair
from .plans import ChannelNormalisation
from .preprocess import nonzero_box, normaliser, target_shape
from .resample import CUBIC, resample, resample_labels
from .training_config import CaseSource, TrainingConfig

log = logging.getLogger(__name__)

COORDINATES_PER_CLASS = 3000
FOREGROUND_SAMPLES = 20000
CACHE_VERSION = 2


@dataclass(frozen=True)
class TrainingCase:
    """One case on the training grid, array order [k, j, i] with i to Left, j to Posterior, k to Superior.

    ``image`` is normalised as at inference; both arrays are memory-mapped.
    """

    name: str
    image: npt.NDArray[np.float16]
    labels: Labels
    locations: dict[int, npt.NDArray[np.int16]]
    """For each class, ``[n, 3]`` voxels [k, j, i] drawn from it; class 0 holds voxels inside the body."""
    spacing_mm: tuple[float, float, float]
    weight: float


@dataclass(frozen=True)
class Intensity:
    """Statistics of the foreground over all training cases, as nnU-Net's fingerprint keeps them."""

    mean: float
    std: float
    low: float
    high: float
    median: float


def measure_intensity(config: TrainingConfig, data_roots: Sequence[Path], cache: Path) -> Intensity:
    """Return the foreground statistics of the first source's training cases; measured once, then cached.

    A run that goes on with added cases must keep its normalisation, so later sources never change it.

    Raises
    ------
    LabelError
        If not one training case has labels.
    """
    stored = cache / "intensity.json"
    if stored.exists():
        return Intensity(**json.loads(stored.read_text(encoding="utf-8")))
    rng = np.random.default_rng(config.seed)
    samples = []
    for name, image_path, label_path in find_cases(config.sources[0], data_roots):
        if name in config.validation:
            continue
        image, truth, _ = read_pair(image_path, label_path)
        values = image[truth > 0]
        if values.size:
            samples.append(rng.choice(values, FOREGROUND_SAMPLES))
    if not samples:
        raise LabelError(f"No training case of {config.sources[0].folder!r} has a labelled voxel to learn from.")
    values = np.concatenate(samples)
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
    if config.value_range is not None:
        low, high = config.value_range
    result = Intensity(float(values.mean()), float(values.std()), low, high, float(np.median(values)))
    write_text_atomically(stored, json.dumps(vars(result), indent=2))
    return result


def normalised(image: Array, config: TrainingConfig, intensity: Intensity) -> Tensor:
    """Return the image as the network sees it at inference: clipped and scaled CT, or z-scored MR."""
    rule = ChannelNormalisation(
        config.normalisation, False, intensity.mean, intensity.std, intensity.low, intensity.high
    )
    return normaliser(image, rule, None).apply(image, (slice(None),) * 3, torch.device("cpu"))


def load_cases(
    config: TrainingConfig, data_roots: Sequence[Path], cache: Path, progress: Progress = SILENT
) -> list[TrainingCase]:
    """Return every case of every source on the training grid, preparing what the cache lacks.

    Raises
    ------
    InputError, LabelError
        If a source is not there, a case is unusable, or a held-out case does not exist.
    DiskError
        If the cache cannot be written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    found = [(source, find_cases(source, data_roots)) for source in config.sources]
    _check_held_out(config, [name for _, listed in found for name, _, _ in listed])
    intensity = measure_intensity(config, data_roots, cache)
    total = sum(len(listed) for _, listed in found)
    cases: list[TrainingCase] = []
    for source, listed in found:
        share = source.weight / max(1, sum(name not in config.validation for name, _, _ in listed))
        for case in listed:
            progress.update(len(cases) / total, f"preparing case {len(cases) + 1} of {total}")
            folder = cache / cache_key(config, source, case[0], case[1])
            if not (folder / "meta.json").exists():
                log.info("preparing %s", case[0])
                _prepare(config, source, intensity, case, folder)
            cases.append(_open_cached(case[0], folder, config, share))
    return cases


def _check_held_out(config: TrainingConfig, names: Sequence[str]) -> None:
    missing = [name for name in config.validation if name not in names]
    if missing:
        raise InputError(f"Held-out cases that no source has: {', '.join(missing)}. There are: {', '.join(names)}.")
    if len(set(names)) == len(set(config.validation)):
        raise InputError("Every case is held out for validation; none is left to train on.")


def cache_key(config: TrainingConfig, source: CaseSource, name: str, image: Path) -> str:
    """Return the folder name of a prepared case; it changes with anything that changes the result."""
    stat = image.stat()
    facts = [CACHE_VERSION, name, stat.st_size, stat.st_mtime_ns, config.spacing_mm, config.labels]
    facts += [config.normalisation, config.value_range, source.label_values]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]
    return f"{name.replace('/', '_')}-{digest}"


def _prepare(config: TrainingConfig, source: CaseSource, intensity: Intensity, case: CaseFiles, folder: Path) -> None:
    name, image, labels = case
    values, given, spacing = read_pair(image, labels)
    truth = remapped(given, source, config)
    if int(truth.max()) >= config.class_count:
        raise LabelError(f"{name} has label {int(truth.max())}; the configuration's end at {config.class_count - 1}.")
    box = nonzero_box([values])
    values, truth = values[box], truth[box]
    shape = target_shape(values.shape, spacing, config.spacing_mm)
    small = resample(normalised(values, config, intensity), shape, CUBIC).numpy().astype(np.float16)
    small_labels = resample_labels(truth, shape, config.class_count)
    stored: dict[str, Any] = {str(c): voxels for c, voxels in _draw_locations(small, small_labels, config).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in (("image.npy", small), ("labels.npy", small_labels)):
        write_atomically(folder / file, partial(_save_array, array=array))
    buffer = io.BytesIO()
    np.savez(buffer, **stored)
    write_bytes_atomically(folder / "locations.npz", buffer.getvalue())
    write_text_atomically(folder / "meta.json", json.dumps({"spacing": spacing, "shape": shape}))


def _save_array(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array)


def remapped(truth: Labels, source: CaseSource, config: TrainingConfig) -> Labels:
    """Return labels in the model's values where the source numbers them otherwise; others become background."""
    if not source.label_values:
        return truth
    table = np.zeros(256, dtype=np.uint8)
    for structure, values in source.label_values.items():
        table[values] = config.labels[structure]
    return table[truth]


def _draw_locations(
    image: npt.NDArray[np.float16], labels: Labels, config: TrainingConfig
) -> dict[int, npt.NDArray[np.int16]]:
    rng = np.random.default_rng(config.seed)
    inside = image > (np.float16(image.min()) + np.float16(0.3))
    found = {0: _subset(np.argwhere(inside & (labels == 0)), rng)}
    for value in range(1, config.class_count):
        where = np.argwhere(labels == value)
        if len(where):
            found[value] = _subset(where, rng)
    return found


def _subset(where: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int16]:
    if len(where) > COORDINATES_PER_CLASS:
        where = where[rng.choice(len(where), COORDINATES_PER_CLASS, replace=False)]
    return where.astype(np.int16)


def _open_cached(name: str, folder: Path, config: TrainingConfig, weight: float) -> TrainingCase:
    with np.load(folder / "locations.npz") as stored:
        locations = {int(key): stored[key] for key in stored.files}
    return TrainingCase(
        name=name,
        image=np.load(folder / "image.npy", mmap_mode="r"),
        labels=np.load(folder / "labels.npy", mmap_mode="r"),
        locations=locations,
        spacing_mm=config.spacing_mm,
        weight=weight,
    )


def class_frequencies(cases: list[TrainingCase], class_count: int) -> npt.NDArray[np.float64]:
    """Return each class's share of all voxels over the cases."""
    counts = np.zeros(class_count)
    for case in cases:
        counts += np.bincount(np.asarray(case.labels).ravel(), minlength=class_count)[:class_count]
    frequencies: npt.NDArray[np.float64] = counts / max(1.0, counts.sum())
    return frequencies


def write_text_atomically(path: Path, text: str) -> None:
    """Write a small text file so that a kill leaves the old one or the new one."""
    write_bytes_atomically(path, text.encode("utf-8"))
