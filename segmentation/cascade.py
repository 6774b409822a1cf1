"""A cascade's second stage: the labels of the first as further input channels, prepared as nnU-Net prepares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .plans import LabelScheme, ModelPlan, ResampleRule, Spacing
from .preprocess import PreparedImage, Shape, coarse_axis, resample_coarse, transposed
from .resample import resample

HALF = 0.5 - 1e-6
"""A label is taken where its membership is a half, rounding allowed for."""


def with_previous_stage(
    image: PreparedImage, labels: npt.NDArray[Any], spacing_mm: Spacing, plan: ModelPlan, scheme: LabelScheme
) -> PreparedImage:
    """Return the network's input with the labels of a cascade's first stage as further channels, one a structure.

    Parameters
    ----------
    labels
        ``[k, j, i]`` on the image's own grid.
    """
    spacing = transposed(spacing_mm, plan)
    cropped = np.transpose(labels, plan.transpose_forward)[image.box]
    k, j, i = (int(n) for n in image.data.shape[1:])
    axis = coarse_axis(plan.label_rule, spacing, plan.spacing_for(spacing))
    resampled = resample_painted(cropped, (k, j, i), scheme.values, plan.label_rule, axis)
    masks = torch.stack([resampled == value for value in scheme.values]).to(image.data)
    return replace(image, data=torch.cat((image.data, masks)))


def resample_painted(
    labels: npt.NDArray[Any], shape: Shape, values: Sequence[int], rule: ResampleRule, axis: int | None
) -> Tensor:
    """Return labels int16 on another grid: each value painted, ascending, where its membership reaches a half."""
    source = torch.from_numpy(np.ascontiguousarray(labels).astype(np.int16))
    if tuple(source.shape) == shape:
        return source
    result = torch.zeros(shape, dtype=torch.int16)
    lead = axis or 0
    plane = [n for a, n in enumerate(shape) if a != lead]
    for value in values:
        mask = (source == value).float().movedim(lead, 0)
        if axis is None:
            membership = resample(mask, (shape[lead], *plane), rule.order)
        else:
            slices = resample(mask, (mask.shape[0], *plane), rule.order, clip=False) >= HALF
            membership = resample_coarse(slices.float(), shape[lead], rule.order_z)
        result[(membership >= HALF).movedim(0, lead)] = value
    return result
