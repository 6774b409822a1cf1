"""A model's scores on the cases it never saw: ``python -m segmentation.scores MODEL CONFIG --data DIR... --output F``.

Each held-out case goes through the same engine as in the program, on its own grid, and is compared with its
reference labels there. Writes all figures as JSON and prints the table of the model card.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from surgtwin.progress import SILENT, Progress

from .case_files import find_cases, read_oriented
from .dataset import remapped, write_text_atomically
from .evaluate import SURFACE_TOLERANCE_MM, StructureScore, bootstrap_interval, evaluate_labels
from .infer import Engine, InferenceSettings
from .model_folder import read_model_folder
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
    """Return the figures of every held-out case of a training configuration."""
    engine = Engine(read_model_folder(model), settings)
    found = [(source, case) for source in config.sources for case in find_cases(source, data_roots)]
    held_out = [(source, case) for source, case in found if case[0] in config.validation]
    scores: CaseScores = {}
    for n, (source, (name, image, labels)) in enumerate(held_out):
        values, spacing = read_oriented(image)
        truth = remapped(read_oriented(labels)[0].astype(np.uint8), source, config)
        part = progress.part(n / len(held_out), (n + 1) / len(held_out), name)
        prediction = engine.predict([values], spacing, part)
        scores[name] = evaluate_labels(prediction.labels, truth, spacing, engine.model.labels.names)
        log.info("%s done", name)
    return scores


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
        low, high = bootstrap_interval(dice)
        error = float(np.mean([abs(r.volume_difference_ml) for r in rows]))
        lines.append(
            f"| {structure} | {len(rows)} | {dice.mean():.3f} ({dice.min():.3f}-{dice.max():.3f}) | "
            f"{low:.3f}-{high:.3f} | {_mean([r.hausdorff_95_mm for r in rows])} | "
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
    write_text_atomically(options.output, json.dumps(as_json(scores, options.model), indent=1) + "\n")
    sys.stdout.write(markdown_table(scores) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
