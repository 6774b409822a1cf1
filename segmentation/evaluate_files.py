"""Label map files compared with reference files, one pair or folders of pairs with the same names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import match
from surgtwin.errors import InputError, LabelError
from surgtwin.formats.labels_on_grid import labels_on_grid
from surgtwin.pipeline.label_input import read_any_labels
from surgtwin.progress import SILENT, Progress

from .evaluate import SURFACE_TOLERANCE_MM, Mask, StructureScore, score_masks
from .lesions import LesionScore, score_lesions

ENDINGS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
UNUSED_NAMES = "names-unused"
PICTURE_MARGIN = 4
ONLY_FOUND, ONLY_REFERENCE, BOTH = 1, 2, 3


@dataclass(frozen=True)
class EvaluationSettings:
    """What is measured.

    Parameters
    ----------
    names
        JSON file that names label values, for files that do not.
    structures
        Only these, by name; None for all.
    lesions
        Structures whose separate pieces are counted, too.
    pictures
        Whether the slice with most disagreement is kept for each structure.
    """

    names: Path | None = None
    structures: tuple[str, ...] | None = None
    tolerance_mm: float = SURFACE_TOLERANCE_MM
    lesions: tuple[str, ...] = ()
    pictures: bool = False


@dataclass(frozen=True)
class CaseResult:
    """One case: figures by structure, and what was noticed when its files were read.

    ``pictures`` are slices ``[rows, columns]`` of ONLY_FOUND, ONLY_REFERENCE, BOTH and 0, with their pixel sizes in mm.
    """

    case: str
    scores: dict[str, StructureScore]
    lesions: dict[str, LesionScore] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    pictures: dict[str, tuple[npt.NDArray[np.uint8], tuple[float, float]]] = field(default_factory=dict)

    @property
    def mean_dice(self) -> float | None:
        """Mean over the structures that are in either map."""
        known = [s.dice for s in self.scores.values() if s.dice is not None]
        return float(np.mean(known)) if known else None


@dataclass(frozen=True)
class Evaluation:
    """All cases, worst first; ``failed`` says why a case could not be compared; ``unmatched`` have no reference."""

    cases: tuple[CaseResult, ...]
    failed: dict[str, str]
    unmatched: tuple[str, ...]
    tolerance_mm: float


def evaluate_paths(
    found: Path, reference: Path, settings: EvaluationSettings, progress: Progress = SILENT
) -> Evaluation:
    """Compare two label maps, or every label map of a folder with that of the same name in another.

    Raises
    ------
    InputError
        If one is a file and the other a folder, no case matches, or a single pair cannot be compared.
    """
    if found.is_dir() != reference.is_dir():
        raise InputError("Give two label maps, or two folders of label maps with the same names.")
    if not found.is_dir():
        result = evaluate_pair(found, reference, settings)
        progress.update(1.0)
        return Evaluation((result,), {}, (), settings.tolerance_mm)
    ours, theirs = label_files(found), label_files(reference)
    if not set(ours) & set(theirs):
        raise InputError(f"No label map in {found} has the name of one in {reference}.")
    results, failed = [], {case: "there is no prediction" for case in theirs if case not in ours}
    matched = [case for case in theirs if case in ours]
    for n, case in enumerate(matched):
        progress.update(n / len(matched), case)
        try:
            results.append(evaluate_pair(ours[case], theirs[case], settings, case))
        except InputError as error:
            failed[case] = str(error)
    progress.update(1.0)
    unmatched = tuple(case for case in ours if case not in theirs)
    return Evaluation(worst_first(results), failed, unmatched, settings.tolerance_mm)


def label_files(folder: Path) -> dict[str, Path]:
    """Return the label files of a folder by case name. Raises InputError if two files have one name."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        ending = next((e for e in ENDINGS if file.name.lower().endswith(e)), None)
        if ending is None or file.name.startswith(".") or not file.is_file():
            continue
        case = file.name[: -len(ending)]
        if case in found:
            raise InputError(f"{folder} holds two label maps of the case {case}: {found[case].name} and {file.name}.")
        found[case] = file
    return found


