"""A loaded model that labels images: prepare, run tile by tile, bring labels back to the image's grid."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from surgtwin.errors import MemoryLimitError
from surgtwin.progress import SILENT, Progress

from .backends import AUTO, Backend, load_backend, torch_backend
from .calibration import read_calibration
from .cascade import with_previous_stage
from .confidence import ConfidenceCollector, NetworkConfidence, clear_stray_pieces
from .device import ComputePlan, choose_compute
from .model_folder import ModelFolder
from .modes import EXACT, Mode, fastest_mode, mode_named
from .openvino_backend import BackendError
from .plans import Spacing
from .postprocess import LabelExporter
from .preprocess import Box, prepare
from .region import keep_region, network_region
from .run_choice import RunChoice, first_choice, next_choice
from .sliding_window import LogitSlab, TileSettings, predict_slabs

log = logging.getLogger(__name__)

CPU_ALLOCATION_FAILURE = "can't allocate memory"
PREPARED = 0.06
"""Share of the progress after which the image is prepared and tiles begin."""
TILED = 0.97
FIRST_STAGE = 0.3
"""Share of the progress that a cascade's first stage takes."""


@dataclass(frozen=True)
class InferenceSettings:
    """What may be chosen about a run.

    Parameters
    ----------
    device
        "auto", "cpu" or "cuda".
    fast
        The quickest mode that keeps the labels nearly the same, unless a mode is named.
    tile_step
        Least tile distance as a share of the patch; 0.5 is nnU-Net's.
    mirror
        Average over mirrored images where the model allows it, as nnU-Net does.
    mode
        Name of one of `segmentation.modes.MODES`; empty for exact, or what ``fast`` says.
    backend
        "auto", "torch" or "openvino".
    """

    device: str = "auto"
    fast: bool = False
    tile_step: float = EXACT.tile_step
    mirror: bool = True
    mode: str = ""
    backend: str = AUTO

    @property
    def chosen_mode(self) -> Mode:
        """The mode that the settings mean. Raises InputError if there is none of that name."""
        if self.mode:
            return mode_named(self.mode)
        return fastest_mode() if self.fast else EXACT

    @property
    def chosen_step(self) -> float:
        """The tile distance that the settings mean."""
        return max(self.tile_step, self.chosen_mode.tile_step)


@dataclass(frozen=True)
class Prediction:
    """Labels ``[k, j, i]`` uint8 or uint16 on the image's grid, how they were computed, how sure the network was.

    Parameters
    ----------
    backend
        Library and release that ran the network.
    notes
        Sentences: what was chosen otherwise than asked or usual, and why.
    confidence
        None for a run on a region: its doubt would count what lies outside.
    """

    labels: npt.NDArray[Any]
    device: str
    precision: str
    fell_back: bool = False
    removed_voxels: dict[str, int] = field(default_factory=dict)
    confidence: NetworkConfidence | None = None
    backend: str = ""
    notes: tuple[str, ...] = ()


