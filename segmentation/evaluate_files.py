"""Label map files compared with reference files, one pair or folders of pairs with the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from surgtwin.domain.finding import Finding
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import match
from surgtwin.errors import InputError, LabelError
from surgtwin.formats.labels_on_grid import labels_on_grid
from surgtwin.pipeline.label_input import read_any_labels
from surgtwin.progress import SILENT, Progress

from .evaluate import SURFACE_TOLERANCE_MM, Labels, StructureScore, label_boxes, score_masks, union_box
from .lesions import LesionScore, score_lesions, voxels_of_ball
from .score_pictures import ABSENT, ContourSlice, LabelPair, worst_slice

ENDINGS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
UNUSED_NAMES = "names-unused"
NAMES_SHOWN = 3


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
    lesion_diameter_mm
        Pieces smaller than a ball of this diameter are not counted.
    reference_suffix
        The end of the reference files' names that the found ones lack, "_labels" for instance; other files of the
        reference folder are left aside.
    pictures
        Whether the slice with most disagreement is kept for each structure.
    """

    names: Path | None = None
    structures: tuple[str, ...] | None = None
    tolerance_mm: float = SURFACE_TOLERANCE_MM
    lesions: tuple[str, ...] = ()
    lesion_diameter_mm: float = 0.0
    reference_suffix: str = ""
    pictures: bool = False


