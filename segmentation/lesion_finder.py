"""Liver lesions: a second network looks inside the liver that the first one found.

What it finds is a list for a person to confirm or dismiss (`lesion_proposals`). It was trained on painted
lesions in portal venous CT only (see the model's card): it misses lesions, and takes other things for lesions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edt
import numpy as np
import numpy.typing as npt
import torch

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import match
from surgtwin.domain.volume import Modality, Volume
from surgtwin.errors import ModelError
from surgtwin.progress import SILENT, Progress

from .device import ComputePlan, choose_compute
from .infer import InferenceSettings
from .lesion_candidates import FoundLesion, ball_ml, find_candidates
from .model_folder import ModelFolder, load_networks, read_model_folder
from .orientation import AS_STORED, Reorientation, reorientation_to
from .preprocess import prepare
from .registry import MODELS_FOLDER
from .resample import LINEAR, resample
from .sliding_window import TileSettings, predict_slabs

LESION_MODEL = MODELS_FOLDER / "ct_liver_lesions"
LESION_NAME = "liver lesion"
LIVER_NAME = "liver"
CLOSING_MM = 8.0
"""Dents of the liver's outline up to twice as wide are searched too: an organ network may leave a tumour out."""
MARGIN_MM = 25.0
"""What the network sees around the region."""
LEAST_CONFIDENCE = 0.65
"""Candidates below it are not proposed; chosen on training livers painted anew, never on the held-out ones."""
LEAST_LIVER_DIAMETER_MM = 40.0
PREPARED = 0.1

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class LesionResult:
    """The lesions, and ``labels`` ``[k, j, i]`` on the volume's grid with their numbers."""

    labels: npt.NDArray[Any]
    lesions: tuple[FoundLesion, ...]


class LesionFinder:
    """The lesion network in memory.

    Parameters
    ----------
    model
        A model folder with a label "liver lesion"; the shipped one if None.
    least_confidence
        Candidates below it are not proposed: lower finds more and is wrong more often.

    Raises
    ------
    ModelError, DeviceError
        If the model or the device is unusable.
    """

    def __init__(
        self,
        model: Path | None = None,
        settings: InferenceSettings | None = None,
        least_confidence: float = LEAST_CONFIDENCE,
    ) -> None:
        if model is None and not LESION_MODEL.is_dir():
            raise ModelError(
                "No lesion model is in the box yet. Train one with segmentation/configs/ct_liver_lesions.json "
                f"(python -m segmentation.lesion_training) and put it at segmentation/models/{LESION_MODEL.name}."
            )
        self.model: ModelFolder = read_model_folder(model or LESION_MODEL)
        if LESION_NAME not in self.model.labels.names:
            known = ", ".join(self.model.labels.names)
            raise ModelError(f"The model {self.model.name} finds {known}; one that finds '{LESION_NAME}' is needed.")
        self.settings = settings or InferenceSettings()
        self.least_confidence = least_confidence
        self._compute: ComputePlan = choose_compute(self.settings.device, self.settings.fast)
        self._networks = load_networks(self.model, self._compute.device)

    def find(self, volume: Volume, organs: LabelMap, progress: Progress = SILENT) -> LesionResult:
        """Return the lesions in the liver of a CT.

        Parameters
        ----------
        organs
            On the volume's grid, with a structure that the structure table knows as the liver.

        Raises
        ------
        ModelError
            If the image is no CT, or no liver was found in it.
        """
        if volume.modality != Modality.CT:
            raise ModelError(f"Liver lesions are looked for in CT only; this image is {volume.modality.value}.")
        liver = liver_of(organs)
        mask = np.asarray(organs.layers[liver.layer] == liver.label)
        if organs.volume_ml(liver) < ball_ml(LEAST_LIVER_DIAMETER_MM):
            raise ModelError("No liver was found in this image, so there is nothing to look for lesions in.")
        others = others_in_layer(organs, liver)
        probability, region = self.probability(volume.values, volume.grid, mask, others, progress)
        labels, lesions = find_candidates(probability, region, volume.grid, self.least_confidence)
        return LesionResult(labels, lesions)

    def probability(
        self,
        values: npt.NDArray[Any],
        grid: Grid,
        liver: Mask,
        others: Mask | None = None,
        progress: Progress = SILENT,
    ) -> tuple[npt.NDArray[np.float32], Mask]:
        """Return each voxel's probability of being lesion, and the region that was searched; both on the grid."""
        turn = reorientation_to(self.model.orientation, grid.direction) if self.model.orientation else AS_STORED
        i, j, k = grid.spacing
        spacing = turn.apply_to_spacing((k, j, i))
        turned = np.ascontiguousarray(turn.apply(liver))
        free = None if others is None else ~np.ascontiguousarray(turn.apply(others))
        region = search_region(turned, free, spacing)
        box = box_around(region, spacing)
        found = np.zeros(turned.shape, dtype=np.float32)
        found[box] = self._in_box(turn.apply(values)[box], spacing, progress)
        return _undone(found, turn), np.asarray(_undone(region, turn), dtype=bool)

    def _in_box(self, values: npt.NDArray[Any], spacing: Spacing, progress: Progress) -> npt.NDArray[np.float32]:
        plan, device = self.model.plan, self._compute.device
        image = prepare([values], spacing, plan, device, progress.part(0.0, PREPARED, "looking for liver lesions"))
        tiles = TileSettings(step=self.settings.tile_step, compute_dtype=self._compute.compute_dtype)
        head = self.model.labels.names[LESION_NAME]
        part = progress.part(PREPARED, 1.0, "looking for liver lesions")
        slabs = predict_slabs(self._networks, image.data, plan.patch, tiles, part)
        small = torch.cat([slab.logits.softmax(0)[head] for slab in slabs])
        inner = np.zeros(image.transposed_shape, dtype=np.float32)
        inner[image.box] = resample(small, image.cropped_shape, LINEAR).cpu().numpy()
        return np.transpose(inner, np.argsort(plan.transpose_forward))


