"""A trained model on disk, in nnU-Net v2's folder layout.

    NAME/
      dataset.json   labels, channels, file ending; ours adds image_orientation, version, licence
      plans.json     grid, normalisation, network
      fold_0, fold_1, ... | fold_all / checkpoint_final.pth

Weights are loaded with ``weights_only=True``: a checkpoint that wants to run code is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from surgtwin.errors import ModelError

from .architecture_plan import Json
from .model_layout import TOTALSEGMENTATOR
from .network import UNet
from .plans import LabelScheme, ModelPlan, read_channels, read_labels, read_plan
from .residual_network import build_network

CHECKPOINT = "checkpoint_final.pth"
PLANS, DATASET = "plans.json", "dataset.json"
UNREADABLE = (
    RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
    AssertionError, struct.error,
)  # fmt: skip
"""What torch's unpickler raises on bytes that are no checkpoint, found by giving it damaged ones."""
RAS_READER, RAS_CODES = "NibabelIOWithReorient", "RAS"
BYTES_A_WEIGHT = 4
MAX_JSON_BYTES = 64 * 2**20
MAX_CHECKPOINT_BYTES = 4 * 2**30
MAX_FOLDS = 100
"""Five as a rule; a person's own split may have more."""
MAX_PARAMETERS = 1_000_000_000
NETWORK_CHANGING_TRAINERS = re.compile(
    r"BN($|_)|BatchNorm|GroupNorm|LayerNorm|(?<!Leaky)ReLU|GELU|SiLU|Swish|Mamba|Swin|UNETR|MedNeXt|Former|STUNet|"
    r"Primus|SegResNet|Attention|DynUNet|UMamba|LightM|SAM($|_)",
    re.I,
)
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
    reach_mm
        Name -> how far in mm a piece of the structure may lie from its largest; what lies farther is cleared.
    previous
        The model of a cascade's first stage, None for any other model.
    channel_names
        What the input channels are called ("T1", "T2"), in the network's order.
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
    reach_mm: Mapping[str, float] = field(default_factory=dict)
    previous: ModelFolder | None = None
    channel_names: tuple[str, ...] = ()

    def sha256(self) -> str:
        """Return one hash over plans, labels and weights of all folds, and of a cascade's first stage."""
        digest = hashlib.sha256()
        if self.previous is not None:
            digest.update(bytes.fromhex(self.previous.sha256()))
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
    dataset, plans = read_json(path / "dataset.json"), read_json(path / "plans.json")
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
        orientation=_orientation(dataset, plans, path),
        mirror_axes=_mirror_axes(axes, plan),
        largest_only=tuple(str(n) for n in dataset.get("largest_only", ()) if n in labels.names),
        reach_mm=_reach(dataset, labels),
        previous=_read_previous(path, plan, labels) if plan.previous_stage else None,
        channel_names=read_channels(dataset),
    )


def _reach(dataset: Mapping[str, Any], labels: LabelScheme) -> dict[str, float]:
    told = dataset.get("reach_mm", {})
    is_sound = isinstance(told, dict) and all(isinstance(v, (int, float)) and 0 < v < math.inf for v in told.values())
    if not is_sound:
        raise ModelError(f"dataset.json: 'reach_mm' must map names of structures to mm; found {told!r}.")
    return {name: float(v) for name, v in told.items() if name in labels.names}


def _read_previous(path: Path, plan: ModelPlan, labels: LabelScheme) -> ModelFolder:
    """The first stage of a cascade: a folder inside the model's, or beside it as nnU-Net lays them."""
    beside = path.with_name("__".join([*path.name.split("__")[:-1], plan.previous_stage]))
    inside = path / plan.previous_stage
    folder = inside if inside.is_dir() else beside
    if folder == path or not folder.is_dir():
        raise ModelError(
            f"{path.name} is the second stage of a cascade; its first stage was not found. "
            f"Put that model's folder beside it as {beside.name}, or inside it as {plan.previous_stage}."
        )
    previous = read_model_folder(folder)
    if previous.plan.previous_stage or previous.labels.names != labels.names:
        raise ModelError(f"The models {folder.name} and {path.name} do not make a cascade: their labels differ.")
    return previous


