"""The cases that a training configuration holds out: which they are, and their images beside the reference labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surgtwin.domain.volume import Modality, Volume
from surgtwin.errors import InputError, LabelError
from surgtwin.formats.registry import read_labels, read_volume

from .case_files import CaseFiles, find_cases
from .dataset import remapped
from .evaluate import Labels
from .training_config import CaseSource, TrainingConfig

LARGEST_VALUE = 255


@dataclass(frozen=True, eq=False)
class HeldOutCase:
    """An image and its reference labels ``[k, j, i]`` on the image's grid, in the values of the configuration."""

    name: str
    volume: Volume
    labels: Labels


def held_out_cases(config: TrainingConfig, data_roots: Sequence[Path]) -> Iterator[HeldOutCase]:
    """Return the cases that training never saw, read one after the other.

    Raises
    ------
    InputError
        Before the first is read, if one is missing or the configuration holds none out.
    """
    return (_read_case(source, files, config) for source, files in held_out_files(config, data_roots))


def held_out_files(config: TrainingConfig, data_roots: Sequence[Path]) -> list[tuple[CaseSource, CaseFiles]]:
    """Return where the held-out cases lie, in the configuration's order, each with the source it is from.

    Raises
    ------
    InputError
        If one is missing, or the configuration holds none out.
    """
    folders = {name.partition("/")[0] for name in config.validation}
    sources = [source for source in config.sources if Path(source.folder).name in folders]
    found = {files[0]: (source, files) for source in sources for files in find_cases(source, data_roots)}
    missing = [name for name in config.validation if name not in found]
    if missing or not config.validation:
        what = (
            f"The held-out cases {', '.join(missing)} are not in the data given" if missing else "No case is held out"
        )
        raise InputError(f"{what}; scores need cases that training never saw, listed as 'validation'.")
    return [found[name] for name in config.validation]


def _read_case(source: CaseSource, files: CaseFiles, config: TrainingConfig) -> HeldOutCase:
    name, image, labels = files
    volume = read_volume(image, modality=Modality(config.modality))
    given = read_labels(labels)
    if not given.grid.is_same_space(volume.grid):
        raise LabelError(f"{labels.name} lies on another grid than {image.name}. Export both on one grid.")
    values = given.layers[0]
    if values.max(initial=0) > LARGEST_VALUE:
        raise LabelError(f"{labels.name} holds the value {values.max()}; labels of cases are 1 to {LARGEST_VALUE}.")
    return HeldOutCase(name, volume, remapped(values.astype(np.uint8), source, config))


def spacing_of(case: HeldOutCase) -> tuple[float, float, float]:
    """Return a case's voxel spacing along [k, j, i] in mm."""
    i, j, k = case.volume.grid.spacing
    return (k, j, i)