@dataclass(frozen=True)
class CaseResult:
    """One case: figures by structure, what was noticed when its files were read, slices with most disagreement.

    ``structures`` are all names in either map, whether asked for or not.
    """

    case: str
    scores: dict[str, StructureScore]
    structures: tuple[str, ...] = ()
    lesions: dict[str, LesionScore] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    pictures: dict[str, ContourSlice] = field(default_factory=dict)

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
        If one is a file and the other a folder, no case matches, a single pair cannot be compared, or a structure
        asked for is in no case.
    """
    for path in (found, reference):
        if not path.exists():
            raise InputError(f"There is no file or folder {path}.")
    if found.is_dir() != reference.is_dir():
        raise InputError("Give two label maps, or two folders of label maps with the same names.")
    if not found.is_dir():
        result = evaluate_pair(found, reference, settings)
        _check_asked([result], settings)
        progress.update(1.0)
        return Evaluation((result,), {}, (), settings.tolerance_mm)
    ours, theirs = label_files(found), label_files(reference, settings.reference_suffix)
    if not set(ours) & set(theirs):
        raise InputError(_nothing_matches(found, ours, reference, theirs))
    results, failed = [], {case: "there is no prediction" for case in theirs if case not in ours}
    matched = [case for case in theirs if case in ours]
    for n, case in enumerate(matched):
        progress.update(n / len(matched), case)
        try:
            results.append(evaluate_pair(ours[case], theirs[case], settings, case))
        except InputError as error:
            failed[case] = str(error)
    _check_asked(results, settings)
    progress.update(1.0)
    unmatched = tuple(case for case in ours if case not in theirs)
    return Evaluation(worst_first(results), failed, unmatched, settings.tolerance_mm)


def _check_asked(results: Sequence[CaseResult], settings: EvaluationSettings) -> None:
    """A structure that some case lacks is in the figures; one that all lack is a wrong name."""
    there = list(dict.fromkeys(name for result in results for name in result.structures))
    missing = [name for name in (*(settings.structures or ()), *settings.lesions) if _standard(name) not in there]
    if results and missing:
        raise LabelError(f"There is no structure {', '.join(missing)}; there are: {', '.join(there)}.")


def label_files(folder: Path, suffix: str = "") -> dict[str, Path]:
    """Return the label files of a folder by case name: the file's name without its ending and a suffix.

    Raises
    ------
    InputError
        If two files have one name.
    """
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        ending = next((e for e in ENDINGS if file.name.lower().endswith(e)), None)
        if ending is None or file.name.startswith(".") or not file.is_file():
            continue
        case = file.name[: -len(ending)]
        if not case.endswith(suffix):
            continue
        case = case.removesuffix(suffix)
        if case in found:
            raise InputError(f"{folder} holds two label maps of the case {case}: {found[case].name} and {file.name}.")
        found[case] = file
    return found


def _nothing_matches(found: Path, ours: Mapping[str, Path], reference: Path, theirs: Mapping[str, Path]) -> str:
    listed = [", ".join(list(names)[:NAMES_SHOWN]) or "none" for names in (ours, theirs)]
    return (
        f"No label map in {found} has the name of one in {reference}. Cases in the first: {listed[0]}; in the second: "
        f"{listed[1]}. If the reference files have a longer name, say so with --reference-suffix."
    )


def evaluate_pair(found: Path, reference: Path, settings: EvaluationSettings, case: str | None = None) -> CaseResult:
    """Compare a label map with its reference, on the reference's grid.

    Raises
    ------
    FormatError, LabelError
        If a file cannot be read, or they do not overlap in space.
    """
    theirs = read_any_labels(reference, None, settings.names)
    ours = read_any_labels(found, None, settings.names)
    truth = theirs.labels
    fitted, moved = labels_on_grid(ours.labels, truth.grid)
    i, j, k = truth.grid.spacing
    least = voxels_of_ball(settings.lesion_diameter_mm, (k, j, i))
    boxes, truth_boxes = [[label_boxes(layer) for layer in m.layers] for m in (fitted, truth)]
    scores, lesions, pictures = {}, {}, {}
    lesions_asked = {_standard(name) for name in settings.lesions}
    for name, (a, b) in paired(fitted, truth, settings.structures).items():
        pair = LabelPair(_layer(fitted, a), _label(a), _layer(truth, b), _label(b))
        box = union_box(boxes[a.layer].get(a.label) if a else None, truth_boxes[b.layer].get(b.label) if b else None)
        masks = pair.masks(box)
        scores[name] = score_masks(*masks, (k, j, i), settings.tolerance_mm)
        if name in lesions_asked:
            lesions[name] = score_lesions(*masks, least)
        if settings.pictures and (masks[0].any() or masks[1].any()):
            pictures[name] = worst_slice(pair, truth.grid, box)
    # One list of names serves all cases; that a case lacks a structure is in its figures.
    findings = tuple(f for f in (*ours.findings, *theirs.findings, *moved) if f.code != UNUSED_NAMES)
    there = tuple(paired(fitted, truth, None))
    return CaseResult(case or found.name, scores, there, lesions, findings, pictures)


def paired(
    found: LabelMap, reference: LabelMap, wanted: Sequence[str] | None
) -> dict[str, tuple[Structure | None, Structure | None]]:
    """Return, by name, each structure of either map and its counterpart; spellings of one organ are one name."""
    ours, theirs = _by_standard_name(found), _by_standard_name(reference)
    names = list(dict.fromkeys((*theirs, *ours)))
    if wanted is not None:
        names = [_standard(name) for name in wanted]
    return {name: (ours.get(name), theirs.get(name)) for name in names}


def worst_first(results: Sequence[CaseResult]) -> tuple[CaseResult, ...]:
    """Return the cases by mean Dice, lowest first; those with nothing to compare last."""
    return tuple(sorted(results, key=lambda r: (r.mean_dice is None, r.mean_dice or 0.0, r.case)))


def _standard(name: str) -> str:
    row = match(name)
    return row.name if row is not None else name


def _by_standard_name(labels: LabelMap) -> dict[str, Structure]:
    names = [_standard(s.name) for s in labels.structures]
    return {(name if names.count(name) == 1 else s.name): s for name, s in zip(names, labels.structures, strict=True)}


def _layer(labels: LabelMap, structure: Structure | None) -> Labels:
    return labels.layers[structure.layer if structure else 0]


def _label(structure: Structure | None) -> int:
    return structure.label if structure else ABSENT
