"""An evaluation in figures: summaries over cases, and the reports as JSON, CSV and HTML."""

from __future__ import annotations

import base64
import csv
import html
import io
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .evaluate import StructureScore, bootstrap_interval
from .evaluate_files import CaseResult, Evaluation
from .score_pictures import draw_contours

FIGURES = (
    "dice", "iou", "sensitivity", "precision", "hausdorff_mm", "hausdorff_95_mm", "surface_distance_mm", "surface_dice",
    "volume_ml", "reference_ml", "volume_difference_ml",
)  # fmt: skip
HIGH_IS_GOOD = {"dice", "iou", "sensitivity", "precision", "surface_dice"}
PICTURES_SHOWN = 12
EXPLANATION = (
    "Distances and surface Dice are weighed by surface area (Nikolov et al. 2021). HD95: within this distance lies "
    "95 % of each surface. ASSD: the mean over both surfaces. A structure on one side only has Dice and surface Dice 0 "
    "and no distances (-); their means are over the cases where both sides have it. Intervals: bootstrap over cases, "
    "three or more."
)
STYLE = (
    "body{font:15px/1.45 sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child,td.t{text-align:left}figure{display:inline-block;margin:.5em;vertical-align:top}"
    "img{border:1px solid #ddd}figcaption{max-width:32em}.note{color:#555;max-width:60em}"
)


@dataclass(frozen=True)
class FigureSummary:
    """One figure of one structure over the cases in which it has a meaning. ``interval``: of the mean, 95 %."""

    cases: int
    mean: float
    median: float
    interval: tuple[float, float] | None
    worst: float
    worst_case: str


def summarise(evaluation: Evaluation) -> dict[str, dict[str, FigureSummary]]:
    """Return structure -> figure -> summary; figures that have no meaning in any case are left out."""
    structures = dict.fromkeys(name for case in evaluation.cases for name in case.scores)
    result = {}
    for structure in structures:
        rows = [(c.case, c.scores[structure].as_dict()) for c in evaluation.cases if structure in c.scores]
        summaries = {figure: _summary(figure, rows) for figure in FIGURES}
        result[structure] = {figure: s for figure, s in summaries.items() if s is not None}
    return result


def _summary(figure: str, rows: list[tuple[str, dict[str, float | None]]]) -> FigureSummary | None:
    known = [(case, value) for case, row in rows if (value := row[figure]) is not None]
    if not known:
        return None
    values = np.array([value for _, value in known], dtype=np.float64)
    order = values if figure in HIGH_IS_GOOD else -np.abs(values)
    worst = int(np.argmin(order))
    middle = float(values.mean()), float(np.median(values))
    return FigureSummary(len(values), *middle, bootstrap_interval(values), float(values[worst]), known[worst][0])


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all figures; what has no meaning is None."""
    summary = {s: {f: asdict(v) for f, v in row.items()} for s, row in summarise(evaluation).items()}
    return {
        "surface_tolerance_mm": evaluation.tolerance_mm,
        "structures": summary,
        "cases": [_case_json(case) for case in evaluation.cases],
        "failed": evaluation.failed,
        "without_reference": list(evaluation.unmatched),
    }


def _case_json(case: CaseResult) -> dict[str, Any]:
    lesions = {s: {**asdict(score), "sensitivity": score.sensitivity} for s, score in case.lesions.items()}
    return {
        "case": case.case,
        "mean_dice": case.mean_dice,
        "structures": {s: score.as_dict() for s, score in case.scores.items()},
        "lesions": lesions,
        "findings": [f.message for f in case.findings],
    }


def as_csv(evaluation: Evaluation) -> str:
    """Return one line per case and structure, worst case first."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["case", "structure", *FIGURES, "lesions", "lesions_found", "lesions_false"])
    for case in evaluation.cases:
        for structure, score in case.scores.items():
            figures = score.as_dict()
            lesion = case.lesions.get(structure)
            counts = [lesion.reference, lesion.found, lesion.false] if lesion else ["", "", ""]
            values = ["" if figures[f] is None else repr(figures[f]) for f in FIGURES]
            writer.writerow([_cell(case.case), _cell(structure), *values, *counts])
    return stream.getvalue()


