"""A loaded model that labels images: prepare, run tile by tile, bring labels back to the image's grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from surgtwin.errors import MemoryLimitError
from surgtwin.progress import SILENT, Progress

from .calibration import read_calibration
from .cascade import with_previous_stage
from .confidence import ConfidenceCollector, NetworkConfidence, clear_stray_pieces
from .device import ComputePlan, choose_compute, cpu_plan
from .model_folder import ModelFolder, load_networks
from .network import UNet
from .plans import Spacing
from .postprocess import LabelExporter
from .preprocess import prepare
from .sliding_window import LogitSlab, TileSettings, predict_slabs

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
        The quickest way that keeps the labels nearly the same (bfloat16 on a CPU that has it).
    tile_step
        Tile distance as a share of the patch; 0.5 is nnU-Net's.
    mirror
        Average over mirrored images where the model allows it, as nnU-Net does.
    """

    device: str = "auto"
    fast: bool = False
    tile_step: float = 0.5
    mirror: bool = True


@dataclass(frozen=True)
class Prediction:
    """Labels ``[k, j, i]`` uint8 or uint16 on the image's grid, how they were computed, how sure the network was."""

    labels: npt.NDArray[Any]
    device: str
    precision: str
    fell_back: bool = False
    removed_voxels: dict[str, int] = field(default_factory=dict)
    confidence: NetworkConfidence | None = None


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
        self._compute = choose_compute(self.settings.device, self.settings.fast)
        self._networks = load_networks(model, self._compute.device)
        self._previous = Engine(model.previous, self.settings) if model.previous else None

    def predict(
        self, channels: Sequence[npt.NDArray[Any]], spacing_mm: Spacing, progress: Progress = SILENT
    ) -> Prediction:
        """Return the labels of an image whose axes run as the model's orientation says.

        Parameters
        ----------
        channels
            Arrays ``[k, j, i]``, one per model channel, CT in HU.
        spacing_mm
            Along [k, j, i].

        Raises
        ------
        MemoryLimitError
            If the image does not fit into memory even on the CPU.
        """
        if self._compute.device.type == "cuda":
            try:
                return self._run(channels, spacing_mm, self._compute, self._networks, progress)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
            compute = cpu_plan(self.settings.fast)
            networks = load_networks(self.model, compute.device)
            return self._run(channels, spacing_mm, compute, networks, progress, fell_back=True)
        return self._run(channels, spacing_mm, self._compute, self._networks, progress)

    def _run(
        self,
        channels: Sequence[npt.NDArray[Any]],
        spacing_mm: Spacing,
        compute: ComputePlan,
        networks: list[UNet],
        progress: Progress,
        fell_back: bool = False,
    ) -> Prediction:
        try:
            labels, confidence = self._labels(channels, spacing_mm, compute, networks, progress)
        except MemoryError as error:
            raise MemoryLimitError("Not enough memory to segment this image; close other programs.") from error
        except RuntimeError as error:
            if compute.device.type != "cpu" or CPU_ALLOCATION_FAILURE not in str(error):
                raise
            raise MemoryLimitError("Not enough memory to segment this image; close other programs.") from error
        names = {self.model.labels.names[name]: name for name in self.model.largest_only}
        counts, confidence = clear_stray_pieces(labels, tuple(names), confidence)
        removed = {names[v]: n for v, n in counts.items()}
        return Prediction(labels, compute.device.type, compute.precision, fell_back, removed, confidence)

    def _labels(
        self,
        channels: Sequence[npt.NDArray[Any]],
        spacing_mm: Spacing,
        compute: ComputePlan,
        networks: list[UNet],
        progress: Progress,
    ) -> tuple[npt.NDArray[Any], NetworkConfidence]:
        plan = self.model.plan
        before = None
        if self._previous is not None:
            before = self._previous.predict(channels, spacing_mm, progress.part(0.0, FIRST_STAGE)).labels
            progress = progress.part(FIRST_STAGE, 1.0)
        image = prepare(channels, spacing_mm, plan, compute.device, progress.part(0.0, PREPARED, "preparing"))
        if before is not None:
            image = with_previous_stage(image, before, spacing_mm, plan, self.model.labels)
        dtype = np.uint8 if max(self.model.labels.names.values(), default=0) < 256 else np.uint16
        whole = np.zeros(image.transposed_shape, dtype=dtype)
        k, j, i = (int(n) for n in image.data.shape[1:])
        exporter = LabelExporter(whole[image.box], (k, j, i), self.model.labels, image.coarse_axis)
        temperature = self.calibration.temperature if self.calibration else 1.0
        collector = ConfidenceCollector((k, j, i), self.model.labels, temperature)
        tiles = TileSettings(
            step=self.settings.tile_step,
            mirror_axes=self.model.mirror_axes if self.settings.mirror else (),
            compute_dtype=compute.compute_dtype,
        )
        part = progress.part(PREPARED, TILED, "segmenting")
        for slab in predict_slabs(networks, image.data, plan.patch, tiles, part):
            exporter.add(slab)
            collector.add(slab)
            for watch in self.watchers:
                watch(slab)
        confidence = collector.finish(image.box, image.transposed_shape).transposed_back(plan.transpose_forward)
        return np.ascontiguousarray(np.transpose(whole, np.argsort(plan.transpose_forward))), confidence
