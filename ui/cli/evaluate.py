"""`surgtwin evaluate`: label maps against reference label maps."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from surgtwin.atomic_file import write_bytes_atomically

from .console import ProgressBar, note, say, table, write_json
from .input_steps import check_output_is_free

if TYPE_CHECKING:
    from segmentation.evaluate_files import Evaluation

EXIT_SOME_FAILED = 4
_CASES_SHOWN = 10


def run(options: argparse.Namespace) -> int:
    for path in (options.csv, options.html):
        if path is not None:
            check_output_is_free(path, force=options.force)
    from segmentation.evaluate_files import EvaluationSettings, evaluate_paths
    from segmentation.evaluation_report import as_csv, as_html, as_json

    settings = EvaluationSettings(
        names=options.names,
        structures=options.structures,
        tolerance_mm=options.tolerance,
        lesions=options.lesions or (),
        lesion_diameter_mm=options.lesion_diameter,
        reference_suffix=options.reference_suffix,
        pictures=options.html is not None,
    )
    bar = ProgressBar()
    try:
        evaluation = evaluate_paths(options.found, options.reference, settings, bar.progress())
    finally:
        bar.close()
    if options.csv is not None:
        write_bytes_atomically(options.csv, as_csv(evaluation).encode("utf-8"))
    if options.html is not None:
        write_bytes_atomically(options.html, as_html(evaluation).encode("utf-8"))
    if options.json:
        write_json(as_json(evaluation))
    else:
        _say(evaluation)
        for path in (options.csv, options.html):
            if path is not None:
                say(f"written: {path}")
    _note(evaluation)
    return EXIT_SOME_FAILED if evaluation.failed else 0


def _say(evaluation: Evaluation) -> None:
    from segmentation.evaluation_report import interval_text, summarise

    several = len(evaluation.cases) > 1
    rows = []
    for structure, figures in summarise(evaluation).items():
        cells = [structure]
        for figure, digits in (
            ("dice", 3), ("sensitivity", 3), ("precision", 3), ("hausdorff_95_mm", 1), ("surface_distance_mm", 2),
            ("surface_dice", 3), ("volume_difference_ml", 1),
        ):  # fmt: skip
            cells.append(f"{figures[figure].mean:.{digits}f}" if figure in figures else "-")
        dice = figures.get("dice")
        if several and dice is not None:
            cells += [interval_text(dice), f"{dice.median:.3f}", f"{dice.worst:.3f} {dice.worst_case}"]
        rows.append(cells + [""] * ((11 if several else 8) - len(cells)))
    surface = f"surface Dice {evaluation.tolerance_mm:g} mm"
    header = ["structure", "Dice", "sensitivity", "precision", "HD95 mm", "ASSD mm", surface, "volume diff. mL"]
    header += ["Dice 95 % interval", "median", "worst"] if several else []
    say(table(rows, header, right=range(1, 8)))
    if several:
        worst = [[c.case, "-" if c.mean_dice is None else f"{c.mean_dice:.3f}"] for c in evaluation.cases]
        say("\n" + table(worst[:_CASES_SHOWN], ("case, worst first", "mean Dice"), right=(1,)))
    for case in evaluation.cases:
        for structure, score in case.lesions.items():
            say(f"{case.case}: {structure}: {score.found} of {score.reference} pieces found, {score.false} false")


def _note(evaluation: Evaluation) -> None:
    for case in evaluation.cases:
        for finding in case.findings:
            note(f"{case.case}: {finding.severity}: {finding.message}")
    for name, why in evaluation.failed.items():
        note(f"not compared: {name}: {why}")
    if evaluation.unmatched:
        note(f"without a reference: {', '.join(evaluation.unmatched)}")
