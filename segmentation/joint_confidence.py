"""How sure several part models are together of the labels that were merged from theirs.

A merged label is right where no part is wrong about what it said: the part that gave the label, and every other that
said "nothing of mine". Parts are taken as independent, so their probabilities are multiplied. Where two parts claim one
voxel for structures that exclude each other, the one that kept it is right only if the other is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.confidence import FULL_CONFIDENCE, NO_CONFIDENCE

from .collection import CollectionPart
from .confidence import Codes, NetworkConfidence
from .merge import LabelMerger


@dataclass(frozen=True, eq=False)
class PartClaim:
    """What one part said: how sure it was, and its own label values, both ``[k, j, i]`` on its network's grid."""

    part: CollectionPart
    confidence: NetworkConfidence
    labels: npt.NDArray[Any]


def joint_confidence(claims: Sequence[PartClaim], merger: LabelMerger) -> NetworkConfidence | None:
    """Return the confidence in the merged labels, on the grid of the part with the most voxels; None without parts.

    Nothing is said where one of the parts says nothing. Its doubts are empty: a structure's doubtful volume is that of
    its own part.
    """
    if not claims:
        return None
    finest = max((claim.confidence for claim in claims), key=lambda confidence: confidence.codes.size)
    merged = finest.sample(merger.labels)
    sure = np.ones(merged.shape, np.float32)
    is_spoken_of = np.ones(merged.shape, bool)
    for claim in claims:
        codes, said = _brought_to(finest, claim)
        share = codes.astype(np.float32) / FULL_CONFIDENCE
        sure *= np.where(merger.contradicts(claim.part, said, merged), 1.0 - share, share)
        is_spoken_of &= codes != NO_CONFIDENCE
    rounded = np.clip(np.round(sure * FULL_CONFIDENCE), 1, FULL_CONFIDENCE).astype(np.uint8)
    return replace(finest, codes=np.where(is_spoken_of, rounded, np.uint8(NO_CONFIDENCE)), doubts={})


def _brought_to(finest: NetworkConfidence, claim: PartClaim) -> tuple[Codes, npt.NDArray[Any]]:
    """A part's codes and labels at the voxels of another grid; nothing said outside its own."""
    own = claim.confidence
    if own is finest:
        return own.codes, claim.labels
    places = [
        (_centres(span, count) - s.start + 0.5) * n / (s.stop - s.start)
        for span, count, s, n in zip(finest.box, finest.codes.shape, own.box, own.codes.shape, strict=True)
    ]
    rows = np.ix_(*(np.clip(np.floor(p).astype(int), 0, n - 1) for p, n in zip(places, own.codes.shape, strict=True)))
    k, j, i = ((p >= 0) & (p < n) for p, n in zip(places, own.codes.shape, strict=True))
    is_inside = k[:, None, None] & j[:, None] & i
    return np.where(is_inside, own.codes[rows], np.uint8(NO_CONFIDENCE)), claim.labels[rows]


def _centres(span: slice, count: int) -> npt.NDArray[np.float64]:
    """The centres of ``count`` voxels that span a part of an image's axis, as its voxel indices."""
    return np.asarray(span.start + (np.arange(count) + 0.5) * (span.stop - span.start) / count - 0.5)
