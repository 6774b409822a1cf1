"""The segmenter that the pipeline uses: the right model for the image, classical structures, sanity findings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_rows import THORAX_AND_HEAD
from surgtwin.domain.structure_table import match, structure_for
from surgtwin.domain.volume import Modality, Volume
from surgtwin.errors import ImageError, ModelError
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import Progress

from .body_region import wrong_region
from .channels import ChannelImages, align_channels, channel_order
from .classical import ClassicalResult, find_classical
from .collection import Collection, PartLabel, choose_structures
from .collection_file import read_collection
from .engine_cache import EngineCache
from .gates import RunFacts, check_run, place_mask
from .infer import InferenceSettings
from .region import RegionMm
from .registry import find_model, shipped_for
from .run_confidence import confidence_in_lps, intervals
from .run_parts import CollectionRun, PartRun, keep_only, run_collection
from .training_domain import training_domain

ALIGNED_SHARE = 0.03
NETWORK_SHARE = 0.85
CLASSICAL_SHARE = 0.95
CLASSICAL_NAMES = ("body", "lungs", "bone")
BEYOND_BOX = "Organs that reach beyond it are cut there, and none was looked for elsewhere."
WHOLE_LUNGS = ("left lung", "right lung")


class UNetSegmenter:
    """Finds organs with a U-Net and, in CT, body surface, lungs and bone by their values.

    Keep it for the next image: its models stay in memory. Two jobs at once take turns.

    Parameters
    ----------
    model
        Name of a shipped or added model or collection, or path of a folder with one; None chooses by the image's
        modality.
    classical
        Whether a CT's body surface, lungs and bone are found too.
    structures
        Only these, by any name the structure table knows, body, lungs and bone among them; parts of a collection
        that hold none of them are not run. None: everything.
    engines
        Where loaded models are kept; several segmenters may share one.
    box
        The network looks for structures in this part of the image only, which takes less time. None: everywhere.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        settings: InferenceSettings | None = None,
        classical: bool = True,
        structures: Sequence[str] | None = None,
        engines: EngineCache | None = None,
        box: RegionMm | None = None,
    ) -> None:
        self._model = None if model is None else os.fspath(model)
        self._settings = settings or InferenceSettings()
        self._classical = classical
        self._structures = structures
        self._engines = engines or EngineCache()
        self._box = box

    def segment(self, volume: Volume, progress: Progress) -> Segmentation:
        """Return the label map of a volume on its own grid.

        Raises
        ------
        ModelError, LabelError, DeviceError, MemoryLimitError, Cancelled
            If there is no usable model or device, the model needs other images, a structure asked for is none of its
            own, memory runs out, or the person stops it.
        """
        return self.segment_channels([volume], progress)

    def segment_channels(
        self, volumes: Sequence[Volume], progress: Progress, channels: Sequence[str] | None = None
    ) -> Segmentation:
        """Return the label map of several images of one examination, on the first one's grid.

        Parameters
        ----------
        channels
            Which of the model's channels each image is ("T1"), in any order; one may be empty. None: the model's order.

        Raises
        ------
        ModelError
            Before a network is loaded, if these are not the images the model needs.
        ImageError, PatientMismatchError
            If they are not known to lie in one frame of reference, or are of different patients.
        """
        if not volumes:
            raise ImageError("There is no image to segment.")
        collection = self._collection_for(volumes[0])
        names = tuple(channels or ())
        for part in collection.parts:
            if len(volumes) > 1 or len(part.model.channel_names) > 1:
                channel_order(part.model, len(volumes), names)
        wanted = self._wanted(collection)
        images = align_channels(volumes, names, progress.part(0.0, ALIGNED_SHARE, "aligning the images"))
        with self._engines.turn(progress):
            return self._segment(images, collection, wanted, progress)

    def _segment(
        self, images: ChannelImages, collection: Collection, wanted: tuple[str, ...] | None, progress: Progress
    ) -> Segmentation:
        volume = images.volumes[0]
        running = collection if wanted is None else collection.holding(wanted)
        part = progress.part(ALIGNED_SHARE if len(images.volumes) > 1 else 0.0, NETWORK_SHARE)
        run = run_collection(running, images, self._engines, self._settings, part, self._box)
        region = None
        if self._box is None and not _knows_more_than_the_abdomen(collection):
            region = wrong_region(volume.grid, run.labels, {row.name: row.value for row in running.labels})
        if region is not None:
            run = replace(run, labels=np.zeros_like(run.labels))
        classical = self._find_classical(volume, run.labels, wanted, progress)
        if wanted is not None:
            keep_only(run.labels, [row.value for row in running.labels if row.name in wanted])
        progress.part(CLASSICAL_SHARE, 1.0, "checking").update(0.0)
        return assemble(images, run, classical, region, wanted, self._box)

    def _find_classical(
        self, volume: Volume, organs: npt.NDArray[Any], wanted: tuple[str, ...] | None, progress: Progress
    ) -> ClassicalResult:
        is_wanted = wanted is None or any(name in CLASSICAL_NAMES for name in wanted)
        if not (self._classical and is_wanted and volume.modality == Modality.CT):
            return ClassicalResult.nothing()
        part = progress.part(NETWORK_SHARE, CLASSICAL_SHARE, "body, lungs, bone")
        found = find_classical(volume.grid, volume.values, organs, part)
        if wanted is None:
            return found
        body = found.body if "body" in wanted else None
        return replace(found, body=body, exclusive=tuple(row for row in found.exclusive if row[0] in wanted))

    def _collection_for(self, volume: Volume) -> Collection:
        if self._model is not None:
            return read_collection(find_model(self._model))
        if volume.modality == Modality.OTHER:
            raise ModelError("The image is neither CT nor MR as far as known; name its modality or a model.")
        return read_collection(shipped_for(volume.modality.value).folder)

    def _wanted(self, collection: Collection) -> tuple[str, ...] | None:
        if self._structures is None:
            return None
        own = {row.name for row in collection.labels}
        others = [name for name in CLASSICAL_NAMES if self._classical and name not in own]
        return choose_structures(collection, self._structures, others)


