"""Everything a person can do with models and collections: list, add, describe, remove, verify."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import torch

from surgtwin.errors import ModelError

from .collection import COLLECTION, CollectionPart, PartLabel
from .collection_file import describe_parts, find_collection, part_names, read_collection
from .model_folder import PLANS, check_orientation, load_networks, read_json, read_model_folder
from .model_layout import CASCADE_STAGE, choose_models, dataset_of, first_stage, is_totalsegmentator
from .model_source import ModelSource
from .plans import Spacing
from .registry import SHIPPED
from .user_models import ModelRecord, problems_of, read_record, remove_model, store_model, user_models

NO_LICENCE = "not stated"
LICENCE_CHARACTERS = 200


@dataclass(frozen=True)
class PartInfo:
    """What is shown of a network. ``spacing_mm`` is [k, j, i] of its grid; 0 where the image's own is kept."""

    name: str
    configuration: str
    network: str
    channels: tuple[str, ...]
    orientation: str
    spacing_mm: Spacing
    patch: tuple[int, int, int]
    folds: int
    structures: int
    priority: int
    sha256: str


@dataclass(frozen=True)
class ModelInfo:
    """What is shown of a model or a collection; ``labels`` are by their values in the label map it makes."""

    name: str
    origin: str
    title: str
    version: str
    modality: str
    licence: str
    sha256: str
    parts: tuple[PartInfo, ...]
    labels: tuple[PartLabel, ...]
    source: str = ""
    added: str = ""


@dataclass(frozen=True)
class Verification:
    """Whether a model is what it was; ``problems`` is empty if so."""

    name: str
    origin: str
    sha256: str
    problems: tuple[str, ...]


def model_names() -> list[tuple[str, str]]:
    """Return (name, "shipped" or "added") of every model that is there."""
    shipped = [(row.name, "shipped") for row in SHIPPED if row.folder.is_dir()]
    return shipped + [(name, "added") for name in user_models()]


def describe_model(name_or_path: str) -> ModelInfo:
    """Return what a model or collection is. Raises ModelError if there is none or it is unusable."""
    origin = dict(model_names()).get(name_or_path, "folder")
    collection = find_collection(name_or_path)
    record = read_record(name_or_path) if origin == "added" else None
    parts = tuple(_describe_part(part) for part in collection.parts)
    return ModelInfo(
        name=name_or_path,
        origin=origin,
        title=collection.name,
        version=collection.version,
        modality=collection.modality,
        licence=record.licence if record else collection.licence or NO_LICENCE,
        sha256=collection.sha256({part.name: part.sha256 for part in parts}),
        parts=parts,
        labels=collection.labels,
        source=record.source if record else "",
        added=record.added if record else "",
    )


def _describe_part(part: CollectionPart) -> PartInfo:
    model = part.model
    return PartInfo(
        name=part.folder,
        configuration=model.plan.configuration,
        network="residual-encoder U-Net" if model.plan.architecture.residual else "U-Net",
        channels=model.channel_names,
        orientation=model.orientation,
        spacing_mm=model.plan.spacing_mm,
        patch=model.plan.patch,
        folds=len(model.folds),
        structures=len(part.labels),
        priority=part.priority,
        sha256=model.sha256(),
    )


def add_model(
    source: Path,
    name: str,
    configuration: str | None = None,
    force: bool = False,
    datasets: Sequence[int] = (),
    orientation: str = "",
) -> ModelRecord:
    """Add a model or a collection from a folder or a zip under a name.

    Parameters
    ----------
    configuration
        Which one, where the source holds several of one data set ("3d_fullres").
    datasets
        Numbers of the data sets whose models are taken, where the source holds several.
    orientation
        The axis codes of the training images ("RAS"), where the model does not say them.

    Raises
    ------
    ModelError, DiskError
        If the source holds no usable model, or several; if it is refused; if it cannot be stored.
    """
    if name in {row.name for row in SHIPPED}:
        raise ModelError(f"{name} is the name of a shipped model. Give another one.")
    check_orientation(orientation, "--orientation")
    with ModelSource(source) as given:
        collections = given.collection_folders()
        if collections and (configuration or datasets or orientation):
            raise ModelError(f"{given.name} has a {COLLECTION}, which says all that by itself; give its name only.")
        if len(collections) > 1:
            raise ModelError(f"{given.name} holds several collections; give the folder of one.")
        folders = given.model_folders()
        if not folders and not collections:
            raise ModelError(f"{given.name} holds no {PLANS} with a dataset.json beside it; it is no nnU-Net v2 model.")
        chosen = [] if collections else choose_models(folders, given.name, configuration, datasets)

        def fill(target: Path) -> None:
            if collections:
                _copy_collection(given, collections[0], target)
            elif len(chosen) == 1 and not orientation and not is_totalsegmentator(chosen[0]):
                _copy_with_stage(given, chosen[0], target)
            else:
                _copy_parts(given, chosen, target, name, orientation)

        return store_model(name, fill, check_model, given.name, force)


