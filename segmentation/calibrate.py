"""Measure how sure a model may be: ``python -m segmentation.calibrate MODEL CONFIG --data DIR...``.

Each held-out case of the training configuration goes through the same engine as in the program. Fitted are a
temperature, by the likelihood of the reference labels near the structures (Guo et al. 2017), and the reach of volume
intervals, as the conformal quantile over all (case, structure) pairs. Both are checked on each case with what the
other cases give. Writes ``calibration.json`` into the model's folder and prints the table of the model card.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import optimize

from surgtwin.errors import InputError
from surgtwin.progress import SILENT, Progress

from .calibration import TEMPERATURES, Calibration, surfaces_mm2, volume_scale_ml, write_calibration
from .calibration_cases import CalibrationCase, run_cases
from .confidence import ConfidenceCollector, probabilities
from .infer import Engine, InferenceSettings
from .model_folder import ModelFolder, read_model_folder
from .plans import LabelScheme
from .postprocess import decide
from .sliding_window import LogitSlab
from .training_config import TrainingConfig, read_config

LEVEL = 0.9
BINS = 15
FEWEST_CASES = 2


@dataclass(frozen=True)
class Pair:
    """One structure of one case: volumes in mL, and the scale its error is measured in."""

    case: str
    structure: str
    reference_ml: float
    found_ml: float
    scale_ml: float

    @property
    def score(self) -> float:
        """The error in units of its scale: the nonconformity."""
        return abs(self.reference_ml - self.found_ml) / self.scale_ml


def calibrate(
    model: ModelFolder,
    config: TrainingConfig,
    data_roots: Sequence[Path],
    settings: InferenceSettings,
    progress: Progress = SILENT,
) -> tuple[Calibration, list[Pair]]:
    """Return the calibration of a model and the pairs that it was made from.

    Raises
    ------
    InputError
        If there are fewer than two held-out cases.
    """
    with tempfile.TemporaryDirectory(prefix="surgtwin-calibrate-") as folder:
        cases = run_cases(Engine(model, settings), config, data_roots, Path(folder), progress)
        if len(cases) < FEWEST_CASES:
            raise InputError(f"{len(cases)} held-out cases were found; a calibration needs {FEWEST_CASES} or more.")
        temperature = fit_temperature(cases, model.labels)
        pairs = [pair for case in cases for pair in measure_pairs(case, model, temperature)]
    coverage, width = leave_one_case_out(pairs)
    others = [fit_temperature([c for c in cases if c is not case], model.labels) for case in cases]
    calibration = Calibration(
        model_sha256=model.sha256(),
        temperature=temperature,
        level=LEVEL,
        factor=conformal_quantile([p.score for p in pairs]),
        cases=tuple(case.name for case in cases),
        pairs=len(pairs),
        coverage=coverage,
        relative_width=width,
        ece_before=expected_calibration_error(cases, [1.0] * len(cases), model.labels),
        ece_after=expected_calibration_error(cases, others, model.labels),
    )
    return calibration, pairs


def fit_temperature(cases: Sequence[CalibrationCase], scheme: LabelScheme) -> float:
    """Return the temperature under which the reference labels are most likely."""

    def loss(log_temperature: float) -> float:
        chances = [_chances_of_truth(case, scheme, math.exp(log_temperature)) for case in cases]
        return -float(np.mean([np.log(np.maximum(c, np.finfo(np.float32).tiny)).mean() for c in chances]))

    low, high = (math.log(t) for t in TEMPERATURES)
    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(math.exp(found.x))


def expected_calibration_error(
    cases: Sequence[CalibrationCase], temperatures: Sequence[float], scheme: LabelScheme
) -> float:
    """Return the mean gap between confidence and the share that is right, over bins of confidence, near structures."""
    sure, right = [], []
    for case, temperature in zip(cases, temperatures, strict=True):
        logits = torch.from_numpy(case.logits)
        chosen = _column_of(decide(logits, scheme).numpy().astype(np.int64), scheme)
        chances = probabilities(logits[..., None, None], scheme, temperature)[..., 0, 0].numpy()
        sure.append(np.take_along_axis(chances, chosen[None], 0)[0])
        right.append(chosen == _column_of(case.truth, scheme))
    confidence, is_right = np.concatenate(sure), np.concatenate(right)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(confidence[bins == b].mean() - is_right[bins == b].mean()) for b in np.unique(bins)]
    return float(np.average(gaps, weights=[np.count_nonzero(bins == b) for b in np.unique(bins)]))


def _chances_of_truth(case: CalibrationCase, scheme: LabelScheme, temperature: float) -> npt.NDArray[np.float32]:
    chances = probabilities(torch.from_numpy(case.logits)[..., None, None], scheme, temperature)[..., 0, 0].numpy()
    found: npt.NDArray[np.float32] = np.take_along_axis(chances, _column_of(case.truth, scheme)[None], 0)[0]
    return found


def _column_of(values: npt.NDArray[np.int64], scheme: LabelScheme) -> npt.NDArray[np.int64]:
    """Where `probabilities` has these label values."""
    columns = sorted({0, *(scheme.region_order or range(scheme.head_count))})
    return np.searchsorted(columns, values)


def measure_pairs(case: CalibrationCase, model: ModelFolder, temperature: float) -> list[Pair]:
    """Return the structures that both the reference and the network have; one that is missed has no interval."""
    logits = torch.from_numpy(np.load(case.logits_file))
    forward = model.plan.transpose_forward
    box, shape = [case.confidence.box[a] for a in forward], [case.confidence.image_shape[a] for a in forward]
    k, j, i = (int(n) for n in logits.shape[1:])
    collector = ConfidenceCollector((k, j, i), model.labels, temperature)
    labels = []
    for row in range(k):
        collector.add(LogitSlab(row, logits[:, row : row + 1]))
        labels.append(decide(logits[:, row : row + 1], model.labels).numpy())
    sure = collector.finish((box[0], box[1], box[2]), (shape[0], shape[1], shape[2])).transposed_back(forward)
    raw = np.transpose(np.concatenate(labels), np.argsort(forward))
    sure = sure.without(case.confidence.codes == 0, raw)
    spans = zip(case.spacing_mm, sure.box, sure.codes.shape, strict=True)
    areas = surfaces_mm2(sure.sample(case.labels), [s * (b.stop - b.start) / n for s, b, n in spans])
    pairs = []
    for name, value in model.labels.names.items():
        if case.reference_ml[name] and case.found_ml[name] and value < len(areas):
            scale = volume_scale_ml(sure.doubts[value], float(areas[value]), case.voxel_ml)
            pairs.append(Pair(case.name, name, case.reference_ml[name], case.found_ml[name], scale))
    return pairs


def conformal_quantile(scores: Sequence[float], level: float = LEVEL) -> float:
    """Return the score that the next one stays below with the level's probability, were they exchangeable.

    With too few scores for the level it is the largest there is.
    """
    ranked = sorted(scores)
    return ranked[min(len(ranked), math.ceil((len(ranked) + 1) * level)) - 1]


def leave_one_case_out(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return the share of true volumes held, and the mean relative width, of intervals by the other cases' factor."""
    held, widths = [], []
    for case in dict.fromkeys(p.case for p in pairs):
        factor = conformal_quantile([p.score for p in pairs if p.case != case])
        for pair in (p for p in pairs if p.case == case):
            held.append(pair.score <= factor)
            widths.append(_relative_width(pair, factor))
    return float(np.mean(held)), float(np.mean(widths))


