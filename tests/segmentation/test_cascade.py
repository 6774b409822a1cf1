from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from segmentation.cascade import resample_painted
from segmentation.plans import ResampleRule


def blocks() -> np.ndarray:
    labels = np.zeros((9, 20, 16), np.uint8)
    labels[2:6, 3:12, 4:13] = 1
    labels[4:8, 8:16, 2:9] = 2
    return labels


@pytest.mark.parametrize("shape", [(14, 27, 21), (5, 11, 9), (9, 31, 10)])
def test_a_label_is_painted_where_its_membership_reaches_a_half(shape: tuple[int, int, int]) -> None:
    labels = blocks()
    expected = np.zeros(shape, np.int16)
    zoom = [n / m for n, m in zip(shape, labels.shape, strict=True)]
    for value in (1, 2):
        share = ndimage.zoom((labels == value).astype(float), zoom, order=1, mode="nearest", grid_mode=True)
        expected[share >= 0.5 - 1e-6] = value
    found = resample_painted(labels, shape, (1, 2), ResampleRule(1), None)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_a_coarse_axis_takes_the_nearest_slice() -> None:
    labels = blocks()
    found = resample_painted(labels, (18, 20, 16), (1, 2), ResampleRule(1), 0)
    np.testing.assert_array_equal(found.numpy(), np.repeat(labels, 2, axis=0))


def test_the_same_grid_changes_nothing() -> None:
    labels = blocks()
    found = resample_painted(labels, labels.shape, (1, 2), ResampleRule(1), None)
    assert found.dtype == torch.int16
    np.testing.assert_array_equal(found.numpy(), labels)