def evaluate_pair(found: Path, reference: Path, settings: EvaluationSettings, case: str | None = None) -> CaseResult:
    """Compare a label map with its reference, on the reference's grid.

    Raises
    ------
    FormatError, LabelError
        If a file cannot be read, they do not overlap in space, or a structure asked for is in neither.
    """
    theirs = read_any_labels(reference, None, settings.names)
    ours = read_any_labels(found, None, settings.names)
    truth = theirs.labels
    fitted, moved = labels_on_grid(ours.labels, truth.grid)
    i, j, k = truth.grid.spacing
    scores, lesions, pictures = {}, {}, {}
    for name, (a, b) in paired(fitted, truth, settings.structures).items():
        masks = _mask(fitted, a), _mask(truth, b)
        scores[name] = score_masks(*masks, (k, j, i), settings.tolerance_mm)
        if name in settings.lesions:
            lesions[name] = score_lesions(*masks)
        if settings.pictures and (masks[0].any() or masks[1].any()):
            pictures[name] = worst_slice(*masks, (k, j, i))
    # One list of names serves all cases; that a case lacks a structure is in its figures.
    findings = tuple(f for f in (*ours.findings, *theirs.findings, *moved) if f.code != UNUSED_NAMES)
    return CaseResult(case or found.name, scores, lesions, findings, pictures)


def paired(
    found: LabelMap, reference: LabelMap, wanted: Sequence[str] | None
) -> dict[str, tuple[Structure | None, Structure | None]]:
    """Return, by name, each structure of either map and its counterpart; spellings of one organ are one name."""
    ours, theirs = _by_standard_name(found), _by_standard_name(reference)
    names = list(dict.fromkeys((*theirs, *ours)))
    if wanted is not None:
        asked = [_standard(name) for name in wanted]
        missing = [name for name in asked if name not in names]
        if missing:
            raise LabelError(f"There is no structure {', '.join(missing)}; there are: {', '.join(names)}.")
        names = asked
    return {name: (ours.get(name), theirs.get(name)) for name in names}


def worst_first(results: Sequence[CaseResult]) -> tuple[CaseResult, ...]:
    """Return the cases by mean Dice, lowest first; those with nothing to compare last."""
    return tuple(sorted(results, key=lambda r: (r.mean_dice is None, r.mean_dice or 0.0, r.case)))


def worst_slice(
    found: Mask, reference: Mask, spacing_mm: tuple[float, float, float]
) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """Return the slice k with most disagreement, cut to what it shows, and its pixel size [rows, columns] in mm."""
    wrong = np.count_nonzero(found != reference, axis=(1, 2))
    both = np.count_nonzero(found & reference, axis=(1, 2))
    k = int(np.argmax(wrong if wrong.any() else both))
    codes = found[k] * np.uint8(ONLY_FOUND) + reference[k] * np.uint8(ONLY_REFERENCE)
    box = []
    for axis in range(2):
        used = np.flatnonzero(codes.any(axis=1 - axis))
        box.append(slice(max(0, int(used[0]) - PICTURE_MARGIN), int(used[-1]) + 1 + PICTURE_MARGIN))
    return codes[tuple(box)], (spacing_mm[1], spacing_mm[2])


def _standard(name: str) -> str:
    row = match(name)
    return row.name if row is not None else name


def _by_standard_name(labels: LabelMap) -> dict[str, Structure]:
    names = [_standard(s.name) for s in labels.structures]
    return {(name if names.count(name) == 1 else s.name): s for name, s in zip(names, labels.structures, strict=True)}


def _mask(labels: LabelMap, structure: Structure | None) -> Mask:
    if structure is None:
        return np.zeros(labels.grid.shape, dtype=bool)
    layer: npt.NDArray[Any] = labels.layers[structure.layer]
    return np.asarray(layer == structure.label)
