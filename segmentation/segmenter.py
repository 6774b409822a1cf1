"""The segmenter that the pipeline uses: the right model for the image, classical structures, sanity findings."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, Volume
from surgtwin.errors import ModelError
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import Progress

from .body_region import wrong_region
from .classical import ClassicalResult, find_classical
from .infer import Engine, InferenceSettings, Prediction
from .label_names import named_labels
from .model_folder import ModelFolder, read_model_folder
from .orientation import AS_STORED, reorientation_to
from .registry import find_model, shipped_for
from .sanity import check_segmentation

NETWORK_SHARE = 0.85
CLASSICAL_SHARE = 0.95


class UNetSegmenter:
    """Finds organs with a U-Net and, in CT, body surface, lungs and bone by their values.

    Parameters
    ----------
    model
        Name of a shipped or added model, or path of an nnU-Net v2 model folder; None chooses by the image's modality.
    classical
        Whether a CT's body surface, lungs and bone are found too.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        settings: InferenceSettings | None = None,
        classical: bool = True,
    ) -> None:
        self._model = None if model is None else os.fspath(model)
        self._settings = settings or InferenceSettings()
        self._classical = classical
        self._engines: dict[Path, Engine] = {}

    def segment(self, volume: Volume, progress: Progress) -> Segmentation:
        """Return the label map of a volume on its own grid.

        Raises
        ------
        ModelError, DeviceError, MemoryLimitError, Cancelled
            If there is no usable model or device, memory runs out, or the person stops it.
        """
        engine = self._engine_for(volume)
        prediction = run_engine(engine, volume, progress.part(0.0, NETWORK_SHARE))
        region = wrong_region(
            volume.grid, prediction.labels, {row.name: row.value for row in named_labels(engine.model.labels.names)}
        )
        if region is not None:
            prediction = replace(prediction, labels=np.zeros_like(prediction.labels))
        classical = ClassicalResult.nothing()
        if self._classical and volume.modality == Modality.CT:
            part = progress.part(NETWORK_SHARE, CLASSICAL_SHARE, "body, lungs, bone")
            classical = find_classical(volume.grid, volume.values, prediction.labels, part)
        progress.part(CLASSICAL_SHARE, 1.0, "checking").update(0.0)
        return assemble(volume, engine, prediction, classical, region)

    def _engine_for(self, volume: Volume) -> Engine:
        if self._model is not None:
            path = find_model(self._model)
        elif volume.modality == Modality.OTHER:
            raise ModelError("The image is neither CT nor MR as far as known; name its modality or a model.")
        else:
            path = shipped_for(volume.modality.value).folder
        if path not in self._engines:
            self._engines[path] = Engine(read_model_folder(path), self._settings)
        return self._engines[path]


def run_engine(engine: Engine, volume: Volume, progress: Progress) -> Prediction:
    """Return the labels of a volume on its own grid, whatever way its axes run."""
    model = engine.model
    turn = reorientation_to(model.orientation, volume.grid.direction) if model.orientation else AS_STORED
    i, j, k = volume.grid.spacing
    prediction = engine.predict([turn.apply(volume.values)], turn.apply_to_spacing((k, j, i)), progress)
    return replace(prediction, labels=np.ascontiguousarray(turn.undo(prediction.labels)))


def assemble(
    volume: Volume,
    engine: Engine,
    prediction: Prediction,
    classical: ClassicalResult,
    region: Finding | None = None,
) -> Segmentation:
    """Return the label map with its structures, how each was made, and what should be known about it.

    Parameters
    ----------
    region
        Why the network's labels were left out; its organs are then not looked for one by one.
    """
    model = engine.model
    named = named_labels(model.labels.names)
    structures = [structure_for(row.value, row.name, origin="network") for row in named]
    methods = {s.name: f"network {model.name} {model.version}".strip() for s in structures}
    layers: list[npt.NDArray[Any]] = [prediction.labels]
    next_label = max((s.label for s in structures), default=0) + 1
    for name, mask, method in classical.exclusive:
        if name in methods:
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
    findings = [*classical.findings, *_run_findings(volume, engine, prediction)]
    findings += [region] if region else check_segmentation(labels, expected=tuple(row.name for row in named))
    return Segmentation(labels, methods, describe(engine, prediction), tuple(findings))


def describe(engine: Engine, prediction: Prediction) -> dict[str, Any]:
    """Return what provenance keeps about the network's run."""
    model, settings = engine.model, engine.settings
    return {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256(),
        "licence": model.licence,
        "device": prediction.device,
        "precision": prediction.precision,
        "settings": {"tile_step": settings.tile_step, "mirror": settings.mirror and bool(model.mirror_axes)},
        "removed_stray_voxels": prediction.removed_voxels,
    }


def _run_findings(volume: Volume, engine: Engine, prediction: Prediction) -> list[Finding]:
    found = []
    model: ModelFolder = engine.model
    if model.modality and model.modality != volume.modality.value:
        message = f"The model {model.name} was trained on {model.modality} images; this one is {volume.modality.value}."
        found.append(Finding("wrong-modality", Severity.WARNING, message))
    if prediction.fell_back:
        message = "The GPU's memory was too small for this image; the CPU was used instead."
        found.append(Finding("device-fallback", Severity.INFO, message))
    return found
