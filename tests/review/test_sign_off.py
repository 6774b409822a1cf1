"""What is said of a structure holds for exactly those voxels, and stays in the log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from twin_samples import sample_labels, sample_twin

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.review import ReviewState, SignOff, structure_hashes
from surgtwin.errors import LabelError, ReviewError
from surgtwin.review.sign_off import Opinion, genuine, reviews_of, signed
from surgtwin.store.load import load_twin
from surgtwin.store.reviews import load_review
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

ACCEPT = Opinion(ReviewState.ACCEPTED, seconds=30.0)


def say(writer: TwinWriter, reader, names, opinion=ACCEPT):
    twin = writer.twin
    return writer.review(signed(twin.case_id, twin.revision.number, twin.labels, names, opinion, reader))


def states(twin) -> dict[str, str]:
    return {r.structure: r.text for r in reviews_of(twin.labels, twin.reviews, twin.case_id)}


def edited(twin, name: str):
    """The twin with one voxel of a structure taken away."""
    s = twin.labels.structure(name)
    layers = [layer.copy() for layer in twin.labels.layers]
    layers[s.layer][tuple(np.argwhere(layers[s.layer] == s.label)[0])] = 0
    return replace(twin, labels=LabelMap(twin.labels.grid, tuple(layers), twin.labels.structures), confidence=None)


def test_what_a_reader_says_is_in_the_twin_when_it_is_opened_again(saved, reader):
    with TwinWriter(saved) as writer:
        say(writer, reader, ["liver", "left kidney"])
        say(writer, reader, ["left kidney"], Opinion(ReviewState.REJECTED, 5.0, "half of it is missing", "see k 10"))
    twin = load_twin(saved)
    assert states(twin) == {"liver": "accepted by Dr. B", "left kidney": "rejected by Dr. B", "body": "not started"}
    assert [s.seconds for s in twin.reviews.sign_offs] == [15.0, 15.0, 5.0]
    assert twin.reviews.sign_offs[-1].reason == "half of it is missing"
    assert "liver" in twin.accepted
    assert "left kidney" not in twin.accepted
    assert verify_twin(saved).ok
    kept = load_review(saved)
    assert kept.reviews == twin.reviews
    assert kept.case_id == twin.case_id


def test_an_edit_afterwards_shows(saved, reader):
    with TwinWriter(saved) as writer:
        say(writer, reader, ["liver", "left kidney"])
        twin = writer.append(edited(writer.twin, "liver"), "a voxel was taken away")
    assert states(twin)["liver"] == "in progress: accepted by Dr. B, changed since"
    assert states(twin)["left kidney"] == "accepted by Dr. B"
    assert "liver" not in twin.accepted


def test_voxels_that_are_back_count_as_accepted_again(saved, reader):
    with TwinWriter(saved) as writer:
        say(writer, reader, ["liver"])
        before = writer.twin
        writer.append(edited(before, "liver"), "edited")
        twin = writer.append(before, "undone")
    assert states(twin)["liver"] == "accepted by Dr. B"


def test_a_statement_about_voxels_that_are_gone_is_not_kept(saved, reader):
    with TwinWriter(saved) as writer:
        old = writer.twin
        late = signed(old.case_id, old.revision.number, old.labels, ["liver"], ACCEPT, reader)
        writer.append(edited(old, "liver"), "edited meanwhile")
        seq = writer.state.seq
        with pytest.raises(ReviewError, match="has changed since"):
            writer.review(late)
        assert writer.state.seq == seq
        assert not writer.twin.reviews.sign_offs


def test_looking_again_takes_no_acceptance_away(saved, reader):
    with TwinWriter(saved) as writer:
        say(writer, reader, ["liver"])
        twin = say(writer, reader, ["liver"], Opinion(ReviewState.IN_PROGRESS))
    assert "liver" in twin.accepted


def test_a_forged_statement_counts_for_nothing_and_is_named(saved, reader):
    with TwinWriter(saved) as writer:
        twin = writer.twin
        (said,) = signed(twin.case_id, 1, twin.labels, ["liver"], ACCEPT, reader)
        twin = writer.review([replace(said, seconds=99.0)])
    book, forged = genuine(twin.reviews, twin.case_id)
    assert not book.sign_offs
    assert [f.structure for f in forged] == ["liver"]
    assert states(twin)["liver"] == "not started"


def test_a_copy_of_the_twin_has_the_statements(saved, reader, tmp_path):
    with TwinWriter(saved) as writer:
        twin = say(writer, reader, ["liver"])
    save_twin(twin, tmp_path / "copy.twin")
    assert load_twin(tmp_path / "copy.twin").reviews == twin.reviews


def test_the_hash_is_of_voxels_and_places_not_of_the_grid_around_them():
    labels = sample_labels(sample_twin().labels.grid)
    grown = tuple(np.pad(layer, ((2, 1), (3, 0), (0, 4))) for layer in labels.layers)
    shift = np.eye(4)
    shift[:3, 3] = (0, -3, -2)
    larger = LabelMap(Grid(grown[0].shape, labels.grid.lps_from_ijk @ shift), grown, labels.structures)
    assert structure_hashes(larger, larger.structures) == structure_hashes(labels, labels.structures)
    moved = np.eye(4)
    moved[0, 3] = 0.5
    aside = LabelMap(Grid(labels.grid.shape, moved @ labels.grid.lps_from_ijk), labels.layers, labels.structures)
    assert not set(structure_hashes(aside, aside.structures).values()) & set(
        structure_hashes(labels, labels.structures).values()
    )


def test_a_structure_without_voxels_can_be_reviewed():
    labels = sample_labels(sample_twin().labels.grid)
    empty = LabelMap(labels.grid, (np.zeros_like(labels.layers[0]), labels.layers[1]), labels.structures)
    hashes = structure_hashes(empty, empty.structures)
    assert len(hashes["liver"]) == 64
    assert hashes["liver"] != structure_hashes(labels, labels.structures)["liver"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": ReviewState.NOT_STARTED}, "nobody has said"),
        ({"state": ReviewState.REJECTED}, "without a reason"),
        ({"reader": " "}, "needs a reader"),
        ({"reader_key": ""}, "needs a reader"),
        ({"seconds": -1.0}, "number of seconds"),
        ({"seconds": float("nan")}, "number of seconds"),
        ({"comment": "x" * 2001}, "at most 2000"),
    ],
)
def test_an_impossible_statement_is_refused(fields, said):
    right = {"state": ReviewState.ACCEPTED, "reader": "Dr. B", "reader_key": "ab" * 32, "seconds": 1.0, "comment": ""}
    with pytest.raises(ReviewError, match=said):
        SignOff(
            structure="liver", content_sha256="00" * 32, twin_revision=1, utc="2026-01-02T03:04:05Z", **right | fields
        )


def test_a_structure_that_is_not_there_is_named(saved, reader):
    labels = load_twin(saved).labels
    with pytest.raises(LabelError, match="no structure 'heart'"):
        signed("case", 1, labels, ["heart"], ACCEPT, reader)
    with pytest.raises(ReviewError, match="at least one"):
        signed("case", 1, labels, [], ACCEPT, reader)
