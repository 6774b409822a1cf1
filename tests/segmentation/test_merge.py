from __future__ import annotations

import numpy as np
import pytest

from segmentation.collection import CollectionPart, PartLabel
from segmentation.merge import LabelMerger, Overlap, overlap_finding
from surgtwin.domain.finding import Severity


def part(*rows: tuple[int, str, int]) -> CollectionPart:
    labels = tuple(PartLabel(value, name, name, True, own) for value, name, own in rows)
    return CollectionPart("part", None, labels)  # type: ignore[arg-type]


ORGANS = part((1, "liver", 1), (2, "spleen", 2))
OTHERS = part((3, "aorta", 1), (4, "liver tumour", 2))


def merged(*given: tuple[CollectionPart, list[int]]) -> LabelMerger:
    rows = [row for p, _ in given for row in p.labels]
    merger = LabelMerger((1, 1, len(given[0][1])), rows)
    for p, values in given:
        merger.add(p, np.array(values, np.uint8).reshape(1, 1, -1))
    return merger


def test_a_voxel_keeps_its_first_label_unless_a_part_of_it_comes() -> None:
    merger = merged((ORGANS, [0, 1, 1, 2, 2, 0]), (OTHERS, [1, 0, 2, 2, 1, 0]))
    assert merger.labels.ravel().tolist() == [3, 1, 4, 2, 2, 0]
    assert set(merger.overlaps()) == {
        Overlap("liver tumour", "liver", 1), Overlap("spleen", "liver tumour", 1), Overlap("spleen", "aorta", 1),
    }  # fmt: skip


def test_a_part_is_kept_too_where_its_whole_comes_later() -> None:
    merger = merged((OTHERS, [2, 0]), (ORGANS, [1, 1]))
    assert merger.labels.ravel().tolist() == [4, 1]
    assert merger.overlaps() == (Overlap("liver tumour", "liver", 1),)


def test_nothing_is_lost_uncounted() -> None:
    rng = np.random.default_rng(3)
    first, second = (rng.integers(0, 3, (6, 7, 8)).astype(np.uint8) for _ in range(2))
    merger = LabelMerger(first.shape, (*ORGANS.labels, *OTHERS.labels))
    merger.add(ORGANS, first)
    merger.add(OTHERS, second)
    assert sum(o.voxels for o in merger.overlaps()) == np.count_nonzero((first > 0) & (second > 0))
    assert np.count_nonzero(merger.labels) == np.count_nonzero((first > 0) | (second > 0))


def test_labels_that_are_not_taken_leave_no_trace() -> None:
    merger = merged((ORGANS, [1, 2, 0]), (part((3, "aorta", 2)), [1, 1, 1]))
    assert merger.labels.ravel().tolist() == [1, 2, 0] and merger.overlaps() == ()
    assert overlap_finding(merger, 0.001) is None


def test_values_beyond_255_fit() -> None:
    merger = merged((part((1, "liver", 1), (300, "spleen", 2)), [1, 2]))
    assert merger.labels.dtype == np.uint16 and merger.labels.ravel().tolist() == [1, 300]


@pytest.mark.parametrize(("lost", "severity"), [(1, Severity.INFO), (50, Severity.WARNING)])
def test_the_finding_carries_how_much_was_labelled_twice(lost: int, severity: Severity) -> None:
    merger = merged((ORGANS, [1] * lost + [0] * (100 - lost)), (OTHERS, [1] * 100))
    finding = overlap_finding(merger, voxel_ml=0.5)
    assert finding is not None and finding.code == "overlapping-parts" and finding.severity == severity
    assert finding.numbers == {"overlap_ml": lost * 0.5, "pairs": 1.0, "largest_share_given_up": lost / 100}
    assert "liver kept" in finding.message and "of aorta" in finding.message
