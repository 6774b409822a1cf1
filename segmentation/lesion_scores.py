"""How many lesions the lesion model finds, and how often it is wrong:
``python -m segmentation.lesion_scores MODEL CONFIG --data DIR... --phantoms DIR --output scores.json``.

Three groups, none trained on: the configuration's held-out livers with lesions painted into them, phantoms with tumours
of known truth (``python -m sample_data.lesion_cases DIR``), and the held-out livers untouched, for which nobody knows
the truth: there, only the number of proposals is told. The liver is that of the reference labels.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.geometry import Grid
from surgtwin.progress import SILENT, Progress

from .case_files import read_pair
from .dataset import write_text_atomically
from .held_out_cases import held_out_files
from .infer import InferenceSettings
from .lesion_candidates import find_candidates
from .lesion_figures import PAINTED, PHANTOMS, UNTOUCHED, ScoredCase, markdown_table, score_case
from .lesion_finder import LESION_NAME, LIVER_NAME, LesionFinder
from .lesion_painting import LesionSettings, paint_case
from .training_config import CaseSource, TrainingConfig, read_config

log = logging.getLogger(__name__)

PAINTING = LesionSettings(without_share=0.0, mean_count=6.0, most=9, size_mm=(5.0, 45.0))
PAINTING_SEED = 77

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[Any]


def score_model(
    finder: LesionFinder,
    config: TrainingConfig,
    data_roots: Sequence[Path],
    phantoms: Path | None,
    unpainted: Sequence[str] = (),
    paintings: int = 2,
    progress: Progress = SILENT,
) -> list[ScoredCase]:
    """Return the figures of every image of the three groups.

    Parameters
    ----------
    phantoms
        A folder that `sample_data.lesion_cases` wrote; None leaves this group out.
    unpainted
        Held-out cases with lesions of their own, which nobody has outlined: counted untouched only.
    paintings
        How often each held-out liver is painted, each time otherwise.
    """
    scored = []
    images = _held_out(config, data_roots, unpainted, paintings)
    if phantoms is not None:
        images = [*images, *_phantoms(config, phantoms)]
    for n, image in enumerate(images):
        values, liver, others, truth, spacing = image.read()
        part = progress.part(n / len(images), (n + 1) / len(images), image.name)
        grid = Grid.from_axes(values.shape, np.zeros(3), np.eye(3), spacing[::-1])
        probability, region = finder.probability(values, grid, liver, others, part)
        labels, found = find_candidates(probability, region, grid)
        scored.append(score_case(image.name, image.group, labels, found, truth, spacing))
        log.info("%s %s done", image.group, image.name)
    return scored


Read = tuple[npt.NDArray[np.float32], Mask, Mask, Labels, tuple[float, float, float]]


@dataclass(frozen=True)
class _Image:
    """An image that is read, and painted with ``seed``, when its turn comes."""

    name: str
    group: str
    source: CaseSource
    image: Path
    labels: Path
    seed: tuple[int, ...] | None = None

    def read(self) -> Read:
        """Return values, liver, other structures, the true lesions' numbers, and the spacing [k, j, i]."""
        import cc3d

        values, given, spacing = read_pair(self.image, self.labels)
        lesion_values = self.source.label_values.get(LESION_NAME, [])
        liver = np.isin(given, [*self.source.label_values[LIVER_NAME], *lesion_values])
        others = (given > 0) & ~liver
        truth = cc3d.connected_components(np.isin(given, lesion_values), connectivity=26).astype(np.int64)
        if self.seed is not None:
            values, numbers, _ = paint_case(values, liver, spacing, np.random.default_rng(self.seed), PAINTING)
            truth = numbers.astype(np.int64)
        return values, liver, others, truth, spacing


def _held_out(
    config: TrainingConfig, data_roots: Sequence[Path], unpainted: Sequence[str], paintings: int
) -> list[_Image]:
    images = []
    for source, (name, image, labels) in held_out_files(config, data_roots):
        images.append(_Image(name, UNTOUCHED, source, image, labels))
        seed = len(images)
        for n in range(0 if name in unpainted else paintings):
            told = f"{name} painting {n + 1}"
            images.append(_Image(told, PAINTED, source, image, labels, (PAINTING_SEED, seed, n)))
    return images


def _phantoms(config: TrainingConfig, folder: Path) -> Iterator[_Image]:
    """The phantoms of a folder, labelled as the configuration's source that has lesions."""
    source = next(s for s in config.sources if LESION_NAME in s.label_values)
    for image in sorted(folder.glob(f"*{source.image_suffix}")):
        name = image.name.removesuffix(source.image_suffix)
        yield _Image(name, PHANTOMS, source, image, folder / f"{name}{source.label_suffix}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Score a model from the command line."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.lesion_scores", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--phantoms", type=Path, help="what sample_data.lesion_cases wrote")
    parser.add_argument("--unpainted", nargs="*", default=[], help="held-out cases with lesions of their own")
    parser.add_argument("--paintings", type=int, default=2, help="of each held-out liver (default 2)")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    finder = LesionFinder(options.model, InferenceSettings(device=options.device, fast=options.fast))
    config = read_config(options.config)
    cases = score_model(finder, config, options.data, options.phantoms, options.unpainted, options.paintings)
    facts = {"model": finder.model.name, "sha256": finder.model.sha256(), "cases": [asdict(case) for case in cases]}
    write_text_atomically(options.output, json.dumps(facts, indent=1) + "\n")
    sys.stdout.write(markdown_table(cases) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
