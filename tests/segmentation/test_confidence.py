"""Where the network is sure, and how much of a structure is in doubt: against values that are known beforehand."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from segmentation.confidence import ConfidenceCollector, NetworkConfidence, clear_stray_pieces, probabilities
from segmentation.orientation import Reorientation
from segmentation.plans import LabelScheme
from segmentation.sliding_window import LogitSlab
from surgtwin.domain.geometry import Grid

CLASSES = LabelScheme({"a": 1, "b": 2}, (), 3)
REGIONS = LabelScheme({"whole": 4, "core": 2}, (4, 2), 2)
FULL = (slice(0, 6), slice(0, 10), slice(0, 8))


def gathered(logits: torch.Tensor, scheme: LabelScheme = CLASSES, temperature: float = 1.0, cuts=(1, 4)):
    collector = ConfidenceCollector(tuple(logits.shape[1:]), scheme, temperature)
    for first, stop in zip((0, *cuts), (*cuts, logits.shape[1]), strict=True):
        collector.add(LogitSlab(first, logits[:, first:stop]))
    k, j, i = logits.shape[1:]
    return collector.finish((slice(0, k), slice(0, j), slice(0, i)), (k, j, i))


def log_chances(*chances: float, shape=(6, 5, 4)) -> torch.Tensor:
    """Logits whose softmax is these chances everywhere."""
    return torch.log(torch.tensor(chances)).reshape(-1, 1, 1, 1).expand(-1, *shape).clone()


def test_codes_are_the_probability_of_the_label_and_doubts_its_complement() -> None:
    found = gathered(log_chances(0.1, 0.72, 0.18))
    assert np.all(found.codes == round(0.72 * 255))
    assert found.doubts[1].inside == pytest.approx(120 * 0.28) and found.doubts[1].outside == pytest.approx(0, abs=1e-4)
    assert found.doubts[2].inside == 0 and found.doubts[2].outside == pytest.approx(120 * 0.18)
    assert 0 not in found.doubts


def test_a_temperature_above_one_lowers_confidence_as_the_formula_says() -> None:
    chances = np.array([0.02, 0.9, 0.08])
    root = np.sqrt(chances) / np.sqrt(chances).sum()
    found = gathered(log_chances(*chances), temperature=2.0)
    assert np.all(found.codes == round(root[1] * 255))


@pytest.mark.parametrize("chunk", [1, 60, 10**9])
def test_slabs_and_chunks_change_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.from_numpy(np.random.default_rng(3).normal(size=(3, 6, 5, 4)).astype(np.float32) * 3)
    whole = gathered(logits, cuts=())
    monkeypatch.setattr("segmentation.confidence.CHUNK_NUMBERS", chunk)
    parts = gathered(logits, cuts=(2, 3, 5))
    np.testing.assert_array_equal(parts.codes, whole.codes)
    for value, doubt in whole.doubts.items():
        assert parts.doubts[value].inside == pytest.approx(doubt.inside)
        assert parts.doubts[value].outside == pytest.approx(doubt.outside)


def test_probabilities_of_regions_add_up_and_follow_the_order_of_painting() -> None:
    logits = torch.logit(torch.tensor([0.8, 0.4])).reshape(2, 1, 1, 1)
    none, core, whole = probabilities(logits, REGIONS, 1.0).flatten().tolist()
    assert (core, whole, none) == pytest.approx((0.4, 0.6 * 0.8, 0.6 * 0.2))
    found = gathered(logits.expand(-1, 6, 5, 4), REGIONS)
    assert np.all(found.codes == round(0.48 * 255)), "the head of the core is off, so the label is the whole"
    assert set(found.doubts) == {2, 4}


def test_doubts_count_voxels_of_the_image() -> None:
    collector = ConfidenceCollector((6, 5, 4), CLASSES)
    collector.add(LogitSlab(0, log_chances(0.1, 0.72, 0.18)))
    found = collector.finish((slice(3, 15), slice(0, 10), slice(2, 22)), (20, 12, 30))
    assert found.doubts[1].inside == pytest.approx(12 * 10 * 20 * 0.28)


def oblique_image() -> Grid:
    a, b = np.radians(20.0), np.radians(-35.0)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return Grid.from_axes((20, 30, 24), (-87.5, 33.25, 410.0), turn @ tilt, (0.7, 1.1, 2.5))


def test_the_grid_spans_the_box_edge_to_edge_in_an_oblique_image() -> None:
    image = oblique_image()
    box = (slice(4, 16), slice(3, 27), slice(1, 21))
    found = NetworkConfidence(np.zeros((6, 12, 30), np.uint8), box, image.shape, {}).grid_on(image)
    ends = [(s.start - 0.5, s.stop - 0.5) for s in box]
    expected = image.to_lps(list(product(ends[2], ends[1], ends[0])))
    np.testing.assert_allclose(found.corners(), expected, atol=1e-9)
    assert found.spacing == pytest.approx((0.7 * 20 / 30, 1.1 * 2, 2.5 * 2))


@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_a_mark_stays_at_its_place_whatever_way_the_network_saw_the_image(axes: tuple[int, int, int]) -> None:
    """A voxel that alone is marked has the same LPS place in the image and in the map that was turned back."""
    image = oblique_image()
    marked = (13, 8, 17)
    values = np.zeros(image.shape, np.uint8)
    values[marked] = 200
    for flips in product((False, True), repeat=3):
        turn = Reorientation(axes, flips)
        seen = turn.apply(values)
        box = tuple(slice(int(s.min()), int(s.max()) + 2) for s in np.nonzero(seen))
        inside = NetworkConfidence(np.ascontiguousarray(seen[box]), box, seen.shape, {})
        back = inside.turned_back(turn)
        k, j, i = (int(n[0]) for n in np.nonzero(back.codes))
        np.testing.assert_allclose(back.grid_on(image).to_lps((i, j, k)), image.to_lps(marked[::-1]), atol=1e-9)
        assert back.image_shape == image.shape


def test_nothing_is_said_of_pieces_that_were_cleared() -> None:
    labels = np.zeros((6, 10, 8), np.uint8)
    labels[1:5, 1:5, 1:5] = 1
    labels[0:2, 8:10, 6:8] = 1
    codes = np.full((6, 5, 4), 204, np.uint8)
    found = NetworkConfidence(codes, FULL, labels.shape, gathered(log_chances(0.1, 0.72, 0.18)).doubts)
    before = found.doubts[1].inside
    removed, left = clear_stray_pieces(labels, (1, 2), found, {}, (1.0, 1.0, 1.0))
    assert removed == {1: 8}
    stray = np.zeros((6, 5, 4), bool)
    stray[0:2, 4, 3] = True
    np.testing.assert_array_equal(left.codes == 0, stray)
    # Two voxels of the network, four of the image each, every one with a doubt of a fifth.
    assert before - left.doubts[1].inside == pytest.approx(2 * 4 * 0.2, rel=1e-4)
    assert left.doubts[2] == found.doubts[2]