def assemble(
    images: ChannelImages,
    run: CollectionRun,
    classical: ClassicalResult,
    region: Finding | None = None,
    wanted: Sequence[str] | None = None,
    box: RegionMm | None = None,
) -> Segmentation:
    """Return the label map with its structures, how each was made, and what should be known about it.

    Parameters
    ----------
    region
        Why the network's labels were left out; its organs are then not looked for one by one.
    wanted
        The structures that were asked for, None for all.
    box
        The part of the image that was segmented, None for all of it: what is missing elsewhere is no finding then.
    """
    volume = images.volumes[0]
    rows = [row for row in run.collection.labels if wanted is None or row.name in wanted]
    structures = [structure_for(row.value, row.name, origin="network") for row in rows]
    methods = {row.name: _method(run, row) for row in rows}
    layers: list[npt.NDArray[Any]] = [run.labels]
    next_label = max((row.value for row in run.collection.labels), default=0) + 1
    for name, mask, method in classical.exclusive:
        if name in methods or (name == "lungs" and _has_lungs(methods)):
            continue
        layers[0][mask & (layers[0] == 0)] = next_label
        structures.append(structure_for(next_label, name, origin="classical"))
        methods[name] = method
        next_label += 1
    if classical.body is not None:
        layers.append(classical.body.astype(np.uint8))
        structures.append(structure_for(1, "body", layer=1, origin="classical"))
        methods["body"] = classical.body_method
    labels = LabelMap(volume.grid, tuple(layers), tuple(structures))
    findings = [*images.findings, *classical.findings, *_run_findings(volume, run)]
    expected = [row.name for row in rows]
    if box is not None:
        findings.append(Finding("region-only", Severity.INFO, f"Only a region was segmented: {box}. {BEYOND_BOX}"))
        expected = [row.name for row in rows if np.any(run.labels == row.value)]
    facts = _run_facts(run, expected, region, is_part=box is not None)
    findings += check_run(volume, labels, facts, place_mask(volume, classical.body))
    sure = None if region else run.confidence
    return Segmentation(
        labels,
        methods,
        describe(run, images),
        tuple(findings),
        confidence=None if sure is None else confidence_in_lps(run, sure, volume),
        volume_intervals=() if sure is None else intervals(run, labels, rows, volume),
    )