def _copy_with_stage(given: ModelSource, folder: PurePosixPath, target: Path) -> None:
    """A model's files; of a cascade its first stage into a folder inside."""
    target.mkdir(parents=True, exist_ok=True)
    given.copy_model(folder, target)
    folders = given.model_folders()
    inside, beside = folder / CASCADE_STAGE, first_stage(folder, folders)
    stage = inside if inside in folders else beside
    if stage is not None:
        (target / CASCADE_STAGE).mkdir()
        given.copy_model(stage, target / CASCADE_STAGE)


def _copy_collection(given: ModelSource, root: PurePosixPath, target: Path) -> None:
    given.copy_model(root, target)
    for folder in part_names(read_json(target / COLLECTION)):
        if root / folder not in given.model_folders():
            raise ModelError(f"{COLLECTION} names the part {folder}, which {given.name} does not hold.")
        _copy_with_stage(given, root / folder, target / folder)


def _copy_parts(given: ModelSource, chosen: Sequence[PurePosixPath], target: Path, name: str, orientation: str) -> None:
    """Model folders side by side, and the collection.json that they came without."""
    inside = [PurePosixPath(*f.parts[-2:]) if dataset_of(f) is not None else PurePosixPath("model") for f in chosen]
    for folder, kept in zip(chosen, inside, strict=True):
        _copy_with_stage(given, folder, target / kept)
    models = [read_model_folder(target / kept) for kept in inside]
    title = next((part for part in inside[0].parts[:-1]), models[0].name) if len(models) == 1 else name
    described = describe_parts(title, inside, models, orientation)
    (target / COLLECTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def check_model(folder: Path) -> str:
    """Refuse a model or collection that does not load; return its licence."""
    collection = read_collection(folder)
    for part in collection.parts:
        for stage in (s for s in (part.model, part.model.previous) if s is not None):
            for fold in stage.folds:
                # One at a time: five folds of a large network need not fit into memory together here.
                load_networks(replace(stage, folds=(fold,)), torch.device("cpu"))
    texts = [licence_text(f) for f in (folder, *(part.model.path for part in collection.parts))]
    stated = dict.fromkeys(text for text in texts if text != NO_LICENCE)
    return collection.licence or "; ".join(stated) or NO_LICENCE


def licence_text(folder: Path) -> str:
    """Return the first lines of a licence file beside the model."""
    for file in sorted(folder.iterdir()):
        if file.name.lower().startswith(("licence", "license", "copying")):
            text = " ".join(file.read_text(encoding="utf-8", errors="replace").split())
            return text[:LICENCE_CHARACTERS] or NO_LICENCE
    return NO_LICENCE


def verify_model(name: str) -> Verification:
    """Return whether a model's files are those recorded and still load."""
    origin = dict(model_names()).get(name)
    if origin is None:
        known = ", ".join(n for n, _ in model_names()) or "none"
        raise ModelError(f"There is no model {name!r}; there are: {known}.")
    problems = problems_of(name) if origin == "added" else []
    sha256 = ""
    try:
        collection = find_collection(name)
        check_model(collection.path)
        sha256 = collection.sha256()
    except ModelError as error:
        problems.append(str(error))
    return Verification(name, origin, sha256, tuple(problems))


def forget_model(name: str) -> None:
    """Remove an added model. Raises ModelError for a shipped one."""
    if name in {row.name for row in SHIPPED}:
        raise ModelError(f"{name} is shipped with the program and stays; only added models can be removed.")
    remove_model(name)
