"""Which model folders of a results folder belong together: nnU-Net's layout, and the sets that are published as parts.

Dataset291_TotalSegmentator_part1_organs_1559subj/
  nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres/
    dataset.json  plans.json  fold_0/checkpoint_final.pth
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from surgtwin.errors import ModelError

DATASET_FOLDER = re.compile(r"Dataset(\d{3})_\S+")
TOTALSEGMENTATOR = re.compile(r"Dataset\d{3}_(TotalSeg\w*|\w+_\d+subj)")
"""Names of TotalSegmentator's data sets: Dataset297_TotalSegmentator_total_3mm_1559subj, Dataset299_body_1559subj."""
CASCADE_STAGE = "3d_lowres"


@dataclass(frozen=True)
class Family:
    """Data sets whose models are parts of one segmentation, by their numbers, in the order of the labels."""

    title: str
    datasets: tuple[int, ...]


FAMILIES = (
    Family("TotalSegmentator CT", (291, 292, 293, 294, 295)),
    Family("TotalSegmentator CT, third version", (831, 832, 833, 834, 835)),
    Family("TotalSegmentator MR", (850, 851)),
    Family("TotalSegmentator head and neck muscles", (778, 779)),
)
"""As wasserth/TotalSegmentator lists them in map_tasks_config.py."""


def configuration_of(folder: PurePosixPath) -> str:
    """Return "3d_fullres" of "nnUNetTrainer__nnUNetPlans__3d_fullres"."""
    return folder.name.split("__")[-1]


def dataset_of(folder: PurePosixPath) -> int | None:
    """Return 291 of a model folder below "Dataset291_...", None if it lies below no such folder."""
    for part in reversed(folder.parts):
        found = DATASET_FOLDER.fullmatch(part)
        if found:
            return int(found.group(1))
    return None


def is_totalsegmentator(folder: PurePosixPath) -> bool:
    """Whether a model folder lies below one of TotalSegmentator's data sets or belongs to one of its families."""
    named = any(TOTALSEGMENTATOR.fullmatch(part) for part in folder.parts)
    return named or any(dataset_of(folder) in family.datasets for family in FAMILIES)


def choose_models(
    folders: Sequence[PurePosixPath], source: str, configuration: str | None = None, datasets: Collection[int] = ()
) -> list[PurePosixPath]:
    """Return the model folders to take together: one, or the parts of a collection in the order of their data sets.

    Parameters
    ----------
    datasets
        Numbers of the data sets to take; if none are given, a published family that is whole, else all of them.

    Raises
    ------
    ModelError
        If it is not clear which; the message names the choices.
    """
    groups: dict[int | None, list[PurePosixPath]] = {}
    outermost = [f for f in folders if f.parent == f or f.parent not in folders]
    for folder in outermost:
        groups.setdefault(dataset_of(folder), []).append(folder)
    numbers = sorted(n for n in groups if n is not None)
    if datasets:
        missing = [str(n) for n in datasets if n not in groups]
        if missing:
            known = ", ".join(map(str, numbers)) or "none"
            raise ModelError(f"{source} holds no data set {', '.join(missing)}; it holds: {known}.")
        numbers = sorted(datasets)
    elif len(numbers) > 1:
        numbers = _family(numbers, source)
    if len(numbers) <= 1 and not datasets:
        return [_one_model(outermost, source, configuration)]
    return [_one_model(groups[n], source, configuration) for n in numbers]


def first_stage(folder: PurePosixPath, folders: Collection[PurePosixPath]) -> PurePosixPath | None:
    """Return the folder of a cascade's first stage beside the second, None for any other model."""
    if "cascade" not in folder.name:
        return None
    beside = folder.with_name("__".join([*folder.name.split("__")[:-1], CASCADE_STAGE]))
    return beside if beside in folders else None


def _family(numbers: Sequence[int], source: str) -> list[int]:
    whole = [family for family in FAMILIES if set(family.datasets) <= set(numbers)]
    if len(whole) > 1:
        choices = "; ".join(f"{f.title}: --datasets {','.join(map(str, f.datasets))}" for f in whole)
        raise ModelError(f"{source} holds several collections. Choose one ({choices}).")
    return list(whole[0].datasets) if whole else list(numbers)


def _one_model(folders: list[PurePosixPath], source: str, configuration: str | None) -> PurePosixPath:
    found = folders
    if configuration is not None:
        found = [f for f in folders if configuration_of(f) == configuration]
    elif len(folders) > 1:
        cascades = [f for f in folders if first_stage(f, folders) is not None]
        others = [f for f in folders if f not in cascades and configuration_of(f) != CASCADE_STAGE]
        found = cascades if cascades and not others else folders
    if len(found) != 1:
        names = ", ".join(sorted({configuration_of(f) for f in folders}))
        raise ModelError(f"{source} holds several models. Choose one with --configuration: {names}.")
    return found[0]