class Engine:
    """A model in memory; a second image pays no load.

    ``calibration`` is the model's own, None if it has none; ``findings`` say why one was set aside. Whoever wants to
    see the logits pass adds a function to ``watchers``.

    Raises
    ------
    ModelError, DeviceError
        If the model or the device is unusable.
    """

    def __init__(self, model: ModelFolder, settings: InferenceSettings | None = None) -> None:
        self.model = model
        self.settings = settings or InferenceSettings()
        self.calibration, self.findings = read_calibration(model)
        self.watchers: list[Callable[[LogitSlab], None]] = []
        self._mode = self.settings.chosen_mode
        self._compute = choose_compute(self.settings.device, self._mode.is_half)
        self._backends = {self._compute: load_backend(model, self._compute, self.settings.backend)}
        self._previous = Engine(model.previous, self.settings) if model.previous else None

    def predict(
        self,
        channels: Sequence[npt.NDArray[Any]],
        spacing_mm: Spacing,
        progress: Progress = SILENT,
        region: Box | None = None,
    ) -> Prediction:
        """Return the labels of an image whose axes run as the model's orientation says.

        Parameters
        ----------
        channels
            Arrays ``[k, j, i]``, one per model channel, CT in HU.
        spacing_mm
            Along [k, j, i].
        region
            Voxels [k, j, i] to label, None for all: labels outside are 0, tiles that do not touch it are not run.
            Inside they are those of the whole image, but for stray pieces: the largest piece is that within the region.

        Raises
        ------
        MemoryLimitError
            If the image does not fit into memory even on the CPU.
        """
        shape = channels[0].shape
        choice = first_choice(self._compute, self._mode, self.model.plan, self.model.labels, shape, spacing_mm)
        while True:
            for note in choice.notes:
                log.info(note)
            try:
                return self._run(channels, spacing_mm, choice, progress, region)
            except BackendError as error:
                note = f"{self._backend(choice.compute).name} stopped: {error}"
                self._backends[choice.compute] = torch_backend(self.model, choice.compute, note)
            except (MemoryError, torch.OutOfMemoryError) as error:
                smaller = next_choice(choice, self._mode)
                if smaller is None:
                    text = "Not enough memory to segment this image; close other programs, or segment a region of it."
                    raise MemoryLimitError(text) from error
                choice = smaller
            # Only here, where the failure's frames are gone, is its memory free.
            if self._compute.device.type == "cuda":
                torch.cuda.empty_cache()

    def _backend(self, compute: ComputePlan) -> Backend:
        if compute not in self._backends:
            self._backends[compute] = load_backend(self.model, compute)
        return self._backends[compute]

    def _run(
        self,
        channels: Sequence[npt.NDArray[Any]],
        spacing_mm: Spacing,
        choice: RunChoice,
        progress: Progress,
        region: Box | None,
    ) -> Prediction:
        backend = self._backend(choice.compute)
        try:
            labels, confidence = self._labels(channels, spacing_mm, choice, progress, region)
        except RuntimeError as error:
            if choice.compute.device.type != "cpu" or CPU_ALLOCATION_FAILURE not in str(error):
                raise
            raise MemoryError(str(error)) from error
        value = self.model.labels.names
        largest = tuple(value[name] for name in self.model.largest_only)
        reach_mm = {value[name]: reach for name, reach in self.model.reach_mm.items()}
        counts, confidence = clear_stray_pieces(labels, largest, confidence, reach_mm, spacing_mm)
        names = {value[name]: name for name in (*self.model.largest_only, *self.model.reach_mm)}
        return Prediction(
            labels,
            choice.compute.device.type,
            choice.compute.precision,
            choice.fell_back,
            {names[v]: n for v, n in counts.items()},
            confidence if region is None else None,
            backend.name,
            choice.noting(backend.note).notes,
        )

    def _labels(
        self,
        channels: Sequence[npt.NDArray[Any]],
        spacing_mm: Spacing,
        choice: RunChoice,
        progress: Progress,
        region: Box | None,
    ) -> tuple[npt.NDArray[Any], NetworkConfidence]:
        plan = self.model.plan
        before = None
        if self._previous is not None:
            before = self._previous.predict(channels, spacing_mm, progress.part(0.0, FIRST_STAGE)).labels
            progress = progress.part(FIRST_STAGE, 1.0)
        image = prepare(channels, spacing_mm, plan, choice.compute.device, progress.part(0.0, PREPARED, "preparing"))
        if before is not None:
            image = with_previous_stage(image, before, spacing_mm, plan, self.model.labels)
        dtype = np.uint8 if max(self.model.labels.names.values(), default=0) < 256 else np.uint16
        whole = np.zeros(image.transposed_shape, dtype=dtype)
        k, j, i = (int(n) for n in image.data.shape[1:])
        exporter = LabelExporter(whole[image.box], (k, j, i), self.model.labels, image.coarse_axis)
        temperature = self.calibration.temperature if self.calibration else 1.0
        collector = ConfidenceCollector((k, j, i), self.model.labels, temperature)
        tiles = TileSettings(
            step=self.settings.chosen_step,
            mirror_axes=self.model.mirror_axes if self.settings.mirror else (),
            slab_bytes=choice.slab_bytes,
            region=None if region is None else network_region(region, image, plan.transpose_forward),
        )
        part = progress.part(PREPARED, TILED, "segmenting")
        networks = self._backend(choice.compute).networks
        for slab in predict_slabs(networks, image.data, plan.patch, tiles, part):
            exporter.add(slab)
            collector.add(slab)
            for watch in self.watchers:
                watch(slab)
        confidence = collector.finish(image.box, image.transposed_shape).transposed_back(plan.transpose_forward)
        labels = np.ascontiguousarray(np.transpose(whole, np.argsort(plan.transpose_forward)))
        return keep_region(labels, region), confidence
