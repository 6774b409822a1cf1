"""From an image's array to the network's input, in nnU-Net's order: transpose, crop, normalise, resample.

Work goes slab by slab, so that beside the stored image (usually int16) only the resampled one is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surgtwin.errors import ModelError
from surgtwin.progress import SILENT, Progress

from .plans import ChannelNormalisation, ModelPlan, ResampleRule, Spacing
from .resample import LINEAR, axis_matrix, resample

ANISOTROPY_LIMIT = 3.0
"""Above this ratio of spacings nnU-Net resamples the coarse axis apart."""
SLAB_VOXELS = 8_000_000
TINY = 1e-8
RGB_LARGEST = 255.0

Shape = tuple[int, int, int]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class PreparedImage:
    """The network's input and what is needed to come back to the image.

    Parameters
    ----------
    data
        ``[channels, k, j, i]`` float32 on the plan's grid (transposed axes).
    box
        Where the cropped part lies in the transposed image.
    transposed_shape
        Of the image before cropping.
    coarse_axis
        The axis that logits are brought back along apart, None when resampled as a whole.
    """

    data: Tensor
    box: Box
    transposed_shape: Shape
    coarse_axis: int | None

    @property
    def cropped_shape(self) -> Shape:
        """Shape of the cropped image, on the image's own spacing."""
        k, j, i = (s.stop - s.start for s in self.box)
        return (k, j, i)


def prepare(
    channels: Sequence[npt.NDArray[Any]],
    spacing_mm: Spacing,
    plan: ModelPlan,
    device: torch.device,
    progress: Progress = SILENT,
) -> PreparedImage:
    """Return the network's input for an image.

    Parameters
    ----------
    channels
        Arrays ``[k, j, i]`` of one shape, in the model's orientation, CT in HU.
    spacing_mm
        Along [k, j, i].

    Raises
    ------
    ModelError
        If the model needs another number of channels.
    """
    if len(channels) != len(plan.normalisation):
        raise ModelError(f"The model needs {len(plan.normalisation)} channels; the image has {len(channels)}.")
    turned = [np.transpose(c, plan.transpose_forward) for c in channels]
    spacing = transposed(spacing_mm, plan)
    target = plan.spacing_for(spacing)
    box = nonzero_box(turned)
    cropped = [t[box] for t in turned]
    shape = target_shape(cropped[0].shape, spacing, target)
    outside = outside_mask(cropped) if any(n.use_mask for n in plan.normalisation) else None
    axis = coarse_axis(plan.image_rule, spacing, target)
    prepared = []
    for n, (channel, rule) in enumerate(zip(cropped, plan.normalisation, strict=True)):
        values = normaliser(channel, rule, outside)
        part = progress.part(n / len(cropped), (n + 1) / len(cropped))
        prepared.append(_resample_channel(channel, values, shape, plan.image_rule, axis, device, part))
    full = turned[0].shape
    return PreparedImage(
        data=torch.stack(prepared),
        box=box,
        transposed_shape=(full[0], full[1], full[2]),
        coarse_axis=coarse_axis(plan.logit_rule, target, spacing),
    )


def transposed(spacing_mm: Spacing, plan: ModelPlan) -> Spacing:
    """Return an image's spacing along the plan's axes."""
    a, b, c = plan.transpose_forward
    return (spacing_mm[a], spacing_mm[b], spacing_mm[c])


def target_shape(shape: Sequence[int], spacing: Spacing, target: Spacing) -> Shape:
    """Return the array shape at the target spacing, by nnU-Net's rounding, at least one voxel per axis."""
    k, j, i = (max(1, round(s / t * n)) for n, s, t in zip(shape, spacing, target, strict=True))
    return (k, j, i)


def nonzero_box(channels: Sequence[npt.NDArray[Any]]) -> Box:
    """Return the box around all values that are not exactly zero; everything if there are none."""
    found = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.zeros(channels[0].shape[axis], dtype=bool)
        for channel in channels:
            used |= channel.any(axis=others)
        where = np.flatnonzero(used)
        if len(where) == 0:
            k, j, i = (slice(0, n) for n in channels[0].shape)
            return (k, j, i)
        found.append(slice(int(where[0]), int(where[-1]) + 1))
    return (found[0], found[1], found[2])


