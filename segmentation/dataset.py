"""Training cases: read once, brought to the plan's grid, cached on disk, sampled by organ."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surgtwin.errors import InputError, LabelError

from .plans import ChannelNormalisation
from .preprocess import nonzero_box, normaliser, target_shape
from .resample import CUBIC, resample, resample_labels
from .training_config import CaseSource, TrainingConfig

log = logging.getLogger(__name__)

COORDINATES_PER_CLASS = 3000
CACHE_VERSION = 2

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


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


def read_oriented(path: Path) -> tuple[Array, tuple[float, float, float]]:
    """Return an image file as ``[k, j, i]`` in LPS order and its spacing [k, j, i] in mm."""
    import SimpleITK

    image = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(path)), "LPS")
    x, y, z = image.GetSpacing()
    return SimpleITK.GetArrayFromImage(image).astype(np.float32), (z, y, x)


def find_cases(source: CaseSource, data_roots: Sequence[Path]) -> list[tuple[str, Path, Path]]:
    """Return (name, image, labels) of every case of a source, sorted by name; names carry the folder.

    Raises
    ------
    InputError
        If no root holds the source, or there is no case in it.
    """
    folder = next((root / source.folder for root in data_roots if (root / source.folder).is_dir()), None)
    if folder is None:
        raise InputError(f"No data folder holds {source.folder!r}, which the configuration lists as a source.")
    found = []
    for image in sorted(folder.glob(f"*{source.image_suffix}")):
        case = image.name[: -len(source.image_suffix)]
        labels = folder / f"{case}{source.label_suffix}"
        if labels.exists():
            found.append((f"{Path(source.folder).name}/{case}", image, labels))
    if not found:
        raise InputError(f"{source.folder!r} holds no *{source.image_suffix} with *{source.label_suffix} beside it.")
    return found


def measure_intensity(config: TrainingConfig, data_roots: Sequence[Path], cache: Path) -> Intensity:
    """Return the foreground statistics of the first source's training cases; measured once, then cached.

    A run that goes on with added cases must keep its normalisation, so later sources never change it.
    """
    stored = cache / "intensity.json"
    if stored.exists():
        return Intensity(**json.loads(stored.read_text(encoding="utf-8")))
    rng = np.random.default_rng(config.seed)
    samples = []
    for name, image_path, label_path in find_cases(config.sources[0], data_roots):
        if name in config.validation:
            continue
        values = read_oriented(image_path)[0][read_oriented(label_path)[0] > 0]
        samples.append(rng.choice(values, 20000))
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


def load_cases(config: TrainingConfig, data_roots: Sequence[Path], cache: Path) -> list[TrainingCase]:
    """Return every case of every source on the training grid, preparing what the cache lacks."""
    cache.mkdir(parents=True, exist_ok=True)
    intensity = measure_intensity(config, data_roots, cache)
    cases = []
    for source in config.sources:
        found = find_cases(source, data_roots)
        trained = [name for name, _, _ in found if name not in config.validation]
        share = source.weight / max(1, len(trained))
        for name, image, labels in found:
            folder = cache / cache_key(config, source, name, image)
            if not (folder / "meta.json").exists():
                log.info("preparing %s", name)
                _prepare(config, source, intensity, image, labels, folder)
            cases.append(_open_cached(name, folder, config, share))
    return cases


def cache_key(config: TrainingConfig, source: CaseSource, name: str, image: Path) -> str:
    """Return the folder name of a prepared case; it changes with anything that changes the result."""
    stat = image.stat()
    facts = [CACHE_VERSION, name, stat.st_size, stat.st_mtime_ns, config.spacing_mm, config.labels]
    facts += [config.normalisation, config.value_range, source.label_values]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]
    return f"{name.replace('/', '_')}-{digest}"


def _prepare(
    config: TrainingConfig, source: CaseSource, intensity: Intensity, image: Path, labels: Path, folder: Path
) -> None:
    values, spacing = read_oriented(image)
    truth = read_oriented(labels)[0].astype(np.uint8)
    if truth.shape != values.shape:
        raise LabelError(f"{labels.name} has shape {truth.shape}, its image {values.shape}.")
    truth = remapped(truth, source, config)
    box = nonzero_box([values])
    values, truth = values[box], truth[box]
    shape = target_shape(values.shape, spacing, config.spacing_mm)
    small = resample(normalised(values, config, intensity), shape, CUBIC).numpy().astype(np.float16)
    small_labels = resample_labels(truth, shape, config.class_count)
    locations = _draw_locations(small, small_labels, config)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "image.npy", small)
    np.save(folder / "labels.npy", small_labels)
    stored: dict[str, Any] = {str(c): voxels for c, voxels in locations.items()}
    np.savez(folder / "locations.npz", **stored)
    write_text_atomically(folder / "meta.json", json.dumps({"spacing": spacing, "shape": shape}))


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
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