def _run_facts(run: CollectionRun, expected: Sequence[str], region: Finding | None, is_part: bool) -> RunFacts:
    removed: dict[str, int] = {}
    for part in run.parts:
        for name, count in part.prediction.removed_voxels.items():
            removed[name] = removed.get(name, 0) + count
    domain = training_domain(part.part.model for part in run.parts)
    return RunFacts(run.collection.name, tuple(expected), domain, removed, region, is_part)


def describe(run: CollectionRun, images: ChannelImages) -> dict[str, Any]:
    """Return what provenance keeps about the networks' run; nothing if none ran."""
    if not run.parts:
        return {}
    told: dict[str, Any] = {
        "name": run.collection.name,
        "version": run.collection.version,
        "sha256": run.sha256,
        "licence": run.collection.licence,
        **_describe_run(run.parts[0]),
    }
    if not run.collection.is_model:
        told["parts"] = [{"name": r.part.folder, "sha256": r.loaded.sha256, **_describe_run(r)} for r in run.parts]
        told["overlaps"] = [{"kept": o.kept, "given_up": o.given_up, "voxels": o.voxels} for o in run.overlaps]
    if len(images.volumes) > 1:
        told["channels"] = [v.source.content_sha256 for v in images.volumes]
    return told


def _describe_run(run: PartRun) -> dict[str, Any]:
    engine, prediction = run.loaded.engine, run.prediction
    mirrors = engine.settings.mirror and bool(engine.model.mirror_axes)
    return {
        "device": prediction.device,
        "precision": prediction.precision,
        "backend": prediction.backend,
        "settings": {
            "mode": engine.settings.chosen_mode.name,
            "tile_step": engine.settings.chosen_step,
            "mirror": mirrors,
        },
        "notes": list(prediction.notes),
        "removed_stray_voxels": prediction.removed_voxels,
    }


def _method(run: CollectionRun, row: PartLabel) -> str:
    collection = run.collection
    said = f"network {collection.name} {collection.version}".strip()
    return said if collection.is_model else f"{said}, part {collection.part_of(row.name).folder}"


def _knows_more_than_the_abdomen(collection: Collection) -> bool:
    """Whether an image without large abdominal organs is no surprise to a model: it knows the chest or the head too."""
    return any(match(row.name) in THORAX_AND_HEAD for row in collection.labels)


def _has_lungs(names: Iterable[str]) -> bool:
    """Whether the network found lungs or their lobes itself."""
    rows = [match(name) for name in names]
    return any(row is not None and (row.name in WHOLE_LUNGS or row.part_of in WHOLE_LUNGS) for row in rows)


def _run_findings(volume: Volume, run: CollectionRun) -> list[Finding]:
    found = []
    collection = run.collection
    if run.parts and collection.modality and collection.modality != volume.modality.value:
        message = (
            f"The model {collection.name} was trained on {collection.modality} images; "
            f"this one is {volume.modality.value}."
        )
        found.append(Finding("wrong-modality", Severity.WARNING, message))
    if any(not r.part.model.orientation for r in run.parts):
        message = (
            f"The model {collection.name} does not say which way its training images ran, so the image was given as it "
            f"is stored ({volume.grid.axis_codes}). If those ran otherwise, left and right may be swapped: add the "
            "model again with --orientation."
        )
        found.append(Finding("unknown-orientation", Severity.WARNING, message))
    if any(r.prediction.fell_back for r in run.parts):
        message = "The GPU's memory was too small for this image; the CPU was used instead."
        found.append(Finding("device-fallback", Severity.INFO, message))
    found += [finding for r in run.parts for finding in r.loaded.engine.findings]
    return found + ([run.overlap] if run.overlap is not None else [])
