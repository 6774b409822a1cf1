"""What a model card says in figures: ``python -m segmentation.model_card MODEL CONFIG --data DIR... --output FOLDER``.

Scores, robustness and pictures of the worst slices of the held-out cases, between two marks of the card's README.md:
``<!-- scores:begin -->`` and ``<!-- scores:end -->``. What a person wrote around them stays. The pictures show outlines
of labels, never image values: patients' images do not belong into a project.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.errors import InputError, SurgTwinError

from .evaluate import Labels, evaluate_labels, label_boxes, union_box
from .held_out_cases import HeldOutCase, held_out_cases, spacing_of
from .infer import InferenceSettings
from .model_folder import read_model_folder
from .robustness import (
    DiceByStructure,
    Robustness,
    Variant,
    dice_by_structure,
    robustness_table,
    summarise_variant,
    variants_for,
)
from .score_pictures import ContourSlice, LabelPair, draw_contours, worst_slice
from .scores import CaseScores, as_json, markdown_table, segment_case, structures_of
from .segmenter import UNetSegmenter
from .training_config import TrainingConfig, read_config

log = logging.getLogger(__name__)

BEGIN, END = "<!-- scores:begin{} -->", "<!-- scores:end{} -->"
CARD_NAME = "README.md"
PICTURES_FOLDER = "pictures"
PICTURE_NAME = "worst_{}.png"
PICTURES_SHOWN = 6
LARGEST_PICTURE_BYTES = 60_000
UNCHANGED = "as they are"


@dataclass(frozen=True, eq=False)
class Failure:
    """A structure of a case that was found badly, and the slice that shows it."""

    case: str
    structure: str
    dice: float
    view: ContourSlice


@dataclass(frozen=True, eq=False)
class CardResults:
    """Everything measured for a card; failures worst first, one a structure."""

    scores: CaseScores
    failures: tuple[Failure, ...]
    robustness: tuple[Robustness, ...]


def measure(
    model: Path,
    config: TrainingConfig,
    data_roots: Sequence[Path],
    settings: InferenceSettings,
    variants: Sequence[Variant],
) -> CardResults:
    """Segment every held-out case as it is and in every variant, and return what came out.

    Raises
    ------
    InputError, ModelError
        As ``scores.score_held_out``.
    """
    segmenter = UNetSegmenter(model, settings, classical=False)
    scores: CaseScores = {}
    failures: list[Failure] = []
    dice: dict[str, list[DiceByStructure]] = {UNCHANGED: [], **{variant.name: [] for variant in variants}}
    structures = structures_of(config)
    for case in held_out_cases(config, data_roots):
        found = segment_case(segmenter, case, config)
        scores[case.name] = evaluate_labels(found, case.labels, spacing_of(case), structures)
        failures += _failures(case, found, scores, structures)
        dice[UNCHANGED].append(dice_by_structure(found, case.labels, structures))
        log.info("%s scored", case.name)
        for variant in variants:
            changed = variant.change(case)
            found = segment_case(segmenter, changed, config)
            dice[variant.name].append(dice_by_structure(found, changed.labels, structures))
            log.info("%s, %s scored", case.name, variant.name)
    rows = tuple(summarise_variant(name, cases) for name, cases in dice.items()) if variants else ()
    return CardResults(scores, worst_failures(failures), rows)


def _failures(case: HeldOutCase, found: Labels, scores: CaseScores, structures: dict[str, int]) -> list[Failure]:
    boxes, reference_boxes = label_boxes(found), label_boxes(case.labels)
    result = []
    for name, value in structures.items():
        dice = scores[case.name][name].dice
        if dice is not None:
            pair = LabelPair(found, value, case.labels, value)
            view = worst_slice(pair, case.volume.grid, union_box(boxes.get(value), reference_boxes.get(value)))
            result.append(Failure(case.name, name, dice, view))
    return result


def worst_failures(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Return the worst case of each of the worst structures."""
    chosen: dict[str, Failure] = {}
    for failure in sorted(failures, key=lambda f: (f.dice, f.case, f.structure)):
        chosen.setdefault(failure.structure, failure)
    return tuple(chosen.values())[:PICTURES_SHOWN]


