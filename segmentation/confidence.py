"""How sure the network is, gathered while logits pass by: a small map, and each structure's doubtful volume.

The confidence of a place is the calibrated probability of the label that the network gives it (temperature scaling:
Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). A structure's doubtful volume is what the network
itself expects to be wrong about it, in two parts that need not be equal: what lies inside and may belong elsewhere,
and what lies outside and may belong to it.

Not covered is what the network cannot doubt because it never saw it: another contrast phase or modality, anatomy that
was not in the training data, resections, metal. There it may be wrong with full confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surgtwin.domain.confidence import FULL_CONFIDENCE, NO_CONFIDENCE
from surgtwin.domain.geometry import Grid

from .orientation import Reorientation
from .plans import LabelScheme
from .postprocess import clear_far_pieces, decide, keep_largest_pieces
from .preprocess import nearest_rows
from .sliding_window import LogitSlab

CHUNK_NUMBERS = 16_000_000
"""Logits turned into probabilities at a time: what this needs of memory does not grow with image or classes."""

Box = tuple[slice, slice, slice]
Shape = tuple[int, int, int]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Doubt:
    """The expected wrong part of a structure, in voxels of the image.

    ``inside`` was given to it and may belong elsewhere; ``outside`` was not and may belong to it.
    """

    inside: float
    outside: float


@dataclass(frozen=True, eq=False)
class NetworkConfidence:
    """Confidence on the network's grid, axes as the labels' that it belongs to.

    Parameters
    ----------
    codes
        ``[k, j, i]`` uint8 on the network's grid: probability x 255, 0 where nothing is said.
    box
        The part of the image that the grid spans, edge to edge.
    image_shape
        Of the whole image, ``[k, j, i]``.
    doubts
        Label value -> doubtful part of that structure.
    """

    codes: Codes
    box: Box
    image_shape: Shape
    doubts: Mapping[int, Doubt]

    def turned_back(self, turn: Reorientation) -> NetworkConfidence:
        """Return it on the axes that the image had before ``turn`` was applied."""
        ends = zip(self.box, self.image_shape, turn.reversed_axes, strict=True)
        box = [slice(n - s.stop, n - s.start) if is_reversed else s for s, n, is_reversed in ends]
        a, b, c = (int(n) for n in np.argsort(turn.axes))
        shape = self.image_shape
        return replace(
            self,
            codes=np.ascontiguousarray(turn.undo(self.codes)),
            box=(box[a], box[b], box[c]),
            image_shape=(shape[a], shape[b], shape[c]),
        )

    def transposed_back(self, forward: tuple[int, int, int]) -> NetworkConfidence:
        """Return it on the axes of the image that ``np.transpose(image, forward)`` was made of."""
        return self.turned_back(Reorientation(forward, (False, False, False)))

    def grid_on(self, image: Grid) -> Grid:
        """Return the grid of the codes in LPS mm, given that of the image: both span the box edge to edge."""
        matrix = np.eye(4)
        for axis, (span, count) in enumerate(zip(self.box, self.codes.shape, strict=True)):
            ratio = (span.stop - span.start) / count
            column = 2 - axis
            matrix[column, column] = ratio
            matrix[column, 3] = span.start + 0.5 * ratio - 0.5
        k, j, i = self.codes.shape
        return Grid((k, j, i), image.lps_from_ijk @ matrix)

    def sample(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the values of an array on the image's grid at the voxel nearest to each centre of this one."""
        return labels[np.ix_(*(_nearest(s, n) for s, n in zip(self.box, self.codes.shape, strict=True)))]

    def without(self, cleared: npt.NDArray[np.bool_], values: npt.NDArray[Any]) -> NetworkConfidence:
        """Return it with nothing said where labels were cleared, and their doubt no longer counted.

        Parameters
        ----------
        cleared, values
            ``[k, j, i]`` on this grid: where, and which label it was.
        """
        share = _image_voxels(self)
        doubts = dict(self.doubts)
        for value in np.unique(values[cleared]).tolist():
            if value in doubts:
                there = self.codes[cleared & (values == value)].astype(np.float64)
                gone = share * float(np.sum(1.0 - there / FULL_CONFIDENCE))
                doubts[value] = replace(doubts[value], inside=max(0.0, doubts[value].inside - gone))
        return replace(self, codes=np.where(cleared, np.uint8(NO_CONFIDENCE), self.codes), doubts=doubts)


