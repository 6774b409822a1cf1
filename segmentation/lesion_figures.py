"""Detection figures of lesions: sensitivity by size, false ones per case, one traded for the other (FROC)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .lesion_candidates import FoundLesion
from .lesion_finder import LEAST_CONFIDENCE
from .lesions import LEAST_COVER

PAINTED, PHANTOMS, UNTOUCHED = "painted", "phantoms", "untouched"
SIZE_BINS_MM = ((0.0, 10.0), (10.0, 15.0), (15.0, 20.0), (20.0, 30.0), (30.0, np.inf))
JUDGED_FROM_MM = 10.0
THRESHOLDS = tuple(float(t) for t in np.round(np.arange(0.2, 0.9951, 0.01), 3))
FALSE_PER_CASE = (0.5, 1.0, 2.0, 3.0)

Labels = npt.NDArray[Any]


@dataclass(frozen=True)
class TrueLesion:
    """A lesion of the truth.

    Parameters
    ----------
    diameter_mm
        Of the ball of its volume.
    found_at
        The highest least confidence at which it is still found; 0 if it never is.
    found_ml
        Volume of the candidates that touch it, at the program's least confidence.
    """

    diameter_mm: float
    volume_ml: float
    found_at: float
    found_ml: float


@dataclass(frozen=True)
class ScoredCase:
    """One image: its lesions, the confidence of each candidate that touches none, Dice of all lesion voxels.

    ``dice`` is at the program's least confidence, None without lesions in the truth.
    """

    name: str
    group: str
    lesions: tuple[TrueLesion, ...]
    false_at: tuple[float, ...]
    dice: float | None


def score_case(
    name: str, group: str, labels: Labels, found: Sequence[FoundLesion], truth: Labels, spacing_mm: tuple[float, ...]
) -> ScoredCase:
    """Return the figures of one image.

    Parameters
    ----------
    labels
        ``[k, j, i]``, each candidate's number.
    truth
        ``[k, j, i]``, each true lesion's number, from 1.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    shared = np.zeros((int(truth.max()) + 1, len(found) + 1), dtype=np.int64)
    np.add.at(shared, (truth.ravel(), labels.ravel()), 1)
    confidence = np.array([0.0, *(lesion.confidence for lesion in found)])
    sizes = shared.sum(axis=0) * voxel_ml
    is_proposed = confidence >= LEAST_CONFIDENCE
    is_proposed[0] = False
    lesions = [
        TrueLesion(
            diameter_mm=float(np.cbrt(6000 * row.sum() * voxel_ml / np.pi)),
            volume_ml=float(row.sum() * voxel_ml),
            found_at=_found_at(row, confidence),
            found_ml=float(sizes[1:][(row[1:] > 0) & is_proposed[1:]].sum()),
        )
        for row in shared[1:]
        if row.sum() > 0
    ]
    touches = shared[1:].sum(axis=0) > 0
    false_at = tuple(float(c) for c, hit in zip(confidence[1:], touches[1:], strict=True) if not hit)
    both = int(shared[1:, is_proposed].sum())
    total = int(shared[1:].sum()) + int(shared[:, is_proposed].sum())
    return ScoredCase(name, group, tuple(lesions), false_at, 2 * both / total if lesions else None)


def _found_at(row: npt.NDArray[np.int64], confidence: npt.NDArray[np.float64]) -> float:
    """The confidence of the candidate with which, taken from the surest on, enough of the lesion is covered."""
    covered = 0
    for n in np.argsort(-confidence[1:], kind="stable") + 1:
        covered += int(row[n])
        if covered >= LEAST_COVER * row.sum():
            return float(confidence[n])
    return 0.0


def sensitivity(cases: Iterable[ScoredCase], least_confidence: float, low_mm: float, high_mm: float) -> tuple[int, int]:
    """Return how many lesions of a range of diameters were found, and how many there are."""
    lesions = [lesion for case in cases for lesion in case.lesions if low_mm <= lesion.diameter_mm < high_mm]
    return sum(0 < lesion.found_at >= least_confidence for lesion in lesions), len(lesions)