def find_folds(path: Path) -> tuple[Path, ...]:
    """Return the checkpoints of all folds, ``fold_all`` alone if it is there."""
    everything = path / "fold_all" / CHECKPOINT
    if everything.is_file():
        return (everything,)
    folds = tuple(f for f in (path / f"fold_{n}" / CHECKPOINT for n in range(MAX_FOLDS)) if f.is_file())
    if not folds:
        raise ModelError(f"{path.name} holds no fold_*/{CHECKPOINT}; is it an nnU-Net v2 model folder?")
    return folds


def load_networks(model: ModelFolder, device: torch.device) -> list[UNet]:
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
        network = _empty_network(model)
        cleaned = {str(k).removeprefix("module.").removeprefix("_orig_mod."): v for k, v in weights.items()}
        try:
            network.load_state_dict(cleaned, assign=True)
        except (RuntimeError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ModelError(f"The weights of {fold.parent.name} do not fit the planned network: {reason}") from error
        for parameter in network.parameters():
            # The file is mapped, not read: a copy keeps the network when the file goes.
            parameter.data = parameter.data.to(device, torch.float32, copy=True)
        networks.append(network.eval().requires_grad_(False))
    return networks


def network_bytes(model: ModelFolder) -> int:
    """Return the memory that a model's weights take once loaded: of all folds, and of a cascade's first stage."""
    count = sum(p.numel() for p in _empty_network(model).parameters())
    before = network_bytes(model.previous) if model.previous is not None else 0
    return before + count * BYTES_A_WEIGHT * len(model.folds)


def _empty_network(model: ModelFolder) -> UNet:
    """The planned network without memory for its weights: those of the checkpoint take their place."""
    with torch.device("meta"):
        network = build_network(model.plan.architecture)
    count = sum(p.numel() for p in network.parameters())
    if count > MAX_PARAMETERS:
        raise ModelError(f"{model.name} plans a network of {count / 1e9:.1f} billion parameters; not plausible.")
    return network


def _load_checkpoint(file: Path) -> dict[str, Any]:
    if max(file.stat().st_size, _unpacked_size(file)) > MAX_CHECKPOINT_BYTES:
        raise ModelError(f"{file.parent.name}/{file.name} is larger than {MAX_CHECKPOINT_BYTES >> 30} GiB.")
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{file.parent.name}/{file.name} was refused: it holds more than numbers and tensors, and could run code."
        ) from error
    except UNREADABLE as error:
        raise ModelError(f"{file.parent.name}/{file.name} is not a readable checkpoint: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file.parent.name}/{file.name} holds a {type(content).__name__}, not a checkpoint.")
    return content


def _unpacked_size(file: Path) -> int:
    """What a checkpoint that is a zip archive claims to unpack to; 0 for another."""
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return 0


def _mirror_axes(allowed: Iterable[Any], plan: ModelPlan) -> tuple[int, ...]:
    """Axes 0..2 of the transposed volume; a two-dimensional network counts them within its slice."""
    shift = 1 if plan.architecture.is_flat else 0
    return tuple(int(a) + shift for a in allowed if 0 <= int(a) <= 2 - shift)


def read_json(file: Path) -> Json:
    """Return a model's JSON object. Raises ModelError if it is missing, absurdly large, or no JSON object."""
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


def _orientation(dataset: Json, plans: Json, path: Path) -> str:
    """What dataset.json says; else RAS where nnU-Net's reader or TotalSegmentator turns images; else as stored."""
    names = (str(plans.get("dataset_name", "")), path.name, path.parent.name)
    is_turned = plans.get("image_reader_writer") == RAS_READER or any(TOTALSEGMENTATOR.fullmatch(n) for n in names)
    turned = RAS_CODES if is_turned else ""
    return check_orientation(str(dataset.get("image_orientation", turned)), DATASET)


def check_orientation(codes: str, file: str) -> str:
    """Return axis codes ("LPS") or nothing. Raises ModelError if they do not name one side of each axis."""
    sides = {c: n % 3 for n, c in enumerate("LPSRAI")}
    if codes and sorted(sides.get(c, -1) for c in codes) != [0, 1, 2]:
        raise ModelError(f"The image orientation {codes!r} in {file} does not name one side of each axis.")
    return codes