def _cell(text: str) -> str:
    """A name that a spreadsheet will not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def as_html(evaluation: Evaluation) -> str:
    """Return one self-contained page: the summary, every case worst first, pictures of the worst slices."""
    parts = [
        "<!doctype html>",
        f"<html lang='en'><head><meta charset='utf-8'><title>Evaluation</title><style>{STYLE}</style></head><body>",
        f"<h1>Evaluation of {len(evaluation.cases)} case(s)</h1>",
        _summary_table(evaluation),
        f"<p class='note'>{html.escape(EXPLANATION)}</p>",
        _not_compared(evaluation),
        _pictures(evaluation),
        "<h2>Cases, worst first</h2>",
        *(_case_table(case) for case in evaluation.cases),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _not_compared(evaluation: Evaluation) -> str:
    reasons = [f"{case}: {why}" for case, why in evaluation.failed.items()]
    reasons += [f"{case}: there is no reference" for case in evaluation.unmatched]
    items = "".join(f"<li>{html.escape(reason)}</li>" for reason in reasons)
    return f"<h2>Not compared</h2><ul>{items}</ul>" if items else ""


def _summary_table(evaluation: Evaluation) -> str:
    head = (
        "structure", "cases", "Dice mean", "95 % interval", "median", "worst", "worst case", "HD95 mm", "ASSD mm",
        f"surface Dice {evaluation.tolerance_mm:g} mm", "volume difference mL",
    )  # fmt: skip
    rows = []
    for structure, figures in summarise(evaluation).items():
        dice = figures.get("dice")
        means = [
            _text(figures[f].mean, digits) if f in figures else "-"
            for f, digits in (
                ("hausdorff_95_mm", 1), ("surface_distance_mm", 2), ("surface_dice", 3), ("volume_difference_ml", 1)
            )
        ]  # fmt: skip
        if dice is None:
            rows.append([structure, "0", "-", "-", "-", "-", "-", *means])
            continue
        interval = interval_text(dice)
        first = [structure, str(dice.cases), _text(dice.mean, 3), interval, _text(dice.median, 3)]
        rows.append([*first, _text(dice.worst, 3), dice.worst_case, *means])
    return _html_table(head, rows)


def _case_table(case: CaseResult) -> str:
    head = (
        "structure",
        "Dice",
        "sensitivity",
        "precision",
        "HD mm",
        "HD95 mm",
        "ASSD mm",
        "surface Dice",
        "mL",
        "of mL",
    )
    rows = [[structure, *_case_row(score)] for structure, score in case.scores.items()]
    notes = "".join(f"<p>{html.escape(f.message)}</p>" for f in case.findings)
    notes += "".join(
        f"<p>{html.escape(structure)}: {score.found} of {score.reference} pieces found, {score.false} false</p>"
        for structure, score in case.lesions.items()
    )
    mean = html.escape(f"{case.case}: mean Dice {_text(case.mean_dice, 3)}")
    return f"<h3>{mean}</h3>{notes}{_html_table(head, rows)}"


def _case_row(score: StructureScore) -> list[str]:
    figures = (
        (score.dice, 3), (score.sensitivity, 3), (score.precision, 3), (score.hausdorff_mm, 1),
        (score.hausdorff_95_mm, 1), (score.surface_distance_mm, 2), (score.surface_dice, 3), (score.volume_ml, 1),
        (score.reference_ml, 1),
    )  # fmt: skip
    return [_text(value, digits) for value, digits in figures]


def _pictures(evaluation: Evaluation) -> str:
    """The worst slices of the structures with the lowest Dice."""
    found = [
        (c.scores[s].dice or 0.0, c.case, s, picture) for c in evaluation.cases for s, picture in c.pictures.items()
    ]
    found.sort(key=lambda row: row[:3])
    figures = []
    for dice, case, structure, view in found[:PICTURES_SHOWN]:
        data = base64.b64encode(draw_contours(view, structure)).decode("ascii")
        text = html.escape(f"{case}: {structure}, Dice {dice:.3f}, {view.place}")
        figures.append(
            f"<figure><img alt='{text}' src='data:image/png;base64,{data}'><figcaption>{text}</figcaption></figure>"
        )
    if not figures:
        return ""
    key = "orange: found, blue: reference, grey: the reference's other structures; letters: sides of the patient"
    return f"<h2>Slices with most disagreement</h2><p>{key}</p>{''.join(figures)}"


def _html_table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def interval_text(summary: FigureSummary) -> str:
    """Return the interval of the mean, or "-" where too few cases give none."""
    return "-" if summary.interval is None else f"{summary.interval[0]:.3f} to {summary.interval[1]:.3f}"


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