def write_card(results: CardResults, model: Path, folder: Path) -> Path:
    """Write ``scores.json``, the pictures and the generated part of ``README.md``; returns the README's path.

    Raises
    ------
    InputError
        If the README has no marks, or a picture is too large.
    """
    facts = read_model_folder(model)
    card = folder / CARD_NAME
    text = replace_marked(_card_text(folder, facts.name), card_block(results, facts.version, facts.sha256()), card)
    pictures = [draw_contours(f.view, f"{f.structure}, Dice {f.dice:.2f}") for f in results.failures]
    if any(len(picture) > LARGEST_PICTURE_BYTES for picture in pictures):
        raise InputError(f"A picture is larger than {LARGEST_PICTURE_BYTES} bytes; the model card must stay small.")
    (folder / PICTURES_FOLDER).mkdir(parents=True, exist_ok=True)
    for old in (folder / PICTURES_FOLDER).glob(PICTURE_NAME.format("*")):
        old.unlink()
    for n, picture in enumerate(pictures, start=1):
        write_bytes_atomically(folder / PICTURES_FOLDER / PICTURE_NAME.format(n), picture)
    document = json.dumps(as_json(results.scores, model), indent=1) + "\n"
    write_bytes_atomically(folder / "scores.json", document.encode("utf-8"))
    write_bytes_atomically(card, text.encode("utf-8"))
    return card


def _card_text(folder: Path, title: str) -> str:
    card = folder / CARD_NAME
    return (
        card.read_text(encoding="utf-8") if card.is_file() else f"# {title}\n\n{BEGIN.format('')}\n{END.format('')}\n"
    )


def card_block(results: CardResults, version: str, sha256: str) -> str:
    """Return the generated part of a card in Markdown."""
    cases = ", ".join(results.scores)
    parts = [
        f"Version {version or 'unknown'}, sha256 {sha256[:12]}. Held-out cases, never trained on: {cases}. Made by "
        "`python -m segmentation.model_card`; all figures of all cases: `scores.json`. Distances and surface Dice are "
        "weighed by surface area (Nikolov et al. 2021); a structure that was missed has Dice 0 and no HD95. The "
        "intervals are bootstrap intervals of the mean over few cases, and know nothing of other hospitals.",
        markdown_table(results.scores),
    ]
    if results.robustness:
        parts += [
            "The same cases, made harder; mean over the structures that lie in the changed image:",
            robustness_table(results.robustness),
        ]
    if results.failures:
        parts += ["The worst slices (blue: reference, orange: found, grey: other structures of the reference):"]
        parts += ["\n".join(_picture_line(n, failure) for n, failure in enumerate(results.failures, start=1))]
    return "\n\n".join(parts)


def _picture_line(number: int, failure: Failure) -> str:
    text = f"{failure.structure} of {failure.case}, Dice {failure.dice:.2f}, {failure.view.place}"
    return f"![{text}]({PICTURES_FOLDER}/{PICTURE_NAME.format(number)})"


def replace_marked(text: str, block: str, where: Path, name: str = "") -> str:
    """Return a text with what stands between the marks replaced.

    Parameters
    ----------
    name
        Of the model, where one text holds several: ``<!-- scores:begin ct_abdomen -->``.

    Raises
    ------
    InputError
        If the marks are not there exactly once, in order.
    """
    begin, end = (mark.format(f" {name}" if name else "") for mark in (BEGIN, END))
    before, is_begun, rest = text.partition(begin)
    _, is_ended, after = rest.partition(end)
    if not is_begun or not is_ended or begin in after or end in before + after:
        raise InputError(f"{where} needs the lines {begin} and {end}, once each, where the figures are to stand.")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a model and write its card from the command line."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        _run(options)
    except SurgTwinError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _run(options: argparse.Namespace) -> None:
    config = read_config(options.config)
    readme: Path | None = options.readme
    # Measuring takes long: what will be missing at its end is said before it begins.
    replace_marked(_card_text(options.output, config.name), "", options.output / CARD_NAME)
    if readme is not None:
        replace_marked(readme.read_text(encoding="utf-8"), "", readme, config.name)
    variants = () if options.scores_only else variants_for(config.modality)
    settings = InferenceSettings(device=options.device, fast=options.fast)
    results = measure(options.model, config, options.data, settings, variants)
    card = write_card(results, options.model, options.output)
    table = markdown_table(results.scores)
    if readme is not None:
        text = replace_marked(readme.read_text(encoding="utf-8"), table, readme, config.name)
        write_bytes_atomically(readme, text.encode("utf-8"))
    harder = f"{robustness_table(results.robustness)}\n\n" if results.robustness else ""
    sys.stdout.write(f"{table}\n\n{harder}written: {card}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m segmentation.model_card", description=__doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("config", type=Path, help="the training configuration, which says what was held out")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--output", type=Path, required=True, help="folder of the card, often the model's own")
    parser.add_argument("--readme", type=Path, help="a README to replace the table in, between marks with the name")
    parser.add_argument("--scores-only", action="store_true", help="leave the harder images out")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fast", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
