from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from segmentation.plans import LabelScheme
from segmentation.postprocess import LabelExporter, clear_far_pieces, keep_largest_pieces, mixed_cells
from segmentation.preprocess import nearest_rows
from segmentation.sliding_window import LogitSlab

CLASSES = LabelScheme({"a": 1, "b": 2, "c": 3}, (), 4)
REGIONS = LabelScheme({"whole": 1, "core": 2}, (1, 2), 2)


def smooth_logits(heads: int, shape: tuple[int, int, int]) -> torch.Tensor:
    noise = np.random.default_rng(7).normal(size=(heads, *shape))
    smooth = np.stack([ndimage.gaussian_filter(n, 1.5) for n in noise])
    return torch.from_numpy((smooth * 10).astype(np.float32))


def export(
    logits: torch.Tensor, shape: tuple[int, int, int], scheme: LabelScheme, cuts: list[int], coarse: int | None = None
) -> np.ndarray:
    labels = np.full(shape, 99, dtype=np.uint8)
    exporter = LabelExporter(labels, tuple(logits.shape[1:]), scheme, coarse)
    for first, stop in zip([0, *cuts], [*cuts, logits.shape[1]], strict=True):
        exporter.add(LogitSlab(first, logits[:, first:stop]))
    assert exporter.is_complete
    return labels


@pytest.mark.parametrize("shape", [(33, 40, 25), (9, 17, 60), (13, 15, 17), (50, 8, 17)])
@pytest.mark.parametrize("cuts", [[], [1, 2, 7], [12]])
@pytest.mark.parametrize("dense_share", [-1.0, 2.0])
def test_export_is_the_argmax_of_interpolated_logits(
    shape: tuple[int, int, int], cuts: list[int], dense_share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmentation.postprocess.DENSE_SHARE", dense_share)
    logits = smooth_logits(4, (13, 15, 17))
    zoom = [n / m for n, m in zip(shape, logits.shape[1:], strict=True)]
    full = np.stack([ndimage.zoom(c, zoom, order=1, mode="nearest", grid_mode=True) for c in logits.double().numpy()])
    ranked = np.sort(full, axis=0)
    clear = ranked[-1] - ranked[-2] > 1e-4
    found = export(logits, shape, CLASSES, cuts)
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(found[clear], full.argmax(0)[clear])


@pytest.mark.parametrize("dense_share", [-1.0, 2.0])
def test_regions_are_painted_in_order(dense_share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmentation.postprocess.DENSE_SHARE", dense_share)
    logits = smooth_logits(2, (9, 10, 11))
    shape = (20, 21, 23)
    zoom = [n / m for n, m in zip(shape, logits.shape[1:], strict=True)]
    full = np.stack([ndimage.zoom(c, zoom, order=1, mode="nearest", grid_mode=True) for c in logits.double().numpy()])
    truth = np.zeros(shape, dtype=np.uint8)
    truth[full[0] > 0] = 1
    truth[full[1] > 0] = 2
    clear = np.abs(full).min(0) > 1e-4
    np.testing.assert_array_equal(export(logits, shape, REGIONS, [4])[clear], truth[clear])


def test_a_coarse_axis_takes_the_nearest_slice() -> None:
    logits = smooth_logits(4, (9, 10, 11))
    found = export(logits, (20, 10, 11), CLASSES, [3], coarse=0)
    np.testing.assert_array_equal(found, logits.argmax(0).numpy()[nearest_rows(9, 20)])


def test_a_single_slice_is_exported() -> None:
    logits = smooth_logits(4, (1, 10, 11))
    found = export(logits, (3, 10, 11), CLASSES, [])
    np.testing.assert_array_equal(found, np.repeat(logits.argmax(0).numpy(), 3, axis=0))


def test_mixed_cells_are_those_with_differing_corners() -> None:
    marks = torch.zeros(5, 5, 5, dtype=torch.int64)
    marks[2, 2, 2] = 1
    expected = torch.zeros(5, 5, 5, dtype=torch.bool)
    expected[1:3, 1:3, 1:3] = True
    assert torch.equal(mixed_cells(marks), expected)


def test_only_the_largest_piece_stays() -> None:
    labels = np.zeros((10, 10, 10), dtype=np.uint8)
    labels[1:5, 1:5, 1:5] = 2
    labels[8:9, 8:9, 8:9] = 2
    labels[7, 0, 0] = 1
    assert keep_largest_pieces(labels, (2, 3)) == {2: 1}
    assert np.count_nonzero(labels == 2) == 64 and labels[7, 0, 0] == 1


@pytest.mark.parametrize(("reach_mm", "cleared"), [(39.0, {1: 8}), (41.0, {})])
def test_what_lies_too_far_from_the_largest_piece_is_cleared(reach_mm: float, cleared: dict[int, int]) -> None:
    labels = np.zeros((20, 30, 12), dtype=np.uint8)
    labels[2:6, 2:12, 2:10] = 1
    labels[7:9, 14:16, 2:4] = 1
    labels[13:15, 2:4, 2:4] = 1
    labels[18, 28, 11] = 2
    before = labels.copy()
    # The third piece lies 8 slices of 5 mm below the first.
    assert clear_far_pieces(labels, {1: reach_mm, 2: 1.0, 3: 1.0}, (5.0, 1.0, 1.0)) == cleared
    before[13:15] = 0 if cleared else before[13:15]
    np.testing.assert_array_equal(labels, before)


def test_the_gap_is_measured_along_all_axes_together() -> None:
    labels = np.zeros((10, 10, 10), dtype=np.uint8)
    labels[0:4, 0:4, 0:4] = 1
    labels[6, 7, 5] = 1
    gap = float(np.linalg.norm([3 * 2.0, 4 * 1.5, 2 * 1.0]))
    assert clear_far_pieces(labels.copy(), {1: gap + 0.01}, (2.0, 1.5, 1.0)) == {}
    assert clear_far_pieces(labels, {1: gap - 0.01}, (2.0, 1.5, 1.0)) == {1: 1}
