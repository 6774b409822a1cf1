"""The work list: worst first, full reads mixed in, nothing left out silently."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from twin_samples import sample_twin

from surgtwin.domain.confidence import ConfidenceMap
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.review import ReviewState, StructureReview
from surgtwin.review.doubt import agreement, doubts, structure_confidence
from surgtwin.review.sign_off import Opinion, signed
from surgtwin.review.work_list import WorkItem, find_twins, in_order, work_list
from surgtwin.store.reviews import load_review
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter


def twin_with(case_id: str, severity: Severity | None = None, code: int = 255):
    twin = sample_twin()
    findings = () if severity is None else (Finding("odd", severity, "Something is odd.", structure="liver"),)
    codes = np.full(twin.labels.grid.shape, code, np.uint8)
    confidence = ConfidenceMap(twin.labels.grid, codes, True, "test")
    return replace(twin, case_id=case_id, findings=findings, confidence=confidence, reviews=type(twin.reviews)())


def item(n: int, is_done: bool = False) -> WorkItem:
    state = ReviewState.ACCEPTED if is_done else ReviewState.NOT_STARTED
    return WorkItem(Path(f"{n}.twin"), f"case-{n}", 1, (StructureReview("liver", state),))


def test_the_worst_comes_first_and_what_is_done_last(tmp_path, reader):
    for name, severity, code in (
        ("a", Severity.WARNING, 255),
        ("b", Severity.ERROR, 255),
        ("c", Severity.WARNING, 100),
        ("d", Severity.ERROR, 255),
    ):
        save_twin(twin_with(f"case-{name}", severity, code), tmp_path / "below" / f"{name}.twin")
    with TwinWriter(tmp_path / "below" / "d.twin") as writer:
        twin = writer.twin
        names = [s.name for s in twin.structures]
        writer.review(signed(twin.case_id, 1, twin.labels, names, Opinion(ReviewState.ACCEPTED), reader))
    items, unreadable = work_list([tmp_path])
    assert [i.path.stem for i in items] == ["c", "b", "a", "d"]
    assert [i.state for i in items] == [ReviewState.NOT_STARTED] * 3 + [ReviewState.ACCEPTED]
    assert not unreadable
    assert items[0].doubts[0].text == "The network is 39% sure of the body."


def test_a_damaged_twin_is_named_and_hides_no_other(tmp_path):
    for name in ("a", "b"):
        save_twin(twin_with(f"case-{name}"), tmp_path / f"{name}.twin")
    for blob in (tmp_path / "a.twin" / "blobs").rglob("*"):
        if blob.is_file():
            blob.write_bytes(b"")
    items, unreadable = work_list([tmp_path])
    assert [i.path.name for i in items] == ["b.twin"]
    assert [u.path.name for u in unreadable] == ["a.twin"]
    assert unreadable[0].reason


def test_a_twin_given_twice_is_there_once(tmp_path):
    save_twin(twin_with("case-a"), tmp_path / "a.twin")
    assert len(find_twins([tmp_path, tmp_path / "a.twin", tmp_path])) == 1


@pytest.mark.parametrize(("count", "drawn"), [(1, 1), (10, 1), (11, 2), (40, 4)])
def test_one_in_ten_of_those_that_look_right_is_read_in_full(count, drawn):
    assert sum(i.is_full_read for i in in_order([item(n) for n in range(count)])) == drawn


def test_finishing_cases_draws_no_others():
    first = [i.case_id for i in in_order([item(n) for n in range(30)]) if i.is_full_read]
    later = in_order([item(n, is_done=f"case-{n}" == first[0]) for n in range(30)])
    assert sorted(i.case_id for i in later if i.is_full_read) == sorted(first[1:])
    assert later[-1].case_id == first[0]


def test_confidence_is_read_where_the_structure_lies():
    twin = twin_with("case-a")
    codes = np.zeros(twin.labels.grid.shape, np.uint8)
    codes[twin.labels.mask("liver")] = 204
    codes[twin.labels.mask("left kidney")] = 51
    found = structure_confidence(twin.labels, ConfidenceMap(twin.labels.grid, codes, True, "test"))
    assert found["liver"] == pytest.approx(0.8)
    assert found["left kidney"] == pytest.approx(0.2)


def test_confidence_of_another_grid_is_found_by_place():
    twin = twin_with("case-a")
    grid = twin.labels.grid
    half = np.diag([2.0, 2.0, 2.0, 1.0])
    half[:3, 3] = 0.5
    coarse_shape = tuple(n // 2 for n in grid.shape)
    coarse = type(grid)(coarse_shape, grid.lps_from_ijk @ half)
    centres = np.stack(np.meshgrid(*(np.arange(n) for n in coarse_shape), indexing="ij"), -1).reshape(-1, 3)
    kji = np.rint(grid.to_ijk(coarse.to_lps(centres[:, ::-1])) - 0.5).astype(int)[:, ::-1]
    codes = np.where(twin.labels.layers[0][tuple(kji.T)] == 1, 230, 25).astype(np.uint8).reshape(coarse_shape)
    found = structure_confidence(twin.labels, ConfidenceMap(coarse, codes, True, "test"))
    # One of the liver's six rows lies in a coarse voxel whose middle is outside it.
    assert found["liver"] == pytest.approx((5 * 230 + 25) / 6 / 255)
    assert found["left kidney"] == pytest.approx(25 / 255)


def test_disagreement_with_the_revision_before_is_a_doubt(tmp_path):
    first = replace(twin_with("case-a"), confidence=None)
    save_twin(first, tmp_path / "a.twin")
    moved = [layer.copy() for layer in first.labels.layers]
    liver = moved[0] == 1
    moved[0][liver] = 0
    moved[0][np.roll(liver, 2, axis=1)] = 1
    labels = replace(first.labels, layers=tuple(moved))
    with TwinWriter(tmp_path / "a.twin") as writer:
        writer.append(replace(first, labels=labels), "moved")
    (found,) = doubts(load_review(tmp_path / "a.twin"))
    shared = agreement(labels, first.labels)
    assert shared["left kidney"] == 1.0
    assert shared["liver"] == pytest.approx(2 * 4 / 12)
    assert found.structure == "liver"
    assert "Dice of 0.67" in found.text
