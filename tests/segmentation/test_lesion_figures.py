"""Detection figures of lesions: the same as `score_lesions` at a threshold, and FROC by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.lesion_candidates import FoundLesion
from segmentation.lesion_figures import (
    PAINTED,
    PHANTOMS,
    UNTOUCHED,
    ScoredCase,
    TrueLesion,
    best_at,
    false_per_case,
    froc,
    markdown_table,
    score_case,
    sensitivity,
)
from segmentation.lesion_finder import LEAST_CONFIDENCE
from segmentation.lesions import score_lesions

SPACING = (2.0, 1.0, 1.5)
SHAPE = (20, 40, 40)


def lesion(number: int, confidence: float) -> FoundLesion:
    return FoundLesion(number, (0.0, 0.0, 0.0), 10.0, 1.0, confidence)


def boxes() -> tuple[np.ndarray, np.ndarray, list[FoundLesion]]:
    """Three true lesions; candidates: one good, one grazing, one beside, one false."""
    truth = np.zeros(SHAPE, dtype=np.int64)
    truth[2:8, 2:12, 2:12] = 1
    truth[2:8, 20:30, 20:30] = 2
    truth[14:18, 30:36, 5:11] = 3
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[2:8, 3:12, 2:12] = 1
    labels[7:8, 20:30, 20:22] = 2
    labels[14:18, 2:8, 30:36] = 3
    labels[14:18, 34:36, 5:11] = 4
    return truth, labels, [lesion(1, 0.99), lesion(2, 0.9), lesion(3, 0.85), lesion(4, 0.4)]


def test_figures_at_any_threshold_are_those_of_the_lesion_wise_score() -> None:
    truth, labels, found = boxes()
    case = score_case("a", PAINTED, labels, found, truth, SPACING)
    for threshold in (0.3, 0.5, 0.87, 0.95, 1.0):
        kept = np.isin(labels, [f.number for f in found if f.confidence >= threshold])
        score = score_lesions(kept, truth > 0)
        assert sensitivity([case], threshold, 0.0, np.inf) == (score.found, score.reference)
        assert false_per_case([case], threshold) == score.false


def test_sizes_volumes_and_dice_are_those_of_the_voxels() -> None:
    truth, labels, found = boxes()
    case = score_case("a", PAINTED, labels, found, truth, SPACING)
    first = case.lesions[0]
    assert first.volume_ml == pytest.approx(600 * 3.0 / 1000)
    assert first.diameter_mm == pytest.approx(np.cbrt(6 * 1800 / np.pi))
    assert first.found_ml == pytest.approx(540 * 3.0 / 1000)
    proposed = np.isin(labels, [f.number for f in found if f.confidence >= LEAST_CONFIDENCE])
    both = np.count_nonzero(proposed & (truth > 0))
    assert case.dice == pytest.approx(2 * both / (np.count_nonzero(proposed) + np.count_nonzero(truth)))


def test_an_image_without_lesions_or_candidates_counts_only_false_ones() -> None:
    truth, labels, found = boxes()
    empty = score_case("b", UNTOUCHED, labels, found, np.zeros(SHAPE, np.int64), SPACING)
    assert empty.lesions == () and empty.dice is None and len(empty.false_at) == 4
    nothing = score_case("c", PAINTED, np.zeros(SHAPE, np.uint8), [], truth, SPACING)
    assert nothing.false_at == () and nothing.dice == 0.0
    assert sensitivity([nothing], 0.0, 0.0, np.inf) == (0, 3)


def test_pieces_together_may_cover_a_lesion_that_none_covers_alone() -> None:
    truth = np.zeros(SHAPE, dtype=np.int64)
    truth[:10, :10, :10] = 1
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[0, :6, :10] = 1
    labels[5, :6, :10] = 2
    case = score_case("a", PAINTED, labels, [lesion(1, 0.9), lesion(2, 0.7)], truth, SPACING)
    assert case.lesions[0].found_at == 0.7


def test_froc_trades_false_ones_for_sensitivity() -> None:
    lesions = tuple(TrueLesion(d, 1.0, at, 1.0) for d, at in ((12.0, 0.95), (20.0, 0.75), (8.0, 0.99), (30.0, 0.0)))
    cases = [ScoredCase("a", PAINTED, lesions, (0.9, 0.6, 0.5), 0.5), ScoredCase("b", PAINTED, (), (0.6,), None)]
    rows = {round(t, 2): (false, sens) for t, false, sens in froc(cases)}
    assert rows[0.7] == (0.5, pytest.approx(2 / 3))
    assert rows[0.94] == (0.0, pytest.approx(1 / 3))
    assert rows[0.55] == (1.5, pytest.approx(2 / 3))
    best = best_at(cases, 0.5)
    assert best is not None and best[1:] == (0.5, pytest.approx(2 / 3)) and best[0] == pytest.approx(0.75)
    assert best_at([ScoredCase("b", PAINTED, (), (1.0,), None)], 0.5) is None


def test_the_card_names_every_group_and_the_untouched_livers() -> None:
    lesions = (TrueLesion(12.0, 1.0, 0.95, 0.8), TrueLesion(35.0, 20.0, 0.99, 21.0))
    cases = [
        ScoredCase("p", PAINTED, lesions, (0.99,), 0.7),
        ScoredCase("q", PHANTOMS, lesions, (), 0.9),
        ScoredCase("case11", UNTOUCHED, (), (0.99, 0.1), None),
    ]
    table = markdown_table(cases)
    assert "| painted | 1 |" in table and "| phantoms | 1 |" in table
    assert "2/2 = 1.00" in table and "case11 1." in table
