"""Running a collection's part models on an image, one after the other, into one label map on the image's own grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding
from surgtwin.domain.volume import Volume
from surgtwin.progress import Progress

from .channels import ChannelImages
from .collection import Collection, CollectionPart
from .confidence import NetworkConfidence
from .engine_cache import EngineCache, LoadedModel
from .infer import Engine, InferenceSettings, Prediction
from .joint_confidence import PartClaim, joint_confidence
from .merge import LabelMerger, Overlap, overlap_finding
from .orientation import AS_STORED, reorientation_to
from .region import RegionMm, region_voxels, turned_region

NO_LABELS = np.zeros((0, 0, 0), np.uint8)


@dataclass(frozen=True)
class PartRun:
    """One part's run; ``prediction`` without its labels, which are in the merged ones."""

    part: CollectionPart
    loaded: LoadedModel
    prediction: Prediction


@dataclass(frozen=True)
class CollectionRun:
    """The merged labels ``[k, j, i]`` of the parts that ran, and what they disagreed on."""

    collection: Collection
    labels: npt.NDArray[Any]
    parts: tuple[PartRun, ...]
    overlaps: tuple[Overlap, ...] = ()
    overlap: Finding | None = None
    confidence: NetworkConfidence | None = None

    @property
    def sha256(self) -> str:
        """One hash over the models that ran."""
        return self.collection.sha256({run.part.folder: run.loaded.sha256 for run in self.parts})


def run_collection(
    collection: Collection,
    images: ChannelImages,
    engines: EngineCache,
    settings: InferenceSettings,
    progress: Progress,
    box: RegionMm | None = None,
) -> CollectionRun:
    """Return the merged labels of an image, or of a box of it; call it within the engines' turn.

    Raises
    ------
    ModelError, DeviceError, MemoryLimitError, Cancelled
        As the engine does; whether the images are those the models need is asked before any network is loaded.
    """
    inputs = [images.of(part.model) for part in collection.run_order]
    grid = images.volumes[0].grid
    merger = LabelMerger(grid.shape, collection.labels)
    runs: list[PartRun] = []
    claims: list[PartClaim] = []
    ends = _shares(collection.run_order, images.volumes[0])
    for n, (part, channels) in enumerate(zip(collection.run_order, inputs, strict=True)):
        loaded = engines.get(part.model, settings)
        share = progress.part(ends[n], ends[n + 1], _stage(collection, n))
        prediction = run_engine(loaded.engine, channels, share, box)
        runs.append(PartRun(part, loaded, replace(prediction, labels=NO_LABELS)))
        if len(inputs) == 1 and all(row.value == row.part_value for row in part.labels):
            labels = _only(prediction.labels, part)
            return CollectionRun(collection, labels, tuple(runs), confidence=prediction.confidence)
        merger.add(part, prediction.labels)
        if prediction.confidence is not None:
            claims.append(PartClaim(part, prediction.confidence, prediction.confidence.sample(prediction.labels)))
    overlap = overlap_finding(merger, grid.voxel_volume_ml)
    sure = joint_confidence(claims, merger)
    return CollectionRun(collection, merger.labels, tuple(runs), merger.overlaps(), overlap, sure)


def run_engine(
    engine: Engine, channels: Sequence[Volume], progress: Progress, box: RegionMm | None = None
) -> Prediction:
    """Return the labels of an image on its own grid, whatever way its axes run; only those in a box, if one is given.

    Raises
    ------
    InputError
        If the box lies outside the image.
    """
    model, grid = engine.model, channels[0].grid
    turn = reorientation_to(model.orientation, grid.direction) if model.orientation else AS_STORED
    i, j, k = grid.spacing
    turned = [turn.apply(volume.values) for volume in channels]
    region = None if box is None else turned_region(region_voxels(box, grid), grid.shape, turn)
    prediction = engine.predict(turned, turn.apply_to_spacing((k, j, i)), progress, region)
    confidence = None if prediction.confidence is None else prediction.confidence.turned_back(turn)
    return replace(prediction, labels=np.ascontiguousarray(turn.undo(prediction.labels)), confidence=confidence)


def keep_only(labels: npt.NDArray[Any], values: Sequence[int]) -> None:
    """Set every other value of a label map to 0, in place."""
    table = np.zeros(int(labels.max(initial=0)) + 1, labels.dtype)
    kept = [v for v in values if v < len(table)]
    table[kept] = kept
    for part in labels:
        part[...] = table[part]


def _only(labels: npt.NDArray[Any], part: CollectionPart) -> npt.NDArray[Any]:
    """A single model's labels without those that the collection does not take."""
    if len({row.part_value for row in part.labels}) < len(set(part.model.labels.names.values())):
        keep_only(labels, [row.part_value for row in part.labels])
    return labels


def _stage(collection: Collection, n: int) -> str | None:
    count = len(collection.parts)
    return None if count == 1 else f"part {n + 1} of {count}"


def _shares(parts: Sequence[CollectionPart], volume: Volume) -> list[float]:
    """Where each part's progress begins and the last one's ends: by the voxels that its networks look at."""
    work = []
    for part in parts:
        spacing = part.model.plan.spacing_for((volume.grid.spacing[2],) * 3)
        work.append(len(part.model.folds) / math.prod(spacing))
    return [sum(work[:n]) / sum(work) for n in range(len(work) + 1)] if work else [0.0]