def _relative_width(pair: Pair, factor: float) -> float:
    reach = factor * pair.scale_ml
    return (reach + min(reach, pair.found_ml)) / pair.found_ml


def markdown_table(calibration: Calibration, pairs: Sequence[Pair]) -> str:
    """Return the model card's table: one row per structure, each case with the factor of the other cases.

    The last row says what the network's doubt is worth: how wide intervals are that know nothing but the volume.
    """
    lines = ["| structure | truth in the interval | mean width / volume | median error / volume |", "|---|---|---|---|"]
    factors = {case: conformal_quantile([p.score for p in pairs if p.case != case]) for case in calibration.cases}
    for structure in dict.fromkeys(p.structure for p in pairs):
        rows = [p for p in pairs if p.structure == structure]
        held = sum(p.score <= factors[p.case] for p in rows)
        width = float(np.mean([_relative_width(p, factors[p.case]) for p in rows]))
        error = float(np.median([abs(p.reference_ml - p.found_ml) / p.found_ml for p in rows]))
        lines.append(f"| {structure} | {held} of {len(rows)} | {width:.0%} | {error:.0%} |")
    held_all = round(calibration.coverage * calibration.pairs)
    lines.append(
        f"| all | {held_all} of {calibration.pairs} ({calibration.coverage:.1%}) | {calibration.relative_width:.0%} | |"
    )
    plain_coverage, plain_width = leave_one_case_out([replace(p, scale_ml=p.found_ml) for p in pairs])
    lines.append(f"| all, were the volume itself the scale | {plain_coverage:.1%} | {plain_width:.0%} | |")
    lines.append(
        f"\nTemperature {calibration.temperature:.3f}; expected calibration error near the structures "
        f"{calibration.ece_before:.3f} before, {calibration.ece_after:.3f} after; factor {calibration.factor:.3f}."
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrate a model from the command line."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.calibrate", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = InferenceSettings(device=options.device, fast=options.fast)
    calibration, pairs = calibrate(
        read_model_folder(options.model), read_config(options.config), options.data, settings
    )
    path = write_calibration(calibration, options.model)
    sys.stdout.write(f"{markdown_table(calibration, pairs)}\n\nwritten: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
