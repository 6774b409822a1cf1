"""How far the labels of each named mode are from the exact ones, and what it saves: the table in segmentation/modes.py.

    python benchmarks/modes.py --data DIR [--model DIR] [--cases 4] [--threads 2]

DIR holds the case folders of segmentation/configs/ct_abdomen.json; its held-out cases are used. All modes of a case run
in turn in one process with their networks loaded; what counts is processor time, which neighbours disturb least, and
the Dice of each structure with its labels in exact mode.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
STRUCTURE_VOXELS = 50
"""Structures of fewer voxels in exact mode are too small for a Dice to say something."""


@dataclass(frozen=True)
class ModeRun:
    """One mode on one case: Dice to exact mode of each structure, and processor seconds."""

    dice: tuple[float, ...]
    cpu_s: float


def run_modes(options: argparse.Namespace) -> dict[str, list[ModeRun]]:
    from segmentation.case_files import find_cases, read_oriented
    from segmentation.infer import Engine, InferenceSettings
    from segmentation.model_folder import read_model_folder
    from segmentation.modes import EXACT, MODES
    from segmentation.training_config import read_config

    config = read_config(ROOT / "segmentation" / "configs" / "ct_abdomen.json")
    folders = {name.split("/")[0] for name in config.validation}
    sources = [source for source in config.sources if source.folder in folders]
    found = [case for source in sources for case in find_cases(source, [options.data])]
    held_out = [case for case in found if case[0] in config.validation][: options.cases]
    model = read_model_folder(options.model)
    engines = {m.name: Engine(model, InferenceSettings(device="cpu", mode=m.name)) for m in MODES}
    runs: dict[str, list[ModeRun]] = {m.name: [] for m in MODES}
    for name, image, _ in held_out:
        values, spacing = read_oriented(image)
        exact: np.ndarray | None = None
        for mode, engine in engines.items():
            start = time.process_time()
            prediction = engine.predict([values], spacing)
            spent = time.process_time() - start
            exact = prediction.labels if mode == EXACT.name else exact
            runs[mode].append(ModeRun(dice_of_structures(prediction.labels, exact), spent))
            print(f"{name} {mode}: {spent:.1f} s, {prediction.backend}, {prediction.precision}", file=sys.stderr)
    return runs


def dice_of_structures(labels: np.ndarray, exact: np.ndarray | None) -> tuple[float, ...]:
    if exact is None:
        raise ValueError("Exact mode runs first.")
    found = []
    for value in np.unique(exact)[1:]:
        a, b = labels == value, exact == value
        if b.sum() >= STRUCTURE_VOXELS:
            found.append(float(2 * (a & b).sum() / (a.sum() + b.sum())))
    return tuple(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "segmentation" / "models" / "ct_abdomen")
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    runs = run_modes(options)
    exact_s = sum(run.cpu_s for run in next(iter(runs.values())))
    print(f"{'mode':16s} mean Dice  lowest Dice  processor time")
    for mode, rows in runs.items():
        dice = [d for row in rows for d in row.dice]
        share = sum(row.cpu_s for row in rows) / exact_s
        print(f"{mode:16s} {np.mean(dice):9.4f}  {np.min(dice):11.4f}  {share:14.2f}")


if __name__ == "__main__":
    # A neighbour of this file has the package's name: the package must be found before it.
    sys.path[:] = [str(ROOT), *(p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent)]
    main()