class ConfidenceCollector:
    """Takes the final logit slabs in order, as they pass on their way to the labels, and keeps a byte per voxel.

    Parameters
    ----------
    network_shape
        Shape of the logits' grid.
    temperature
        What logits are divided by: above 1 for a network that is surer than it is right.
    """

    def __init__(self, network_shape: Shape, scheme: LabelScheme, temperature: float = 1.0) -> None:
        self._scheme = scheme
        self._temperature = temperature
        self._codes: Codes = np.zeros(network_shape, dtype=np.uint8)
        self._values = sorted({0, *(scheme.region_order or range(scheme.head_count))})
        self._inside = np.zeros(len(self._values))
        self._outside = np.zeros(len(self._values))

    def add(self, slab: LogitSlab) -> None:
        """Take in the rows of a slab."""
        per_row = max(1, slab.logits[:, 0].numel())
        depth = max(1, CHUNK_NUMBERS // per_row)
        for start in range(0, slab.logits.shape[1], depth):
            self._add_rows(slab.logits[:, start : start + depth], slab.first_row + start)

    def finish(self, box: Box, image_shape: Shape) -> NetworkConfidence:
        """Return what was gathered, on the axes of the (transposed) image that the network saw."""
        gathered = NetworkConfidence(self._codes, box, image_shape, {})
        share = _image_voxels(gathered)
        doubts = {
            value: Doubt(share * float(inside), share * float(outside))
            for value, inside, outside in zip(self._values, self._inside, self._outside, strict=True)
            if value
        }
        return replace(gathered, doubts=doubts)

    def _add_rows(self, logits: Tensor, first: int) -> None:
        chances = probabilities(logits, self._scheme, self._temperature)
        chosen = self._index_of(decide(logits, self._scheme))
        sure = chances.gather(0, chosen[None])[0]
        codes = (sure * FULL_CONFIDENCE).round().clamp(1, FULL_CONFIDENCE).to(torch.uint8)
        self._codes[first : first + codes.shape[0]] = codes.cpu().numpy()
        flat, size = chosen.flatten(), len(self._values)
        given = torch.bincount(flat, sure.flatten().double(), size)
        counted = torch.bincount(flat, minlength=size).double()
        self._inside += (counted - given).clamp_min(0).cpu().numpy()
        expected = chances.sum(dim=(1, 2, 3), dtype=torch.float64)
        self._outside += (expected - given).clamp_min(0).cpu().numpy()

    def _index_of(self, labels: Tensor) -> Tensor:
        if not self._scheme.region_order:
            return labels.to(torch.int64)
        table = torch.zeros(self._values[-1] + 1, dtype=torch.int64, device=labels.device)
        for index, value in enumerate(self._values):
            table[value] = index
        return table[labels.to(torch.int64)]


def probabilities(logits: Tensor, scheme: LabelScheme, temperature: float) -> Tensor:
    """Return the probability of each label value (ascending, 0 first), ``[values, ...]``, of logits ``[heads, ...]``.

    With regions, a label holds where its own head is on and every head that paints later is off; the heads are taken
    as independent.
    """
    scaled = logits.float() / temperature
    if not scheme.region_order:
        return torch.softmax(scaled, 0)
    values = sorted({0, *scheme.region_order})
    result = torch.zeros((len(values), *logits.shape[1:]), device=logits.device)
    unpainted = torch.ones(logits.shape[1:], device=logits.device)
    for head in reversed(range(len(scheme.region_order))):
        is_on = torch.sigmoid(scaled[head])
        result[values.index(scheme.region_order[head])] += unpainted * is_on
        unpainted = unpainted * (1.0 - is_on)
    result[0] += unpainted
    return result


def clear_stray_pieces(
    labels: npt.NDArray[Any],
    values: tuple[int, ...],
    confidence: NetworkConfidence,
    reach_mm: Mapping[int, float],
    spacing_mm: Sequence[float],
) -> tuple[dict[int, int], NetworkConfidence]:
    """Clear, in place, all but the largest piece of some label values, and of others what lies too far from it.

    Parameters
    ----------
    values, reach_mm
        For `keep_largest_pieces`, and for `clear_far_pieces`.

    Returns
    -------
    tuple
        The voxels removed of each value, and the confidence that is left: nothing is said of what was cleared.
    """
    before = confidence.sample(labels)
    removed = keep_largest_pieces(labels, values) | clear_far_pieces(labels, reach_mm, spacing_mm)
    return removed, confidence.without(before != confidence.sample(labels), before)


def _nearest(span: slice, count: int) -> npt.NDArray[np.int64]:
    rows: npt.NDArray[np.int64] = span.start + nearest_rows(span.stop - span.start, count)
    return rows


def _image_voxels(confidence: NetworkConfidence) -> float:
    """How many voxels of the image one voxel of the network covers."""
    spans = (s.stop - s.start for s in confidence.box)
    return float(np.prod([n / count for n, count in zip(spans, confidence.codes.shape, strict=True)]))
