from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from segmentation.resample import CUBIC, LINEAR, resample, resample_labels


@pytest.mark.parametrize("order", [LINEAR, CUBIC])
@pytest.mark.parametrize("shape", [(9, 20, 31), (24, 11, 13), (17, 23, 11)])
def test_matrices_give_spline_interpolation(order: int, shape: tuple[int, int, int]) -> None:
    volume = np.random.default_rng(1).normal(size=(17, 15, 19))
    zoom = [n / m for n, m in zip(shape, volume.shape, strict=True)]
    truth = ndimage.zoom(volume, zoom, order=order, mode="nearest", grid_mode=True)
    found = resample(torch.from_numpy(volume).float(), shape, order, clip=False).numpy()
    assert np.abs(found - truth).max() < 1e-5


def test_clipping_keeps_the_range() -> None:
    step = torch.zeros(10, 10, 10)
    step[5:] = 1
    found = resample(step, (23, 10, 10), CUBIC)
    assert float(found.min()) == 0.0 and float(found.max()) == 1.0


def test_linear_ramp_stays_a_ramp_inside() -> None:
    ramp = torch.arange(12, dtype=torch.float32)[:, None, None].expand(12, 4, 4)
    found = resample(ramp, (24, 4, 4), LINEAR)[:, 0, 0]
    torch.testing.assert_close(found[1:-1], torch.arange(22) * 0.5 + 0.25)


def test_labels_keep_their_volume_and_place() -> None:
    labels = np.zeros((20, 20, 20), dtype=np.uint8)
    labels[4:16, 4:16, 4:10] = 1
    labels[4:16, 4:16, 10:16] = 2
    found = resample_labels(labels, (40, 30, 40), 3)
    assert found.shape == (40, 30, 40)
    for value in (1, 2):
        assert np.count_nonzero(found == value) == pytest.approx(6 * np.count_nonzero(labels == value), rel=0.02)
    assert found[20, 15, 12] == 1 and found[20, 15, 28] == 2
