"""A trained model on disk, in nnU-Net v2's folder layout.

    NAME/
      dataset.json   labels, channels, file ending; ours adds image_orientation, version, licence
      plans.json     grid, normalisation, network
      fold_0..4 | fold_all / checkpoint_final.pth

Weights are loaded with ``weights_only=True``: a checkpoint that wants to run code is refused.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from surgtwin.errors import ModelError

from .network import PlainConvUNet
from .plans import Json, LabelScheme, ModelPlan, read_labels, read_plan

CHECKPOINT = "checkpoint_final.pth"
MAX_JSON_BYTES = 64 * 2**20
MAX_CHECKPOINT_BYTES = 4 * 2**30
NETWORK_CHANGING_TRAINERS = re.compile(r"BN($|_)|BatchNorm|Mamba|Swin|UNETR|MedNeXt|Former|STUNet|Primus", re.I)
"""Trainer classes of nnU-Net and its forks that build another network than the plans say."""

SAFE_GLOBALS: list[Any] = [
    np._core.multiarray.scalar,  # type: ignore[attr-defined]
    np.dtype,
    *(getattr(np.dtypes, name) for name in ("Float64DType", "Float32DType", "Int64DType", "Int32DType", "BoolDType")),
]
"""What nnU-Net's own checkpoints hold beside tensors: numpy numbers in their logs."""


@dataclass(frozen=True)
class ModelFolder:
    """A model folder that was read and found usable; the weights are not loaded yet.

    Parameters
    ----------
    name, version
        What provenance records.
    orientation
        The axis codes (i, j, k) the network was trained in, "LPS" for ours; empty: as stored in the file.
    mirror_axes
        Spatial axes (0..2, transposed) along which inference may mirror; empty for none.
    modality
        "CT", "MR" or empty if unknown.
    largest_only
        Names of structures of which only the largest piece is kept.
    """

    path: Path
    name: str
    version: str
    modality: str
    licence: str
    plan: ModelPlan
    labels: LabelScheme
    folds: tuple[Path, ...]
    orientation: str
    mirror_axes: tuple[int, ...]
    largest_only: tuple[str, ...]

    def sha256(self) -> str:
        """Return one hash over plans, labels and weights of all folds."""
        digest = hashlib.sha256()
        for file in (self.path / "dataset.json", self.path / "plans.json", *self.folds):
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()


def read_model_folder(path: Path) -> ModelFolder:
    """Return a checked model folder.

    Raises
    ------
    ModelError
        If files are missing or malformed, or the model needs code this program does not have.
    """
    dataset, plans = _read_json(path / "dataset.json"), _read_json(path / "plans.json")
    folds = find_folds(path)
    checkpoint = _load_checkpoint(folds[0])
    trainer = str(checkpoint.get("trainer_name", "nnUNetTrainer"))
    if NETWORK_CHANGING_TRAINERS.search(trainer):
        raise ModelError(f"The model was trained by {trainer}, which builds another network than its plans say.")
    configuration = str((checkpoint.get("init_args") or {}).get("configuration", "3d_fullres"))
    try:
        plan, labels = read_plan(plans, dataset, configuration), read_labels(dataset)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ModelError(f"The model folder {path.name} is malformed: {error}.") from error
    axes = checkpoint.get("inference_allowed_mirroring_axes") or ()
    return ModelFolder(
        path=path,
        name=str(dataset.get("name", path.name)),
        version=str(dataset.get("version", "")),
        modality=_modality(dataset),
        licence=str(dataset.get("licence", "")),
        plan=plan,
        labels=labels,
        folds=folds,
        orientation=_orientation(dataset),
        mirror_axes=tuple(int(a) for a in axes if 0 <= int(a) <= 2),
        largest_only=tuple(str(n) for n in dataset.get("largest_only", ()) if n in labels.names),
    )


def find_folds(path: Path) -> tuple[Path, ...]:
    """Return the checkpoints of all folds, ``fold_all`` alone if it is there."""
    everything = path / "fold_all" / CHECKPOINT
    if everything.is_file():
        return (everything,)
    folds = tuple(f for f in (path / f"fold_{n}" / CHECKPOINT for n in range(5)) if f.is_file())
    if not folds:
        raise ModelError(f"{path.name} holds no fold_*/{CHECKPOINT}; is it an nnU-Net v2 model folder?")
    return folds


def load_networks(model: ModelFolder, device: torch.device) -> list[PlainConvUNet]:
    """Return one network per fold in evaluation mode, float32, on the device.

    Raises
    ------
    ModelError
        If the weights do not fit the network that the plans describe.
    """
    networks = []
    for fold in model.folds:
        weights = _load_checkpoint(fold).get("network_weights")
        if not isinstance(weights, dict):
            raise ModelError(f"{fold.parent.name}/{fold.name} holds no network_weights.")
        network = PlainConvUNet(model.plan.architecture)
        cleaned = {str(k).removeprefix("module.").removeprefix("_orig_mod."): v for k, v in weights.items()}
        try:
            network.load_state_dict(cleaned)
        except (RuntimeError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ModelError(f"The weights of {fold.parent.name} do not fit the planned network: {reason}") from error
        networks.append(network.eval().requires_grad_(False).to(device))
    return networks


def _load_checkpoint(file: Path) -> dict[str, Any]:
    if file.stat().st_size > MAX_CHECKPOINT_BYTES:
        raise ModelError(f"{file.parent.name}/{file.name} is larger than {MAX_CHECKPOINT_BYTES >> 30} GiB.")
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{file.parent.name}/{file.name} was refused: it holds more than numbers and tensors, and could run code."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{file.parent.name}/{file.name} is not a readable checkpoint: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file.parent.name}/{file.name} holds a {type(content).__name__}, not a checkpoint.")
    return content


def _read_json(file: Path) -> Json:
    if not file.is_file():
        raise ModelError(f"{file.parent.name} holds no {file.name}; is it an nnU-Net v2 model folder?")
    if file.stat().st_size > MAX_JSON_BYTES:
        raise ModelError(f"{file.name} of {file.parent.name} is absurdly large.")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file.name} of {file.parent.name} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file.name} of {file.parent.name} is not a JSON object.")
    return content


def _modality(dataset: Json) -> str:
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    names = [str(v).upper() for v in dict(channels).values()]
    if names and names[0].startswith("CT"):
        return "CT"
    return "MR" if names and names[0].startswith(("MR", "T1", "T2", "FLAIR")) else ""


def _orientation(dataset: Json) -> str:
    codes = str(dataset.get("image_orientation", ""))
    if codes and sorted("LPSRAI".find(c) % 3 for c in codes) != [0, 1, 2]:
        raise ModelError(f"dataset.json's image_orientation {codes!r} does not name one side of each axis.")
    return codes