def false_per_case(cases: Sequence[ScoredCase], least_confidence: float) -> float:
    """Return the mean number of candidates that touch no lesion."""
    return sum(f >= least_confidence for case in cases for f in case.false_at) / len(cases)


def froc(cases: Sequence[ScoredCase]) -> list[tuple[float, float, float]]:
    """Return (least confidence, false ones per case, sensitivity for lesions of 10 mm and more) of each threshold."""
    rows = []
    for threshold in THRESHOLDS:
        hit, count = sensitivity(cases, threshold, JUDGED_FROM_MM, np.inf)
        rows.append((threshold, false_per_case(cases, threshold), hit / max(count, 1)))
    return rows


def best_at(cases: Sequence[ScoredCase], most_false: float) -> tuple[float, float, float] | None:
    """Return the row of `froc` with the best sensitivity at no more false ones per case; None if there is none."""
    allowed = [row for row in froc(cases) if row[1] <= most_false]
    return max(allowed, key=lambda row: (row[2], row[0]), default=None)


def markdown_table(cases: Sequence[ScoredCase]) -> str:
    """Return the model card's tables."""
    lines = [
        f"At the program's least confidence, {LEAST_CONFIDENCE:g}:",
        "",
        "| group | images | " + " | ".join(_size_name(b) for b in SIZE_BINS_MM) + " | 10 mm and more "
        "| false per case | Dice, mean | volume found / true |",
        "|---" * (len(SIZE_BINS_MM) + 6) + "|",
    ]
    for group in (PAINTED, PHANTOMS):
        rows = [case for case in cases if case.group == group]
        if rows:
            lines.append(_table_line(group, rows))
    lines += ["", "Sensitivity for lesions of 10 mm and more, by what is allowed to be wrong:", ""]
    lines += ["| group | " + " | ".join(f"{n:g} false per case" for n in FALSE_PER_CASE) + " |"]
    lines += ["|---" * (len(FALSE_PER_CASE) + 1) + "|"]
    for group in (PAINTED, PHANTOMS):
        rows = [case for case in cases if case.group == group]
        if rows:
            found = [best_at(rows, most) for most in FALSE_PER_CASE]
            shown = [f"{row[2]:.2f} (from {row[0]:.2f})" if row else "-" for row in found]
            lines.append(f"| {group} | " + " | ".join(shown) + " |")
    untouched = [case for case in cases if case.group == UNTOUCHED]
    counts = ", ".join(f"{c.name} {sum(f >= LEAST_CONFIDENCE for f in c.false_at)}" for c in untouched)
    lines += ["", f"Proposals in the untouched held-out livers (truth unknown): {counts}."]
    return "\n".join(lines)


def _table_line(group: str, rows: Sequence[ScoredCase]) -> str:
    bins = [sensitivity(rows, LEAST_CONFIDENCE, *b) for b in (*SIZE_BINS_MM, (JUDGED_FROM_MM, np.inf))]
    shares = [f"{hit}/{count}" + (f" = {hit / count:.2f}" if count else "") for hit, count in bins]
    dice = [case.dice for case in rows if case.dice is not None]
    found = [x for case in rows for x in case.lesions if x.found_at >= LEAST_CONFIDENCE]
    ratio = np.median([x.found_ml / x.volume_ml for x in found]) if found else float("nan")
    return (
        f"| {group} | {len(rows)} | " + " | ".join(shares) + f" | {false_per_case(rows, LEAST_CONFIDENCE):.2f} "
        f"| {np.mean(dice):.2f} | {ratio:.2f} (median) |"
    )


def _size_name(limits: tuple[float, float]) -> str:
    low, high = limits
    if np.isinf(high):
        return f"from {low:.0f} mm"
    return f"{low:.0f}-{high:.0f} mm" if low else f"below {high:.0f} mm"
