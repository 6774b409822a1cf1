"""A model's scores on the cases it never saw: ``python -m segmentation.scores MODEL CONFIG --data DIR... --output F``.

Each held-out case goes through the same segmenter as in the program, on its own grid, and is compared with its
reference labels there. Writes all figures as JSON and prints the table of the model card.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import match
from surgtwin.errors import ModelError
from surgtwin.progress import SILENT, Progress

from .evaluate import SURFACE_TOLERANCE_MM, Labels, StructureScore, bootstrap_interval, evaluate_labels
from .held_out_cases import HeldOutCase, held_out_cases, spacing_of
from .infer import InferenceSettings
from .model_folder import read_model_folder
from .segmenter import UNetSegmenter
from .training_config import TrainingConfig, read_config

log = logging.getLogger(__name__)

CaseScores = dict[str, dict[str, StructureScore]]
"""Case name -> structure name -> figures."""


def score_held_out(
    model: Path,
    config: TrainingConfig,
    data_roots: Sequence[Path],
    settings: InferenceSettings,
    progress: Progress = SILENT,
) -> CaseScores:
    """Return the figures of every held-out case of a training configuration.

    Raises
    ------
    InputError
        If a held-out case is not in the data, or cannot be read.
    ModelError
        If the model cannot be used, or lacks a structure of the configuration.
    """
    segmenter = UNetSegmenter(model, settings, classical=False)
    scores: CaseScores = {}
    for case in held_out_cases(config, data_roots):
        part = progress.part(
            len(scores) / len(config.validation), (len(scores) + 1) / len(config.validation), case.name
        )
        found = segment_case(segmenter, case, config, part)
        scores[case.name] = evaluate_labels(found, case.labels, spacing_of(case), structures_of(config))
        log.info("%s done", case.name)
    return scores


def segment_case(
    segmenter: UNetSegmenter, case: HeldOutCase, config: TrainingConfig, progress: Progress = SILENT
) -> Labels:
    """Return the labels that the program finds in a case's image, in the values of the configuration."""
    return in_values(segmenter.segment(case.volume, progress).labels, structures_of(config))


def in_values(found: LabelMap, structures: Mapping[str, int]) -> Labels:
    """Return a label map's first layer with each structure's voxels in its value here; others are 0.

    Raises
    ------
    ModelError
        If the label map has no such structure, under none of its names.
    """
    ours = {_standard(s.name): s.label for s in found.structures if s.layer == 0}
    missing = [name for name in structures if _standard(name) not in ours]
    if missing:
        raise ModelError(f"The model has no {', '.join(missing)}, which the configuration asks for. It is another's.")
    table = np.zeros(max(ours.values(), default=0) + 1, dtype=np.uint8)
    for name, value in structures.items():
        table[ours[_standard(name)]] = value
    return np.asarray(table[found.layers[0]])


def _standard(name: str) -> str:
    row = match(name)
    return row.name if row is not None else name


def structures_of(config: TrainingConfig) -> dict[str, int]:
    """Return the values of a configuration's structures by name, without the background."""
    return {name: value for name, value in config.labels.items() if value}


def as_json(scores: CaseScores, model: Path) -> dict[str, Any]:
    """Return all figures with what they belong to."""
    cases = {case: {s: score.as_dict() for s, score in row.items()} for case, row in scores.items()}
    folder = read_model_folder(model)
    return {"model": folder.name, "version": folder.version, "sha256": folder.sha256(), "cases": cases}


def markdown_table(scores: CaseScores) -> str:
    """Return the model card's table: one row per structure, over the held-out cases."""
    head = f"surface Dice {SURFACE_TOLERANCE_MM:g} mm"
    lines = [
        f"| structure | cases | Dice mean (min-max) | 95 % interval | HD95 mm | {head} | volume error mL (absolute) |",
        "|---|---|---|---|---|---|---|",
    ]
    structures = list(next(iter(scores.values())))
    means = []
    for structure in structures:
        rows = [case[structure] for case in scores.values() if case[structure].reference_ml > 0]
        dice = np.array([r.dice for r in rows], dtype=np.float64)
        if len(dice) == 0:
            continue
        means.append(float(dice.mean()))
        interval = bootstrap_interval(dice)
        spread = "-" if interval is None else f"{interval[0]:.3f}-{interval[1]:.3f}"
        error = float(np.mean([abs(r.volume_difference_ml) for r in rows]))
        lines.append(
            f"| {structure} | {len(rows)} | {dice.mean():.3f} ({dice.min():.3f}-{dice.max():.3f}) | "
            f"{spread} | {_mean([r.hausdorff_95_mm for r in rows])} | "
            f"{_mean([r.surface_dice for r in rows], 3)} | {error:.1f} |"
        )
    lines.append(f"| mean of all | | {float(np.mean(means)):.3f} | | | | |")
    return "\n".join(lines)


def _mean(values: Sequence[float | None], digits: int = 1) -> str:
    known = [v for v in values if v is not None]
    return f"{float(np.mean(known)):.{digits}f}" if known else "not found"


def main(arguments: Sequence[str] | None = None) -> int:
    """Score a model from the command line."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.scores", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = InferenceSettings(device=options.device, fast=options.fast)
    scores = score_held_out(options.model, read_config(options.config), options.data, settings)
    document = json.dumps(as_json(scores, options.model), indent=1) + "\n"
    write_bytes_atomically(options.output, document.encode("utf-8"))
    sys.stdout.write(markdown_table(scores) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
