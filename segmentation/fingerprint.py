"""What a data set is like: its cases, their shapes and spacings, and the values of what is labelled in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.errors import InputError, LabelError
from surgtwin.progress import SILENT, Progress

from .case_files import CaseFiles, pairs, read_pair
from .preprocess import nonzero_box
from .training_config import CaseSource

DATASET_FILE = "dataset.json"
OWN_SUFFIXES = ("_image", "_labels")
OWN_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
VALUES_PER_CASE = 10000
SEED = 1234


@dataclass(frozen=True)
class DataSet:
    """A folder of cases in a known layout: nnU-Net's raw one, or images and labels side by side.

    ``labels`` are the files' own values, background first, then rising.
    """

    folder: Path
    source: CaseSource
    modality: str
    labels: dict[str, int]


@dataclass(frozen=True)
class Fingerprint:
    """Statistics over a data set's cases. Axes are [k, j, i] of LPS order, lengths mm.

    ``percentile_*``, ``mean`` and ``std`` are of the labelled voxels' values; ``tenth_percentile_spacing`` is each
    axis' own, for anisotropic data.
    """

    cases: int
    median_spacing: tuple[float, ...]
    tenth_percentile_spacing: tuple[float, ...]
    median_shape: tuple[float, ...]
    median_size_mm: tuple[float, ...]
    total_mm3: float
    percentile_00_5: float
    percentile_99_5: float
    mean: float
    std: float

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for a JSON file, rounded to six digits."""
        return {key: _rounded(value) for key, value in asdict(self).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def open_data_set(folder: Path, modality: str | None = None, names: Mapping[str, int] | None = None) -> DataSet:
    """Return how the cases of a folder lie.

    Parameters
    ----------
    folder
        With ``imagesTr``, ``labelsTr`` and ``dataset.json``, or with ``*_image.nii.gz`` beside ``*_labels.nii.gz``.
    modality
        "CT" or "MR"; nnU-Net's layout tells it.
    names
        Label value of each structure; nnU-Net's layout tells them.

    Raises
    ------
    InputError
        If the layout is neither, has what the training cannot do (several channels, regions, an ignored label), or
        modality and names are missing.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder.")
    if (folder / DATASET_FILE).is_file():
        return _raw_layout(folder, modality, names)
    for ending in OWN_ENDINGS:
        source = CaseSource(folder.name, OWN_SUFFIXES[0] + ending, OWN_SUFFIXES[1] + ending)
        if pairs(folder, source):
            if modality is None or not names:
                raise InputError(f"{folder.name} has no {DATASET_FILE}: say --modality CT or MR, and --names FILE.")
            return DataSet(folder, source, modality, _with_background(names))
    raise InputError(
        f"{folder} holds neither imagesTr, labelsTr and {DATASET_FILE} nor *_image with *_labels beside it "
        f"({', '.join(OWN_ENDINGS)})."
    )


def _raw_layout(folder: Path, modality: str | None, names: Mapping[str, int] | None) -> DataSet:
    try:
        told = json.loads((folder / DATASET_FILE).read_text(encoding="utf-8"))
        channels = list((told.get("channel_names") or told["modality"]).values())
        labels = _with_background(names or told["labels"])
        ending = str(told.get("file_ending", ".nii.gz"))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{folder.name}/{DATASET_FILE} is not nnU-Net's: {type(error).__name__} {error}.") from error
    if len(channels) != 1:
        raise InputError(f"{folder.name} has {len(channels)} channels; training takes images of one.")
    source = CaseSource(folder.name, f"_0000{ending}", ending, images="imagesTr", labels="labelsTr")
    return DataSet(folder, source, modality or ("CT" if channels[0] == "CT" else "MR"), labels)


def _with_background(names: Mapping[str, Any]) -> dict[str, int]:
    """Return name -> value, from nnU-Net's old way round too, with the background first."""
    turned = all(isinstance(value, str) for value in names.values())
    labels = {v: k for k, v in names.items()} if turned else dict(names)
    try:
        numbered = {str(name): int(value) for name, value in labels.items()}
    except TypeError as error:
        raise InputError("A label stands for a region of several values; training takes plain labels.") from error
    if "ignore" in numbered:
        raise InputError("The data set has an 'ignore' label; training takes fully labelled cases.")
    others = {name: value for name, value in numbered.items() if value != 0}
    return {"background": 0, **dict(sorted(others.items(), key=lambda item: item[1]))}


def measure_fingerprint(data: DataSet, progress: Progress = SILENT) -> Fingerprint:
    """Return the statistics over all cases of a data set; reads each once.

    Raises
    ------
    InputError, LabelError
        If there is no case, a case is unusable, or not one voxel is labelled.
    """
    cases = pairs(data.folder, data.source)
    if not cases:
        place = data.folder / data.source.images
        raise InputError(f"{place} holds no *{data.source.image_suffix} whose labels are in {data.source.labels}.")
    rng = np.random.default_rng(SEED)
    spacings, shapes, values = [], [], []
    for n, case in enumerate(cases):
        progress.update(n / len(cases), f"looking at case {n + 1} of {len(cases)}")
        spacing, shape, sample = _measure_case(case, data, rng)
        spacings.append(spacing)
        shapes.append(shape)
        values.append(sample)
    return _summarised(np.array(spacings), np.array(shapes, float), np.concatenate(values))


def _measure_case(
    case: CaseFiles, data: DataSet, rng: np.random.Generator
) -> tuple[tuple[float, float, float], tuple[int, ...], npt.NDArray[np.float32]]:
    name, image, labels = case
    values, truth, spacing = read_pair(image, labels)
    unknown = sorted(set(np.unique(truth).tolist()) - set(data.labels.values()))
    if unknown:
        raise LabelError(f"{name} has labels without a name: {unknown}. Name them in {DATASET_FILE} or --names.")
    seen = values[truth > 0]
    sample = rng.choice(seen, VALUES_PER_CASE) if seen.size else seen
    return spacing, values[nonzero_box([values])].shape, sample


def _summarised(
    spacings: npt.NDArray[np.float64], shapes: npt.NDArray[np.float64], values: npt.NDArray[np.float32]
) -> Fingerprint:
    if not values.size:
        raise LabelError("No case of the data set has a labelled voxel.")
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
    return Fingerprint(
        cases=len(spacings),
        median_spacing=tuple(np.median(spacings, 0).tolist()),
        tenth_percentile_spacing=tuple(np.percentile(spacings, 10, 0).tolist()),
        median_shape=tuple(np.median(shapes, 0).tolist()),
        median_size_mm=tuple(np.median(shapes * spacings, 0).tolist()),
        total_mm3=float((shapes * spacings).prod(1).sum()),
        percentile_00_5=low,
        percentile_99_5=high,
        mean=float(values.mean()),
        std=float(values.std()),
    )


def case_names(data: DataSet) -> Sequence[str]:
    """Return the names of a data set's cases as a configuration knows them."""
    return [name for name, _, _ in pairs(data.folder, data.source)]