def outside_mask(channels: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Return where the image is zero and not enclosed by other values."""
    import fill_voids

    inside = channels[0] != 0
    for channel in channels[1:]:
        inside |= channel != 0
    filled: npt.NDArray[np.bool_] = fill_voids.fill(np.ascontiguousarray(inside)).astype(bool)
    return ~filled


def coarse_axis(rule: ResampleRule, current: Spacing, new: Spacing) -> int | None:
    """Return the axis that nnU-Net resamples apart, None for none."""
    if rule.force_separate_z is False:
        return None
    for spacing in (current, new):
        if rule.force_separate_z or max(spacing) / min(spacing) > ANISOTROPY_LIMIT:
            largest = [a for a in range(3) if spacing[a] == max(spacing)]
            return largest[0] if len(largest) == 1 else None
    return None


@dataclass(frozen=True)
class Normaliser:
    """A channel's normalisation with its numbers measured; applied slab by slab."""

    offset: float
    divisor: float
    bounds: tuple[float, float] | None
    outside: npt.NDArray[np.bool_] | None

    def apply(self, slab: npt.NDArray[Any], where: tuple[slice, ...], device: torch.device) -> Tensor:
        """Return the slab normalised, float32 on the device; ``where`` is its place in the channel."""
        raw = torch.from_numpy(np.ascontiguousarray(slab.astype(np.float32)))
        values = raw.to(device)
        if self.bounds is not None:
            values = values.clamp(*self.bounds)
        scaled = (values - self.offset) / self.divisor
        if self.outside is None:
            return scaled
        kept = torch.from_numpy(np.ascontiguousarray(self.outside[where])).to(device)
        return torch.where(kept, values, scaled)


def normaliser(
    channel: npt.NDArray[Any], rule: ChannelNormalisation, outside: npt.NDArray[np.bool_] | None
) -> Normaliser:
    """Return the normalisation of one cropped channel."""
    if rule.scheme == "CTNormalization":
        return Normaliser(rule.mean, max(rule.std, TINY), (rule.low, rule.high), None)
    if rule.scheme == "RescaleTo01Normalization":
        low = float(channel.min())
        return Normaliser(low, max(float(channel.max()) - low, TINY), None, None)
    if rule.scheme == "RGBTo01Normalization":
        if channel.min() < 0 or channel.max() > RGB_LARGEST:
            raise ModelError(f"The model is for colours 0 to 255; this image has {channel.min()} to {channel.max()}.")
        return Normaliser(0.0, RGB_LARGEST, None, None)
    if rule.scheme == "NoNormalization":
        return Normaliser(0.0, 1.0, None, None)
    mask = outside if rule.use_mask else None
    mean, std = _mean_and_std(channel, mask)
    return Normaliser(mean, max(std, TINY), None, mask)


def _mean_and_std(channel: npt.NDArray[Any], outside: npt.NDArray[np.bool_] | None) -> tuple[float, float]:
    """Mean and standard deviation slice by slice in float64, outside left out."""
    count, total, squares = 0, 0.0, 0.0
    shift = float(channel.flat[0])
    for k in range(channel.shape[0]):
        values = channel[k].astype(np.float64) - shift
        if outside is not None:
            values = values[~outside[k]]
        count += values.size
        total += float(values.sum())
        squares += float((values * values).sum())
    mean = total / max(count, 1)
    return mean + shift, float(np.sqrt(max(squares / max(count, 1) - mean * mean, 0.0)))


def _resample_channel(
    channel: npt.NDArray[Any],
    values: Normaliser,
    shape: Shape,
    rule: ResampleRule,
    axis: int | None,
    device: torch.device,
    progress: Progress,
) -> Tensor:
    """Normalise and resample slab by slab across ``axis`` (or k), then along it."""
    lead = axis or 0
    rows = channel.shape[lead]
    plane = [n for a, n in enumerate(shape) if a != lead]
    result = torch.empty((rows, *plane), dtype=torch.float32, device=device)
    depth = max(1, SLAB_VOXELS * rows // max(1, channel.size))
    low, high = float("inf"), float("-inf")
    for start in range(0, rows, depth):
        where = tuple(slice(start, start + depth) if a == lead else slice(None) for a in range(3))
        slab = values.apply(channel[where], where, device).movedim(lead, 0)
        low, high = min(low, float(slab.min())), max(high, float(slab.max()))
        result[start : start + depth] = _resample_planes(slab, plane, rule.order, clip_each=axis is not None)
        progress.update(min(1.0, (start + depth) / rows))
    if axis is None:
        changed = resample(result, (shape[lead], *plane), rule.order, clip=False)
        return changed.clamp_(low, high) if tuple(channel.shape) != shape else changed
    return resample_coarse(result, shape[lead], rule.order_z).movedim(0, lead).contiguous()


def _resample_planes(slab: Tensor, plane: Sequence[int], order: int, clip_each: bool) -> Tensor:
    resampled = resample(slab, (slab.shape[0], *plane), order, clip=False)
    if not clip_each or order <= LINEAR or tuple(slab.shape[1:]) == tuple(plane):
        return resampled
    # Slices resampled one by one are clipped one by one, as skimage does.
    low, high = slab.amin((1, 2)), slab.amax((1, 2))
    return torch.minimum(torch.maximum(resampled, low[:, None, None]), high[:, None, None])


def resample_coarse(stack: Tensor, rows: int, order_z: int) -> Tensor:
    """Return ``[rows, ...]`` of a stack, the nearest row (order 0) or linearly between rows."""
    if rows == stack.shape[0]:
        return stack
    if order_z == 0:
        return stack[torch.from_numpy(nearest_rows(stack.shape[0], rows)).to(stack.device)]
    matrix = torch.tensor(axis_matrix(stack.shape[0], rows, LINEAR), device=stack.device)
    return (matrix @ stack.reshape(stack.shape[0], -1)).reshape(rows, *stack.shape[1:])


def nearest_rows(size_in: int, size_out: int) -> npt.NDArray[np.int64]:
    """Return the nearest input sample of each output sample along one axis."""
    centres = (np.arange(size_out) + 0.5) * (size_in / size_out) - 0.5
    return np.asarray(np.clip(np.floor(centres + 0.5), 0, size_in - 1), dtype=np.int64)