def liver_of(organs: LabelMap) -> Structure:
    """Return the structure that is the liver. Raises ModelError if there is none."""
    for structure in organs.structures:
        row = match(structure.name)
        if row is not None and row.name == LIVER_NAME:
            return structure
    raise ModelError("Liver lesions are looked for inside the liver; the label map has no liver.")


def others_in_layer(organs: LabelMap, liver: Structure) -> Mask:
    """Return where another structure than the liver or a part of it lies in the liver's layer."""
    layer = organs.layers[liver.layer]
    inside = [s.label for s in organs.structures if s.layer == liver.layer and liver.name in (s.name, s.part_of)]
    return np.asarray((layer > 0) & ~np.isin(layer, inside))


def search_region(liver: Mask, free: Mask | None, spacing_mm: Spacing) -> Mask:
    """Return the liver with holes filled and dents closed, without what belongs to other organs (not ``free``)."""
    import fill_voids

    box = box_around(liver, spacing_mm)
    part = np.ascontiguousarray(liver[box])
    grown = edt.edt(~part, anisotropy=spacing_mm) <= CLOSING_MM
    closed = edt.edt(np.ascontiguousarray(grown), anisotropy=spacing_mm) > CLOSING_MM
    region = np.zeros(liver.shape, dtype=bool)
    region[box] = fill_voids.fill(closed | part)
    return region if free is None else region & (free | liver)


def box_around(mask: Mask, spacing_mm: Spacing) -> tuple[slice, slice, slice]:
    """Return the box of a mask that is not empty, with the margin the network needs around it."""
    box = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        reach = int(np.ceil(MARGIN_MM / spacing_mm[axis]))
        box.append(slice(max(0, int(used[0]) - reach), min(mask.shape[axis], int(used[-1]) + 1 + reach)))
    return (box[0], box[1], box[2])


def _undone(array: npt.NDArray[Any], turn: Reorientation) -> npt.NDArray[Any]:
    return np.ascontiguousarray(turn.undo(array))
